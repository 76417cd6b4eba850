// When checkpoints are taken in the background, and what is told of them.

#include "walkit/checkpoint/background.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using testing::HasErrc;
using testing::IsOkAndHolds;

// Until it is so; the test's own time limit ends it otherwise.
void wait_until(const std::function<bool()>& holds) {
  while (!holds()) std::this_thread::yield();
}

/// Answers the number of the call.
struct Taker {
  std::atomic<std::uint64_t> calls{0}, fails_until{0};
  Result<EntryId> operator()() {
    const std::uint64_t call = ++calls;
    if (call <= fails_until) return Error{.code = Errc::no_space, .message = "full"};
    return EntryId{call};
  }
};

TEST(BackgroundCheckpoints, NothingIsTakenBeforeItIsDue) {
  Taker taker;
  BackgroundCheckpoints background({.bytes = 100, .entries = 10}, std::ref(taker));
  background.note(9, 99);
  background.stop();
  EXPECT_EQ(taker.calls, 0u);
}

TEST(BackgroundCheckpoints, EachLimitAsksForOne) {
  for (const bool by_bytes : {true, false}) {
    Taker taker;
    BackgroundCheckpoints background({.bytes = 100, .entries = 10}, std::ref(taker));
    background.note(by_bytes ? 1 : 10, by_bytes ? 100 : 1);
    wait_until([&] { return background.stats().taken == 1; });
    EXPECT_EQ(background.stats().last, EntryId{1});
    // Counted from there on.
    background.note(by_bytes ? 2 : 19, by_bytes ? 199 : 2);
    background.stop();
    EXPECT_EQ(taker.calls, 1u);
  }
}

TEST(BackgroundCheckpoints, WhatALifeBeforeCoveredCounts) {
  Taker taker;
  BackgroundCheckpoints background({.entries = 10}, std::ref(taker));
  background.begin(95);
  background.note(104, 0);
  EXPECT_EQ(taker.calls, 0u);
  background.note(105, 0);
  wait_until([&] { return taker.calls == 1; });
}

TEST(BackgroundCheckpoints, TimeAsksWhereSomethingIsNew) {
  Taker taker;
  BackgroundCheckpoints background({.time = std::chrono::milliseconds(1)}, std::ref(taker));
  EXPECT_EQ(taker.calls, 0u);
  background.note(1, 1);
  wait_until([&] { return background.stats().taken == 1; });
}

TEST(BackgroundCheckpoints, OneThatFailedIsToldAndTriedAgain) {
  Taker taker;
  taker.fails_until = 1;
  BackgroundCheckpoints background({.entries = 1}, std::ref(taker));
  background.note(1, 1);
  wait_until([&] { return background.stats().failed == 1; });
  const CheckpointStats failed = background.stats();
  ASSERT_TRUE(failed.failure || failed.taken == 1);
  wait_until([&] { return background.stats().taken == 1; });
  EXPECT_FALSE(background.stats().failure);
  EXPECT_EQ(background.stats().last, EntryId{2});
}

TEST(BackgroundCheckpoints, OnDemandRunsOnTheCallersThread) {
  std::thread::id ran_on;
  BackgroundCheckpoints background({}, [&]() -> Result<EntryId> {
    ran_on = std::this_thread::get_id();
    return EntryId{7};
  });
  EXPECT_THAT(background.take_now(), IsOkAndHolds(EntryId{7}));
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  EXPECT_EQ(background.stats().taken, 1u);
}

TEST(BackgroundCheckpoints, AnErrorOnDemandIsHandedBack) {
  Taker taker;
  taker.fails_until = 1;
  BackgroundCheckpoints background({}, std::ref(taker));
  EXPECT_THAT(background.take_now(), HasErrc(Errc::no_space));
  EXPECT_EQ(background.stats().failure->message, "full");
  EXPECT_THAT(background.take_now(), IsOkAndHolds(EntryId{2}));
  EXPECT_FALSE(background.stats().failure);
}

TEST(BackgroundCheckpoints, StoppingWaitsForTheOneThatIsUnderWayAndTakesNoMore) {
  std::atomic<bool> entered = false, may_leave = false, left = false;
  BackgroundCheckpoints background({.entries = 1}, [&]() -> Result<EntryId> {
    entered = true;
    wait_until([&] { return may_leave.load(); });
    left = true;
    return EntryId{1};
  });
  background.note(1, 1);
  wait_until([&] { return entered.load(); });
  std::thread stopping([&] {
    background.stop();
    EXPECT_TRUE(left);
  });
  may_leave = true;
  stopping.join();
  background.note(100, 100);
  EXPECT_EQ(background.stats().taken, 1u);
}

}  // namespace
}  // namespace walkit
