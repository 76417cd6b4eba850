// Ends of keys: by times in entries alone, by leases, across crashes, checkpoints and snapshots.

#include <gtest/gtest.h>

#include <functional>

#include "app/kv_box.hpp"

namespace walkit::kv {
namespace {

using testing::HasErrc;
using testing::IsOk;

constexpr Time kStart{1'700'000'000'000};
Time after(int seconds) { return kStart + std::chrono::seconds(seconds); }

/// Each way in which a state goes on: the process dies, with and without a checkpoint; a snapshot
/// goes to a new replica.
const std::vector<std::pair<const char*, std::function<void(KvBox&)>>> kWaysOn = {
    {"as it is", [](KvBox&) {}},
    {"reopened", [](KvBox& box) { box.reopen(); }},
    {"behind a checkpoint",
     [](KvBox& box) {
       ASSERT_THAT(box.machine().checkpoint(), IsOk());
       box.reopen();
     }},
    {"installed",
     [](KvBox& box) {
       const Bytes bytes = box.machine().snapshot().bytes().value();
       KvBox other;
       ASSERT_THAT(other.machine().install(KvSnapshot::read(bytes).value()), IsOk());
       EXPECT_EQ(digest(other.machine()), bytes);
       std::swap(box, other);
     }},
};

// Acceptance check 26; fault 10 of docs/kv.md. What overwrites a key decides its end.
TEST(KvTime, OverwritingClearsTheEnd) {
  for (const auto& [name, go_on] : kWaysOn) {
    SCOPED_TRACE(name);
    KvBox box;
    box.apply({Put{"k", "old", after(2)}, Put{"k", "new"}}, kStart);
    box.apply({Put{"s", "1", after(2)}, CompareAndSwap{"s", "1", "2"}}, kStart);
    go_on(box);
    box.apply({Tick{after(1000)}});
    EXPECT_EQ(box.get("k"), "new");
    EXPECT_EQ(box.get("s"), "2");
    EXPECT_EQ(box.machine().next_expiry(), std::nullopt);
    box.expect_sound();
  }
}

TEST(KvTime, OverwritingReplacesTheEnd) {
  KvBox box;
  box.apply({Put{"k", "1", after(2)}, Put{"k", "2", after(9)}}, kStart);
  box.apply({Tick{after(8)}});
  EXPECT_EQ(box.get("k"), "2");
  box.apply({Tick{after(9)}});  // at its end, not behind it
  EXPECT_EQ(box.get("k"), std::nullopt);
  box.expect_sound();
}

// Acceptance check 26; fault 6 of docs/kv.md. An end that comes after a crash brings no older value
// back.
TEST(KvTime, AnOldValueDoesNotComeBack) {
  for (const auto& [name, go_on] : kWaysOn) {
    SCOPED_TRACE(name);
    KvBox box;
    box.apply({Put{"k", "old"}, Put{"k", "new", after(1)}}, kStart);
    go_on(box);
    EXPECT_EQ(box.get("k"), "new");
    box.apply({Tick{after(2)}});
    EXPECT_EQ(box.get("k"), std::nullopt);
    go_on(box);
    EXPECT_EQ(box.get("k"), std::nullopt);
  }
}

// Acceptance check 27; faults 8, 9, 16 of docs/kv.md.
TEST(KvTime, WhatIsLeftOfALifeSurvivesAndWhatIsOverIsNotSeen) {
  for (const auto& [name, go_on] : kWaysOn) {
    SCOPED_TRACE(name);
    KvBox box;
    box.apply({Put{"a", "1", after(10)}, Put{"b", "2", after(20)}, Grant{5, after(30)},
               Put{"c", "3", std::nullopt, 5}},
              kStart);
    go_on(box);
    EXPECT_EQ(box.machine().find("a")->expires_at, after(10));
    EXPECT_EQ(box.machine().lease_end(5), after(30));
    box.apply({Noop{}}, after(10));  // any entry moves time
    EXPECT_EQ(box.get("a"), std::nullopt);
    EXPECT_EQ(box.machine().size(), 2u);
    EXPECT_EQ(box.machine().scan({}, 9).entries.size(), 2u);
    go_on(box);
    EXPECT_EQ(box.machine().next_expiry(), after(20));
    box.apply({Tick{after(30)}});
    EXPECT_EQ(box.machine().size(), 0u);
    EXPECT_EQ(box.machine().lease_end(5), std::nullopt);
    box.expect_sound();
  }
}

// Acceptance check 28; fault 15 of docs/kv.md.
TEST(KvTime, OneEndIsFoundAmongAThousandLaterOnes) {
  KvBox box;
  std::vector<Command> many;
  for (int n = 0; n < 1000; ++n) many.push_back(Put{std::to_string(n), "", after(1000 + n)});
  many.push_back(Put{"z", "", after(1)});
  box.apply(many, kStart);
  box.apply({Tick{after(1)}});
  EXPECT_EQ(box.get("z"), std::nullopt);
  EXPECT_EQ(box.machine().size(), 1000u);
  EXPECT_EQ(box.machine().next_expiry(), after(1000));
}

// Fault 14 of docs/kv.md. What a proposer sees as over and somebody else overwrote stays.
TEST(KvTime, AValueWrittenAgainDoesNotGoWithTheOldOne) {
  KvBox box;
  box.apply({Put{"k", "old", after(1)}}, kStart);
  box.apply({Put{"k", "fresh", after(100)}, Tick{after(2)}}, kStart);
  EXPECT_EQ(box.get("k"), "fresh");
}

// Decided with what is there at the time of the entry, as all replicas do.
TEST(KvTime, AnEntrySeesWhatEndedAtItsOwnTime) {
  KvBox box;
  box.apply({Put{"k", "1", after(5)}, Put{"n", "7", after(5)}}, kStart);
  const auto chunk =
      box.requests({CompareAndSwap{"k", std::nullopt, "2"}, Increment{"n"}}, after(5));
  const auto outcomes = box.machine().apply(chunk).value();
  EXPECT_EQ(outcomes[0], Outcome::done);
  EXPECT_EQ(outcomes[1].number, 1);
  EXPECT_EQ(box.machine().find("n")->expires_at, std::nullopt);  // a new key
}

TEST(KvTime, AClockThatJumpsBackChangesNothing) {
  KvBox box;
  box.apply({Put{"k", "1", after(5)}}, after(0));
  box.apply({Tick{after(10)}});
  box.apply({Put{"l", "1", after(20)}, Tick{after(-500)}}, after(-1000));
  EXPECT_EQ(box.machine().now(), after(10));
  EXPECT_EQ(box.get("k"), std::nullopt);
  EXPECT_EQ(box.get("l"), "1");
  box.apply({Tick{after(19)}}, after(3));
  EXPECT_EQ(box.get("l"), "1");
}

TEST(KvTime, AnEndThatIsPastIsWrittenAndGone) {
  KvBox box;
  box.apply({Put{"k", "old"}}, after(10));
  const Outcome outcome = box.apply_one(Put{"k", "new", after(10)}, after(10));
  EXPECT_EQ(outcome, Outcome::done);
  EXPECT_EQ(outcome.revision, 0u);
  EXPECT_EQ(box.get("k"), std::nullopt);  // neither the old one nor the new
  box.expect_sound();
}

TEST(KvTime, IncrementLeavesTheEndAsItIs) {
  KvBox box;
  box.apply({Grant{1, after(50)}, Put{"n", "1", after(5), 1}, Increment{"n"}}, kStart);
  EXPECT_EQ(box.machine().find("n")->expires_at, after(5));
  EXPECT_EQ(box.machine().find("n")->lease, 1u);
  box.apply({Tick{after(5)}});
  EXPECT_EQ(box.get("n"), std::nullopt);
  box.expect_sound();
}

TEST(KvLeases, KeysOfALeaseGoTogether) {
  KvBox box;
  box.apply({Grant{7, after(5)}, Put{"a", "", std::nullopt, 7}, Put{"b", "", std::nullopt, 7},
             Put{"c", "", after(2), 7}, Put{"d", ""}},
            kStart);
  box.apply({Tick{after(2)}});
  EXPECT_EQ(box.machine().size(), 3u);  // whichever comes first
  box.apply({Tick{after(5)}});
  EXPECT_EQ(box.machine().scan_prefix("", 9).size(), 1u);
  EXPECT_EQ(box.apply_one(KeepAlive{7, after(50)}), Outcome::not_found);
  box.expect_sound();
}

TEST(KvLeases, KeepAliveMovesTheEndAndNeverBack) {
  KvBox box;
  box.apply({Grant{7, after(5)}, Put{"a", "", std::nullopt, 7}, KeepAlive{7, after(20)}}, kStart);
  box.apply({KeepAlive{7, after(1)}});
  EXPECT_EQ(box.machine().lease_end(7), after(20));
  box.apply({Tick{after(19)}});
  EXPECT_EQ(box.get("a"), "");
  box.apply({Tick{after(20)}});
  EXPECT_EQ(box.get("a"), std::nullopt);
}

TEST(KvLeases, RevokeEndsItWithItsKeys) {
  KvBox box;
  box.apply({Grant{7, after(5)}, Grant{8, after(5)}, Put{"a", "", std::nullopt, 7},
             Put{"b", "", std::nullopt, 8}, Put{"c", "", std::nullopt, 7}},
            kStart);
  EXPECT_EQ(box.apply_one(Grant{7, after(9)}), Outcome::mismatch);
  EXPECT_EQ(box.apply_one(Revoke{7}).number, 2);
  EXPECT_EQ(box.apply_one(Revoke{7}), Outcome::not_found);
  EXPECT_EQ(box.machine().scan_prefix("", 9).size(), 1u);
  EXPECT_EQ(box.apply_one(Grant{7, after(9)}), Outcome::done);  // a new one of that id
  box.expect_sound();
}

TEST(KvLeases, AKeyLeavesItsLeaseWhenItIsOverwritten) {
  KvBox box;
  box.apply({Grant{7, after(5)}, Put{"a", "1", std::nullopt, 7}, Put{"a", "2"},
             Put{"b", "1", std::nullopt, 7}, Erase{"b"}, Put{"b", "2"}},
            kStart);
  EXPECT_EQ(box.apply_one(Revoke{7}).number, 0);
  EXPECT_EQ(box.get("a"), "2");
  EXPECT_EQ(box.get("b"), "2");
  box.expect_sound();
}

// Fault 18 of docs/kv.md. A lease that is not there is an outcome, and nothing is written.
TEST(KvLeases, AWriteToALeaseThatIsOverWritesNothing) {
  KvBox box;
  box.apply({Put{"a", "1"}});
  EXPECT_EQ(box.apply_one(Put{"a", "2", std::nullopt, 9}), Outcome::not_found);
  EXPECT_EQ(box.apply_one(CompareAndSwap{"a", "1", "2", std::nullopt, 9}), Outcome::not_found);
  EXPECT_EQ(box.apply_one(PutIfRevision{"a", "2", 1, std::nullopt, 9}), Outcome::not_found);
  EXPECT_EQ(box.get("a"), "1");
}

// Acceptance check 30; faults 14, 20 of docs/kv.md. Nothing but the entries has a say.
TEST(KvTime, ReplicasWithOtherClocksAreEqualToTheByte) {
  KvBox one, two;
  std::vector<Request> entries;
  for (std::uint64_t n = 1; n <= 300; ++n) {
    const Time time = after(static_cast<int>(n % 7 == 0 ? n / 2 : n));
    entries.push_back(
        {n, Put{std::to_string(n % 50), "v", time + std::chrono::seconds(n % 9)}, 1, time});
  }
  one.machine().apply(entries).value();
  for (const Request& entry : entries) {  // in other chunks, across restarts and checkpoints
    two.machine().apply({&entry, 1}).value();
    if (entry.index % 50 == 0) {
      ASSERT_THAT(two.machine().checkpoint(), IsOk());
      two.reopen();
    }
  }
  EXPECT_EQ(digest(one.machine()), digest(two.machine()));
}

}  // namespace
}  // namespace walkit::kv
