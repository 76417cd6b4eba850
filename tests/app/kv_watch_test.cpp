// Changes as they are seen by who watches.

#include <gtest/gtest.h>

#include <thread>

#include "app/kv_box.hpp"

namespace walkit::kv {
namespace {

using testing::HasErrc;
using testing::IsOk;

constexpr std::chrono::milliseconds kNow{0}, kForever = std::chrono::milliseconds::max();

/// "3 written k=v", or "gap 1..4".
std::string text_of(const WatchItem& item) {
  if (const auto* gap = std::get_if<Gap>(&item)) {
    return "gap " + std::to_string(gap->first) + ".." + std::to_string(gap->last);
  }
  const Event& event = std::get<Event>(item);
  const char* kinds[] = {"written", "erased", "expired"};
  return std::to_string(event.revision) + " " + kinds[static_cast<int>(event.kind)] + " " +
         event.key + "=" + event.value.value;
}

std::vector<std::string> all_of(Watch& watch) {
  std::vector<std::string> texts;
  for (auto item = watch.next(kNow).value(); item; item = watch.next(kNow).value()) {
    texts.push_back(text_of(*item));
  }
  return texts;
}

using Lines = std::vector<std::string>;

TEST(KvWatch, ChangesComeInTheOrderOfTheirEntries) {
  KvBox box;
  Watch watch = box.machine().watch("", 0 + 1);
  EXPECT_EQ(all_of(watch), Lines{});
  box.apply({Put{"a", "1"}, Put{"b", "2", Time(10)}, CompareAndSwap{"a", "0", "x"}, Put{"a", "3"}});
  EXPECT_EQ(all_of(watch), (Lines{"1 written a=1", "2 written b=2", "4 written a=3"}));
  box.apply({Tick{Time(10)}, Put{"c", "4"}, EraseRange{}});
  EXPECT_EQ(all_of(watch),
            (Lines{"5 expired b=2", "6 written c=4", "7 erased a=3", "7 erased c=4"}));
}

TEST(KvWatch, APrefixIsAllThatIsSeen) {
  KvBox box;
  Watch watch = box.machine().watch("job/", 1);
  box.apply({Put{"job/1", ""}, Put{"jo", ""}, Put{"job", ""}, Erase{"job/1"}, Erase{"none"}});
  EXPECT_EQ(all_of(watch), (Lines{"1 written job/1=", "4 erased job/1="}));
}

TEST(KvWatch, BeginsWithAnEarlierOrALaterEntry) {
  KvBox box;
  box.apply({Put{"a", "1"}, Put{"a", "2"}, Put{"a", "3"}});
  Watch early = box.machine().watch("", 2), late = box.machine().watch("", 5);
  EXPECT_EQ(all_of(early), (Lines{"2 written a=2", "3 written a=3"}));
  EXPECT_EQ(all_of(late), Lines{});
  box.apply({Put{"a", "4"}, Put{"a", "5"}});
  EXPECT_EQ(all_of(early), (Lines{"4 written a=4", "5 written a=5"}));
  EXPECT_EQ(all_of(late), (Lines{"5 written a=5"}));
}

TEST(KvWatch, WhatIsKeptNoMoreIsAGap) {
  KvBox box({.history_changes = 3});
  Watch slow = box.machine().watch("", 1);
  box.apply({Put{"a", "1"}});
  EXPECT_EQ(all_of(slow), (Lines{"1 written a=1"}));
  for (int n = 2; n <= 9; ++n) box.apply({Put{"a", std::to_string(n)}});
  EXPECT_EQ(all_of(slow), (Lines{"gap 1..6", "7 written a=7", "8 written a=8", "9 written a=9"}));
  Watch late = box.machine().watch("", 4), exact = box.machine().watch("", 7);
  EXPECT_EQ(all_of(late).front(), "gap 4..6");
  EXPECT_EQ(all_of(exact).front(), "7 written a=7");
}

TEST(KvWatch, HistoryIsBoundedInBytes) {
  KvBox box({.history_bytes = 100'000});
  Watch watch = box.machine().watch("", 1);
  for (int n = 0; n < 50; ++n) box.apply({Put{"a", std::string(10'000, 'v')}});
  const auto first = watch.next(kNow).value();
  ASSERT_TRUE(first && std::holds_alternative<Gap>(*first));
  EXPECT_GT(std::get<Gap>(*first).last, 39u);
  EXPECT_GT(all_of(watch).size(), 5u);
  box.apply({Put{"a", std::string(200'000, 'v')}});  // one that is too large alone
  EXPECT_EQ(all_of(watch), (Lines{"gap 50..51"}));
}

TEST(KvWatch, ARestartKeepsWhatTheCheckpointDoesNotCover) {
  KvBox box;
  box.apply({Put{"a", "1"}, Put{"a", "2"}});
  ASSERT_THAT(box.machine().checkpoint(), IsOk());
  box.apply({Put{"a", "3"}, Put{"a", "4"}});
  box.reopen();
  Watch seen = box.machine().watch("", 3), all = box.machine().watch("", 5);
  Watch early = box.machine().watch("", 1);
  EXPECT_EQ(all_of(seen), (Lines{"3 written a=3", "4 written a=4"}));
  EXPECT_EQ(all_of(early), (Lines{"gap 1..2", "3 written a=3", "4 written a=4"}));
  box.apply({Put{"a", "5"}});
  EXPECT_EQ(all_of(all), (Lines{"5 written a=5"}));
}

TEST(KvWatch, AnInstallIsAGap) {
  KvBox from, into;
  from.apply({Put{"a", "1"}, Put{"a", "2"}, Put{"a", "3"}});
  Watch watch = into.machine().watch("", 1);
  ASSERT_THAT(into.machine().install(from.machine().snapshot()), IsOk());
  EXPECT_EQ(all_of(watch), (Lines{"gap 1..3"}));
  const std::vector<Request> next{{4, Put{"a", "4"}, 1}};
  into.machine().apply(next).value();
  EXPECT_EQ(all_of(watch), (Lines{"4 written a=4"}));
}

TEST(KvWatch, WaitsUntilSomethingComes) {
  KvBox box;
  std::vector<std::string> seen;
  Watch watch = box.machine().watch("", 1);
  std::thread watcher([&] {
    for (auto item = watch.next(kForever); item; item = watch.next(kForever)) {
      if (*item) seen.push_back(text_of(**item));
    }
  });
  for (int n = 0; n < 100; ++n) box.apply({Put{"a", std::to_string(n)}});
  ASSERT_THAT(box.machine().close(), IsOk());  // ends the wait, when all was given
  watcher.join();
  ASSERT_EQ(seen.size(), 100u);
  EXPECT_EQ(seen.back(), "100 written a=99");
  EXPECT_THAT(watch.next(kNow), HasErrc(Errc::closed));
}

TEST(KvWatch, ReadsCheckpointsAndSnapshotsGoOnBesideWrites) {
  KvBox box({.wal = {.flush = FlushPolicy::manual()}});
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) {
      const KvSnapshot snapshot = box.machine().snapshot();
      const std::size_t size = snapshot.scan({}, 5000).entries.size();
      if (size != snapshot.size()) ADD_FAILURE() << "a snapshot changed";
    }
  });
  std::thread keeper([&] {
    while (!done) EXPECT_THAT(box.machine().checkpoint(), IsOk());
  });
  for (int n = 0; n < 2000; ++n) {
    box.apply({Put{std::to_string(n % 700), "v"}, Erase{std::to_string(n * 7 % 700)}});
  }
  done = true;
  reader.join();
  keeper.join();
  box.expect_sound();
}

}  // namespace
}  // namespace walkit::kv
