// A durable map of its own: ids, threads, and a clock that does what it likes.

#include "walkit/app/kv_store.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit::kv {
namespace {

using std::chrono::seconds;
using testing::HasErrc;
using testing::IsOk;

/// Its clock is the test's.
class Clocked final : public testing::PassingDirectory {
 public:
  explicit Clocked(std::shared_ptr<Directory> disk) : PassingDirectory(std::move(disk)) {}
  std::chrono::nanoseconds now() override { return seconds(second.load()); }
  std::atomic<std::int64_t> second = 1'000'000;
};

class KvStore : public ::testing::Test {
 protected:
  void reopen() {
    store.reset();
    store.emplace(Store::open(disk).value());
  }
  [[nodiscard]] std::optional<std::string> get(std::string_view key) {
    return store->get(key).value();
  }
  std::shared_ptr<Clocked> disk = std::make_shared<Clocked>(MemoryDirectory::create());
  std::optional<Store> store = Store::open(disk).value();
};

TEST_F(KvStore, IsAMapThatSurvives) {
  EXPECT_EQ(store->put("a", "1").value(), Outcome::done);
  EXPECT_EQ(store->compare_and_swap("a", "1", "2").value(), Outcome::done);
  EXPECT_EQ(store->compare_and_swap("a", "1", "3").value(), Outcome::mismatch);
  EXPECT_EQ(store->increment("n", 5).value().number, 5);
  EXPECT_EQ(store->put_if_revision("b", 0, "x").value(), Outcome::done);
  EXPECT_EQ(store->erase("b").value().number, 1);
  reopen();
  EXPECT_EQ(get("a"), "2");
  EXPECT_EQ(get("n"), "5");
  EXPECT_EQ(get("b"), std::nullopt);
  EXPECT_EQ(store->size().value(), 2u);
  EXPECT_EQ(store->scan({}, 1).value().next, "n");
  EXPECT_EQ(store->erase(KeyRange{}).value().number, 2);
}

TEST_F(KvStore, ARevisionIsTheIdOfItsLogEntry) {
  for (int life = 0; life < 3; ++life, reopen()) {
    for (int n = 0; n < 5; ++n) {
      const Outcome outcome = store->put("k", "v").value();
      const auto segments = store->maintenance().segment_ranges().value();
      EXPECT_EQ(EntryId{outcome.revision}, segments.back().entries.last);
      EXPECT_EQ(store->find("k").value()->revision, outcome.revision);
    }
    ASSERT_THAT(store->checkpoint(), IsOk());
  }
}

TEST_F(KvStore, ThreadsShareItAndNothingIsLostOrDoneTwice) {
  constexpr int kThreads = 8, kEach = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      std::uint64_t before = 0;
      for (int n = 0; n < kEach; ++n) {
        const std::string own = std::to_string(t) + "/" + std::to_string(n);
        EXPECT_THAT(store->increment("all"), IsOk());
        const Outcome put = store->put(own, own).value();
        EXPECT_GT(put.revision, before);  // each has its own outcome
        before = put.revision;
        EXPECT_EQ(store->find(own).value()->revision, put.revision);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  reopen();
  EXPECT_EQ(get("all"), std::to_string(kThreads * kEach));
  EXPECT_EQ(store->size().value(), 1u + kThreads * kEach);
  EXPECT_EQ(store->revision(), 2u * kThreads * kEach);
}

TEST_F(KvStore, ABatchIsOneAndNobodyStandsBetween) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {
      const std::vector<Command> both{Increment{"left"}, Increment{"right"}};
      for (int n = 0; n < 100; ++n) {
        const auto outcomes = store->apply_batch(both).value();
        EXPECT_EQ(outcomes[0].number, outcomes[1].number);
        EXPECT_EQ(outcomes[0].index + 1, outcomes[1].index);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(get("left"), "400");
  EXPECT_TRUE(store->apply_batch({}).value().empty());
}

TEST_F(KvStore, OneCallersMistakeIsNotEverybodys) {
  const std::string long_key(kKeyBytesMax + 1, 'k');
  std::thread other([&] {
    for (int n = 0; n < 100; ++n) EXPECT_THAT(store->put(long_key, ""), HasErrc(Errc::too_large));
  });
  for (int n = 0; n < 100; ++n) EXPECT_THAT(store->put("k", "v"), IsOk());
  other.join();
  EXPECT_THAT(store->put("k", "v", {.ttl = seconds(0)}), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(store->put("k", "v", {.ttl = seconds(-1)}), HasErrc(Errc::invalid_argument));
}

// What no frame would hold together does not come together.
TEST_F(KvStore, LargeValuesOfManyThreadsAllFit) {
  store.reset();
  store.emplace(
      Store::open(disk, {.wal = {.max_frame_bytes = 1u << 16, .max_entry_bytes = 1u << 15}})
          .value());
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([this, t] {
      for (int n = 0; n < 20; ++n) {
        EXPECT_THAT(store->put(std::to_string(t), std::string(30'000, 'v')), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(store->put("k", std::string(40'000, 'v')), HasErrc(Errc::too_large));
  EXPECT_EQ(store->revision(), 160u);
}

TEST_F(KvStore, AKeyWhoseTimeIsOverIsNotSeenAndItsEndIsLogged) {
  EXPECT_THAT(store->put("k", "v", {.ttl = seconds(5)}), IsOk());
  EXPECT_THAT(store->put("l", "v"), IsOk());
  disk->second += 4;
  EXPECT_EQ(get("k"), "v");
  disk->second += 1;
  EXPECT_EQ(get("k"), std::nullopt);
  EXPECT_EQ(store->size().value(), 1u);
  disk->second -= 1'000;  // a clock that jumps back brings nothing back
  EXPECT_EQ(get("k"), std::nullopt);
  reopen();
  EXPECT_EQ(get("k"), std::nullopt);
  EXPECT_EQ(store->revision(), 3u);  // the end is an entry
}

TEST_F(KvStore, AClockThatFellTakesNothingFromALife) {
  ASSERT_THAT(store->put("k", "v", {.ttl = seconds(5)}), IsOk());
  disk->second -= 1'000;
  ASSERT_THAT(store->put("l", "v", {.ttl = seconds(5)}), IsOk());
  ASSERT_THAT(store->put("m", "v"), IsOk());
  EXPECT_EQ(get("l"), "v");
  disk->second += 1'004;
  EXPECT_EQ(get("l"), "v");
  disk->second += 1;
  EXPECT_EQ(get("l"), std::nullopt);
}

TEST_F(KvStore, EachWayToReadSeesWhatIsOver) {
  const std::vector<std::string> keys{"k"};
  const std::vector<std::function<bool()>> is_there = {
      [&] { return store->get("k").value().has_value(); },
      [&] { return store->get(keys).value()[0].has_value(); },
      [&] { return store->find("k").value().has_value(); },
      [&] { return !store->scan({}, 9).value().entries.empty(); },
      [&] { return store->size().value() > 0; },
      [&] { return store->compare_and_swap("k", "v", "w").value() == Outcome::done; },
  };
  for (const auto& look : is_there) {
    ASSERT_THAT(store->put("k", "v", {.ttl = seconds(5)}), IsOk());
    disk->second += 4;
    EXPECT_TRUE(look());
    ASSERT_THAT(store->put("k", "v", {.ttl = seconds(5)}), IsOk());
    disk->second += 5;
    EXPECT_FALSE(look());
  }
}

TEST_F(KvStore, ALeaseIsHeldByKeepingItAlive) {
  EXPECT_EQ(store->grant(1, seconds(10)).value(), Outcome::done);
  EXPECT_EQ(store->put("k", "v", {.lease = 1}).value(), Outcome::done);
  for (int n = 0; n < 5; ++n) {
    disk->second += 9;
    EXPECT_EQ(store->keep_alive(1, seconds(10)).value(), Outcome::done);
  }
  reopen();
  EXPECT_EQ(get("k"), "v");
  disk->second += 10;
  EXPECT_EQ(get("k"), std::nullopt);
  EXPECT_EQ(store->keep_alive(1, seconds(10)).value(), Outcome::not_found);
  EXPECT_EQ(store->put("k", "v", {.lease = 1}).value(), Outcome::not_found);
  EXPECT_EQ(store->revoke(1).value(), Outcome::not_found);
}

TEST_F(KvStore, WritesBehindAClosedOneAreAnswered) {
  Watch watch = store->watch("", 1);
  EXPECT_THAT(store->put("k", "v"), IsOk());
  EXPECT_THAT(store->close(), IsOk());
  EXPECT_THAT(store->put("k", "w"), HasErrc(Errc::closed));
  EXPECT_TRUE(watch.next({}).value().has_value());
  EXPECT_THAT(watch.next({}), HasErrc(Errc::closed));
}

}  // namespace
}  // namespace walkit::kv
