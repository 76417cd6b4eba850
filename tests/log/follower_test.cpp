// Followers: what comes, in order, once; durable only unless told otherwise; across writers that
// come, are killed and go.

#include <thread>

#include "io/child_process.hpp"
#include "io/temp_directory.hpp"
#include "log/frames_by_hand.hpp"
#include "log/log_box.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/fault_directory.hpp"

namespace walkit {
namespace {

using namespace std::chrono_literals;
using Record = std::optional<WalRecord<std::string>>;

constexpr auto kSoon = std::chrono::seconds(60);  // nothing waits that long but a failure
constexpr auto kNow = 0ms;

Reader::Follower follow(const std::shared_ptr<Directory>& directory, EntryId from = {},
                        ReadOptions options = {}, FollowOptions how = {}) {
  return Reader::open(directory, std::move(options)).value().follow(from, std::move(how));
}

/// All that is there now.
std::vector<std::uint64_t> take_all(Reader::Follower& follower) {
  std::vector<std::uint64_t> ids;
  for (;;) {
    auto record = follower.next(kNow);
    EXPECT_THAT(record, IsOk());
    if (!record || !*record) return ids;
    EXPECT_EQ((*record)->payload, text_of((*record)->entry_id.value));
    ids.push_back((*record)->entry_id.value);
  }
}

std::vector<std::uint64_t> ids(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> all;
  for (; first <= last; ++first) all.push_back(first);
  return all;
}

TEST(Follower, GivesWhatIsDurableAndThenWhatComes) {
  LogBox box;
  box.append(3).flush(2);
  auto follower = follow(box.directory);
  EXPECT_EQ(take_all(follower), ids(1, 3));
  EXPECT_EQ(take_all(follower), ids(1, 0));
  box.append(1);
  EXPECT_EQ(take_all(follower), ids(4, 6));
  box.flush(1);
  EXPECT_EQ(take_all(follower), ids(1, 0)) << "flushed is not durable";
  box.close();
  EXPECT_EQ(take_all(follower), ids(7, 7));
  box.open().append(2);
  EXPECT_EQ(take_all(follower), ids(8, 9));
}

TEST(Follower, GivesWhatIsFlushedWhereToldTo) {
  LogBox box;
  box.append(1);
  auto follower = follow(box.directory, {}, {.visibility = Durability::flushed});
  box.flush(2);
  EXPECT_EQ(take_all(follower), ids(1, 3));
  box.append(1);
  EXPECT_EQ(take_all(follower), ids(4, 4));
}

TEST(Follower, BeginsWhereItIsTold) {
  LogBox box({.segment_bytes = 4096, .preallocation = Preallocation::none});
  box.append(200);
  ASSERT_GE(segment_files(box.directory).size(), 3u);
  for (const std::uint64_t from : {1u, 2u, 77u, 199u, 200u, 201u}) {
    auto follower = follow(box.directory, EntryId{from});
    EXPECT_EQ(take_all(follower), ids(from, 200)) << from;
  }
}

TEST(Follower, WaitsForAnIdThatIsFarAhead) {
  LogBox box;
  box.append(2);
  auto follower = follow(box.directory, EntryId{5});
  EXPECT_EQ(take_all(follower), ids(1, 0));
  box.append(2);
  EXPECT_EQ(take_all(follower), ids(1, 0));
  box.append(2);
  EXPECT_EQ(take_all(follower), ids(5, 6));
}

TEST(Follower, FollowsAnEmptyLogAndRotations) {
  LogBox box({.segment_bytes = 4096, .preallocation = Preallocation::none});
  auto follower = follow(box.directory);
  EXPECT_EQ(take_all(follower), ids(1, 0));
  std::uint64_t last = 0;
  for (std::uint64_t n = 1; n <= 60; n += 3) {
    box.append(n);
    EXPECT_EQ(take_all(follower), ids(last + 1, last + n));
    last += n;
  }
  EXPECT_GE(segment_files(box.directory).size(), 10u);
}

TEST(Follower, IsStoppedFromAnotherThreadWhileItWaits) {
  LogBox box;
  box.append(1);
  std::stop_source stop;
  auto follower = follow(box.directory, {}, {}, {.stop = stop.get_token(), .poll = 1h});
  ASSERT_THAT(follower.next(kSoon), IsOk());
  std::thread stopper([&] { stop.request_stop(); });
  for (auto& record : follower) ADD_FAILURE() << record->payload;
  stopper.join();
  EXPECT_EQ(follower.next(kSoon).value(), Record()) << "and stays stopped";
}

TEST(Follower, AsARangeItHandsOutAnErrorAndEnds) {
  LogBox box;
  box.append(3).close();
  box.flip(box.newest(), 512 + 64 + 4);
  auto follower = follow(box.directory);
  std::vector<Errc> codes;
  for (auto& record : follower) codes.push_back(record ? Errc{} : record.error().code);
  EXPECT_EQ(codes, std::vector{Errc::corrupt});
  EXPECT_THAT(follower.next(kNow), HasErrc(Errc::corrupt)) << "the answer for ever";
}

TEST(Follower, TellsThatItsBeginningIsTrimmed) {
  LogBox box({.segment_bytes = 4096, .preallocation = Preallocation::none});
  box.append(100).close();
  const auto home = box.home();
  const auto view = log::read_manifest(*home).value();
  auto slot = *view.newest();
  const std::string second = segment_files(box.directory).at(1);
  const auto header = log::open_segment(*home, {second, *log::parse_segment_name(second)}).value();
  slot.first_segment = header.header.number;
  slot.first_salt = header.header.salt();
  slot.begins_after = header.header.first - 1;
  box.change("wal/MANIFEST", [&](Bytes& bytes) {
    for (std::uint64_t n = 0; n < 2; ++n) {
      slot.generation += 1;
      const auto encoded = log::encode(slot);
      std::copy(encoded.begin(), encoded.end(),
                bytes.begin() +
                    static_cast<std::ptrdiff_t>((slot.generation % 2) * log::kManifestSlotBytes));
    }
  });
  auto follower = follow(box.directory, EntryId{1});
  const auto gone = follower.next(kNow);
  ASSERT_THAT(gone, HasErrc(Errc::gap));
  EXPECT_EQ(gone.error().lost, (EntryIdRange{EntryId{1}, header.header.first - 1}));
  auto oldest = follow(box.directory);
  EXPECT_EQ(take_all(oldest), ids(header.header.first.value, 100));
}

/// Puts the files of `from` in place of those of `to`, as a mount that comes back does.
void replace_files(LogBox& to, const LogBox& from) {
  for (const auto& [path, bytes] : to.image()) to.remove(path);
  for (const auto& [path, bytes] : from.image()) to.put(path, bytes);
}

TEST(Follower, TellsWhatAPowerCutTookBack) {
  std::uint64_t taken_back = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    LogBox box(WalOptions{}, {.seed = seed});
    box.append(3).flush(2);
    LogBox seen;  // the same files, on a device that stays
    seen.wal.reset();
    replace_files(seen, box);
    auto follower = follow(seen.directory, {}, {.visibility = Durability::flushed});
    EXPECT_EQ(take_all(follower), ids(1, 5));
    box.crash(Crash::power_cut).open();
    const std::uint64_t kept = box.last();
    box.append(1);
    replace_files(seen, box);
    if (kept == 5) {
      EXPECT_EQ(take_all(follower), ids(6, 6));
      continue;
    }
    ++taken_back;
    const auto rewound = follower.next(kNow);
    ASSERT_THAT(rewound, HasErrc(Errc::rewound));
    EXPECT_EQ(rewound.error().lost, (EntryIdRange{EntryId{kept + 1}, EntryId{5}}));
  }
  EXPECT_GE(taken_back, 1u);
}

TEST(Follower, TellsThatAnotherLogStandsThere) {
  LogBox box, other(WalOptions{}, {.seed = 2});
  box.append(3).close();
  other.append(9).close();
  auto follower = follow(box.directory);
  EXPECT_EQ(take_all(follower), ids(1, 3));
  replace_files(box, other);
  EXPECT_THAT(follower.next(kNow), HasErrc(Errc::rewound));
}

TEST(Follower, GoesOnBehindARepair) {
  LogBox box;
  box.append(10).close();
  const auto frames = read_segment(*box.home(), segment_files(box.directory)[0]).frames;
  box.flip(box.newest(), frames[5].offset + 70);
  auto follower = follow(box.directory, {}, {.recorded_loss = RecordedLoss::accept});
  for (std::uint64_t n = 1; n <= 5; ++n) {
    EXPECT_EQ(follower.next(kNow).value()->entry_id, EntryId{n});
  }
  const auto maintenance = WalMaintenance::open(box.directory).value();
  const RepairPlan plan = maintenance.plan_repair().value();
  ASSERT_THAT(maintenance.apply(plan, plan.lost), IsOk());
  box.open().append(1);
  EXPECT_EQ(take_all(follower), ids(7, 11)) << "and no verdict of before";
}

TEST(Follower, SaysThatAKnownLogIsNotThere) {
  LogBox box;
  box.close();
  for (const std::uint64_t from : {0u, 1u}) {
    auto follower = follow(box.directory, EntryId{from}, {.expect_durable_through = EntryId{10}});
    EXPECT_THAT(follower.next(kNow), HasErrc(Errc::corrupt)) << from;
  }
}

TEST(Follower, WaitsAsLongAsItIsTold) {
  LogBox box;
  auto follower = follow(box.directory);
  for (const auto time : {std::chrono::milliseconds::max(), std::chrono::milliseconds::max() - 1ms,
                          std::chrono::milliseconds(std::chrono::hours(24 * 365 * 300))}) {
    std::thread writer([&] { box.append(1); });
    const auto record = follower.next(time);
    writer.join();
    ASSERT_THAT(record, IsOk());
    EXPECT_TRUE(record->has_value()) << "it did not wait";
  }
}

// Many lives on one directory, by chance: each entry that becomes durable is given once, in order.
TEST(Follower, SeesEachEntryOnceAcrossKilledWriters) {
  const std::uint64_t first_seed = ::testing::UnitTest::GetInstance()->random_seed();
  for (std::uint64_t seed = first_seed; seed < first_seed + 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto disk = MemoryDirectory::create();
    std::uint64_t given = 0, given_flushed = 0, appended = 0;
    std::optional<Reader::Follower> durable, flushed;
    for (int life = 0; life < 12; ++life) {
      const auto process = testing::FaultDirectory::create(disk);
      WalOptions options{.flush = FlushPolicy::manual(), .segment_bytes = 4096};
      if (random() % 2 == 0) options.preallocation = Preallocation::none;
      auto wal = Wal::open(process, options).value();
      ASSERT_EQ(wal.next_entry_id().value, appended + 1) << "a kill loses nothing that is flushed";
      if (!durable) durable = follow(disk);
      if (!flushed) flushed = follow(disk, {}, {.visibility = Durability::flushed});
      for (int step = 0; step < 20; ++step) {
        for (std::uint64_t n = random() % 8; n > 0; --n) {
          wal.append(text_of(++appended)).value();
          wal.flush().value();
        }
        if (random() % 2 == 0) wal.sync().value();
        if (random() % 3 == 0) {
          const auto now = take_all(*durable);
          ASSERT_EQ(now, ids(given + 1, given + now.size()));
          given += now.size();
          ASSERT_EQ(given, wal.durable_entry_id().value);
        }
        if (random() % 3 == 0) {
          const auto now = take_all(*flushed);
          ASSERT_EQ(now, ids(given_flushed + 1, appended));
          given_flushed = appended;
        }
      }
      if (random() % 3 != 0) process->kill();
    }
    EXPECT_LE(take_all(*durable).size() + given, appended);
    EXPECT_EQ(take_all(*flushed), ids(given_flushed + 1, appended));
  }
}

TEST(Follower, OtherProcessesWriteAndDie) {
  const TempDirectory home;
  const auto directory = home.open();
  constexpr std::uint64_t kLives = 5, kPerLife = 200;
  Wal::open(directory).value().close().value();
  auto follower = follow(directory);
  for (std::uint64_t life = 0; life < kLives; ++life) {
    Channel ready;
    Child writer([&] {
      auto wal = Wal::open(home.open(), {.segment_bytes = 8192}).value();
      for (std::uint64_t n = 0; n < kPerLife; ++n) {
        wal.append(text_of(wal.next_entry_id().value)).value();
      }
      ready.say("done");
      EXPECT_EQ(Channel().wait(), "") << "killed here";
    });
    for (std::uint64_t n = 1; n <= kPerLife; ++n) {
      auto record = follower.next(kSoon);
      ASSERT_THAT(record, IsOk());
      ASSERT_TRUE(record->has_value());
      ASSERT_EQ((*record)->entry_id.value, life * kPerLife + n);
    }
    EXPECT_EQ(ready.wait(), "done");
    writer.kill_and_wait();
  }
}

TEST(Follower, ThreadsFollowOneWriter) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, {.segment_bytes = 16384}).value();
  constexpr std::uint64_t kEntries = 2000;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      auto follower = follow(directory);
      for (std::uint64_t n = 1; n <= kEntries; ++n) {
        auto record = follower.next(kSoon);
        ASSERT_TRUE(record && *record);
        ASSERT_EQ((*record)->entry_id.value, n);
        ASSERT_EQ((*record)->payload, entry_text(n));
      }
    });
  }
  for (std::uint64_t n = 1; n <= kEntries; ++n) ASSERT_THAT(wal.append(entry_text(n)), IsOk());
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace walkit
