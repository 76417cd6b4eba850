// What entries do and answer, and what is refused.

#include <gtest/gtest.h>

#include "app/kv_box.hpp"

namespace walkit::kv {
namespace {

using testing::HasErrc;
using testing::IsOk;

// Acceptance check 21.
TEST(KvApply, OutcomesStandInTheOrderOfTheirEntries) {
  KvBox box;
  const auto outcomes = box.apply({Put{"a", "1"}, Erase{"a"}, Put{"b", "2"}, Erase{"none"}});
  ASSERT_EQ(outcomes.size(), 4u);
  for (std::size_t n = 0; n < 4; ++n) EXPECT_EQ(outcomes[n].index, n + 1);
  EXPECT_EQ(codes(outcomes), Codes(4, Outcome::done));
  EXPECT_EQ(outcomes[1].number, 1);
  EXPECT_EQ(outcomes[3].number, 0);
  EXPECT_EQ(box.get("a"), std::nullopt);
  EXPECT_EQ(box.get("b"), "2");
  const std::vector<std::string> keys{"b", "a", "b"};
  EXPECT_EQ(box.machine().get(keys), (Texts{"2", std::nullopt, "2"}));
  const Page page = box.machine().scan({}, 10);
  ASSERT_EQ(page.entries.size(), 1u);
  EXPECT_EQ(page.entries[0].first, "b");
  EXPECT_EQ(page.revision, 4u);
  EXPECT_EQ(box.machine().size(), 1u);
}

// Acceptance check 22.
TEST(KvApply, CompareAndSwapSeesEarlierEntriesOfItsChunk) {
  KvBox box;
  const auto outcomes =
      box.apply({CompareAndSwap{"x", std::nullopt, "1"}, CompareAndSwap{"x", "1", "2"},
                 CompareAndSwap{"x", "1", "3"}, Put{"y", "5"}, CompareAndSwap{"y", "5", "6"}});
  EXPECT_EQ(codes(outcomes),
            (Codes{Outcome::done, Outcome::done, Outcome::mismatch, Outcome::done, Outcome::done}));
  EXPECT_EQ(outcomes[2].revision, 2u);  // what is there, so that who lost knows
  EXPECT_EQ(box.get("x"), "2");
  EXPECT_EQ(box.get("y"), "6");
}

TEST(KvApply, AnAbsentKeyIsExpectedByNone) {
  KvBox box;
  EXPECT_EQ(box.apply_one(CompareAndSwap{"x", "", "1"}), Outcome::mismatch);
  EXPECT_EQ(box.apply_one(Put{"x", ""}), Outcome::done);
  EXPECT_EQ(box.apply_one(CompareAndSwap{"x", std::nullopt, "1"}), Outcome::mismatch);
  EXPECT_EQ(box.apply_one(CompareAndSwap{"x", "", "1"}), Outcome::done);
}

TEST(KvApply, PutIfRevisionWritesWhatNobodyChanged) {
  KvBox box;
  EXPECT_EQ(box.apply_one(PutIfRevision{"x", "1", 0}), Outcome::done);
  EXPECT_EQ(box.apply_one(PutIfRevision{"x", "2", 1}), Outcome::done);
  const Outcome late = box.apply_one(PutIfRevision{"x", "3", 1});
  EXPECT_EQ(late, Outcome::mismatch);
  EXPECT_EQ(late.revision, 2u);
  EXPECT_EQ(box.apply_one(PutIfRevision{"x", "3", 0}), Outcome::mismatch);
  EXPECT_EQ(box.get("x"), "2");
}

TEST(KvApply, IncrementCountsAndRefusesWhatIsNoNumber) {
  KvBox box;
  EXPECT_EQ(box.apply_one(Increment{"n", 5}).number, 5);
  EXPECT_EQ(box.apply_one(Increment{"n", -7}).number, -2);
  EXPECT_EQ(box.get("n"), "-2");
  for (const char* text : {"", "x", "1x", " 1", "9223372036854775808"}) {
    box.apply({Put{"n", text}});
    EXPECT_EQ(box.apply_one(Increment{"n", 1}), Outcome::not_a_number) << text;
    EXPECT_EQ(box.get("n"), text);
  }
  box.apply({Put{"n", "9223372036854775807"}});
  EXPECT_EQ(box.apply_one(Increment{"n", 1}), Outcome::not_a_number);
  EXPECT_EQ(box.apply_one(Increment{"n", 0}).number, INT64_MAX);
}

TEST(KvApply, ARangeIsErasedWithinItsBounds) {
  KvBox box;
  box.apply({Put{"a", ""}, Put{"b1", ""}, Put{"b2", ""}, Put{"c", ""}, Put{"d", ""}});
  EXPECT_EQ(box.apply_one(EraseRange{with_prefix("b")}).number, 2);
  EXPECT_EQ(box.apply_one(EraseRange{{"b", "d"}}).number, 1);  // d stays
  EXPECT_EQ(box.apply_one(EraseRange{{"d", "a"}}).number, 0);
  EXPECT_EQ(box.machine().scan_prefix("", 9).size(), 2u);
  EXPECT_EQ(box.apply_one(EraseRange{}).number, 2);
  EXPECT_EQ(box.machine().size(), 0u);
}

// Fault 25 of docs/kv.md. Nothing of a mixed chunk is missing or out of place.
TEST(KvApply, EachKindOfEntryHasOneOutcome) {
  KvBox box;
  const auto outcomes = box.apply(
      {Noop{}, Put{"k", "1"}, Configuration{}, CompareAndSwap{"k", "0", "2"}, Tick{Time(5)},
       CompareAndSwap{"k", "1", "2"}, Increment{"k", 3}, Erase{"k"}, EraseRange{},
       PutIfRevision{"k", "v", 0}, Grant{1, Time(50)}, KeepAlive{1, Time(60)}, Revoke{1}});
  ASSERT_EQ(outcomes.size(), 13u);
  Codes expected(13, Outcome::done);
  expected[3] = Outcome::mismatch;
  EXPECT_EQ(codes(outcomes), expected);
  EXPECT_EQ(outcomes[6].number, 5);
  box.expect_sound();
}

// Acceptance check 25; fault 7 of docs/kv.md.
TEST(KvApply, EmptyValuesAndKeysOfAnyBytesAreReal) {
  KvBox box;
  const std::string key("\0\xff", 2);
  box.apply({Put{key, ""}, Put{"", std::string("\0", 1)}});
  box.reopen();
  EXPECT_EQ(box.get(key), "");
  EXPECT_EQ(box.get(""), std::string("\0", 1));
  EXPECT_EQ(box.machine().size(), 2u);
}

// Fault 12 of docs/kv.md.
TEST(KvApply, AValueKnowsTermAndIndexOfItsEntry) {
  KvBox box;
  box.apply({Noop{}, Put{"a", "1"}});
  box.term = 9;
  box.apply({Put{"b", "2"}});
  for (int life = 0; life < 2; ++life, box.reopen()) {
    EXPECT_EQ(box.machine().find("a"), (Value{"1", 1, 2, std::nullopt, 0}));
    EXPECT_EQ(box.machine().find("b"), (Value{"2", 9, 3, std::nullopt, 0}));
    EXPECT_EQ(box.machine().last_index(), 3u);
    EXPECT_EQ(box.machine().last_term(), 9u);
  }
}

// Fault 22 of docs/kv.md. Disorder is an error, and changes nothing.
TEST(KvApply, DisorderIsRefusedWithNothingApplied) {
  KvBox box;
  box.apply({Put{"k", "1"}});
  const std::vector<std::vector<Request>> wrong = {
      {{3, Put{"k", "2"}, 1}, {3, Put{"k", "3"}, 1}},
      {{3, Put{"k", "2"}, 1}, {2, Put{"k", "3"}, 1}},
      {{2, Put{"k", "2"}, 3}, {3, Put{"k", "3"}, 2}},
      {{2, Put{"k", "2"}, 0}},
      {{0, Put{"k", "2"}, 1}},
      {{~std::uint64_t{0}, Put{"k", "2"}, 1}},
  };
  for (const auto& chunk : wrong) {
    const auto outcome = box.machine().apply(chunk);
    EXPECT_THAT(outcome, HasErrc(Errc::invalid_argument));
    EXPECT_FALSE(outcome.error().next_step.empty());
  }
  EXPECT_EQ(box.get("k"), "1");
  EXPECT_EQ(box.machine().last_index(), 1u);
  EXPECT_EQ(box.apply_one(Put{"k", "2"}), Outcome::done);
}

// Faults 18, 25 of docs/kv.md. What cannot be is seen before anything is logged.
TEST(KvApply, ACommandThatCannotBeFailsItsWholeChunk) {
  KvBox box;
  const std::string long_key(kKeyBytesMax + 1, 'k');
  const std::vector<std::pair<Command, Errc>> wrong = {
      {Put{long_key, ""}, Errc::too_large},
      {Erase{long_key}, Errc::too_large},
      {EraseRange{{"", long_key}}, Errc::too_large},
      {Put{"k", "v", Time(0)}, Errc::invalid_argument},
      {Put{"k", "v", Time(-5)}, Errc::invalid_argument},
      {CompareAndSwap{"k", "v", "w", Time(-5)}, Errc::invalid_argument},
      {Grant{0, Time(5)}, Errc::invalid_argument},
      {Grant{1, Time(0)}, Errc::invalid_argument},
      {KeepAlive{1, Time(-1)}, Errc::invalid_argument},
      {Tick{Time(-1)}, Errc::invalid_argument},
      {Tick{Time::max()}, Errc::invalid_argument},
  };
  for (const auto& [command, code] : wrong) {
    const std::vector<Request> chunk{{1, Put{"a", "1"}, 1}, {2, command, 1}};
    EXPECT_THAT(box.machine().apply(chunk), HasErrc(code));
    EXPECT_EQ(box.machine().last_index(), 0u);
    EXPECT_EQ(box.machine().stats().wal.entries, 0u);
  }
}

TEST(KvApply, AValueThatNoEntryHoldsFailsItsChunkAndItGoesOn) {
  KvBox box({.wal = {.max_frame_bytes = 8192, .max_entry_bytes = 4096}});
  const std::vector<Request> chunk{{1, Put{"a", "1"}, 1}, {2, Put{"b", std::string(4096, 'v')}, 1}};
  EXPECT_THAT(box.machine().apply(chunk), HasErrc(Errc::too_large));
  EXPECT_EQ(box.get("a"), std::nullopt);
  EXPECT_EQ(box.apply_one(Put{"b", std::string(4000, 'v')}), Outcome::done);
}

// Acceptance check 23; fault 3 of docs/kv.md.
TEST(KvApply, WhatIsDeliveredAgainChangesNothingAndHasItsOldOutcome) {
  KvBox box;
  box.apply({Put{"x", "5"}});
  const auto chunk = box.requests({CompareAndSwap{"x", "0", "1"}, CompareAndSwap{"x", "5", "0"}});
  const auto first = box.machine().apply(chunk).value();
  EXPECT_EQ(codes(first), (Codes{Outcome::mismatch, Outcome::done}));
  for (int life = 0; life < 2; ++life, box.reopen()) {
    const Bytes before = digest(box.machine());
    const std::uint64_t logged = box.machine().stats().wal.entries;
    EXPECT_EQ(box.machine().apply(chunk).value(), first);
    EXPECT_EQ(box.get("x"), "0");
    EXPECT_EQ(digest(box.machine()), before);
    EXPECT_EQ(box.machine().stats().wal.entries, logged);  // nothing was written
  }
}

TEST(KvApply, AChunkThatIsKnownInPartIsAppliedFromWhereItIsNew) {
  KvBox box;
  auto chunk = box.requests({Increment{"n", 1}, Increment{"n", 1}});
  box.machine().apply(chunk).value();
  chunk.push_back({3, Increment{"n", 1}, 1});
  const auto outcomes = box.machine().apply(chunk).value();
  ASSERT_EQ(outcomes.size(), 3u);
  for (std::size_t n = 0; n < 3; ++n) EXPECT_EQ(outcomes[n].number, std::int64_t(n + 1));
  EXPECT_EQ(box.get("n"), "3");
}

TEST(KvApply, AnOutcomeBeyondWhatIsRememberedIsADuplicate) {
  KvBox box;
  const auto first = box.requests({CompareAndSwap{"x", "0", "1"}, Put{"y", "1"}});
  box.machine().apply(first).value();
  std::vector<Command> many(kOutcomesRemembered - 1, Noop{});
  box.apply(many);  // one of the two is left
  for (int life = 0; life < 3; ++life) {
    const auto again = box.machine().apply(first).value();
    EXPECT_EQ(codes(again), (Codes{Outcome::duplicate, Outcome::done}));
    EXPECT_EQ(again[0].index, 1u);
    if (life == 1) {
      ASSERT_THAT(box.machine().checkpoint(), IsOk());
    }
    box.reopen();
  }
}

TEST(KvApply, AnEmptyChunkIsNothing) {
  KvBox box;
  EXPECT_TRUE(box.machine().apply({}).value().empty());
  EXPECT_EQ(box.machine().last_index(), 0u);
}

TEST(KvApply, PagesLeadThroughAllKeysInOrder) {
  KvBox box;
  for (int n = 0; n < 250; ++n) box.apply({Put{"p/" + std::to_string(n), "v"}});
  box.apply({Put{"o", ""}, Put{"q", ""}});
  KeyRange range = with_prefix("p/");
  std::vector<std::string> keys;
  for (Page page = box.machine().scan(range, 60);; page = box.machine().scan(range, 60)) {
    for (const auto& [key, value] : page.entries) keys.push_back(key);
    if (!page.next) break;
    EXPECT_EQ(page.entries.size(), 60u);
    range.begin = *page.next;
  }
  EXPECT_EQ(keys.size(), 250u);
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(box.machine().scan(range, 0).next, range.begin);
}

TEST(KvApply, APrefixOfHighBytesHasNoEnd) {
  EXPECT_EQ(with_prefix("a\xff").end, "b");
  EXPECT_EQ(with_prefix("\xff\xff").end, std::nullopt);
  KvBox box;
  box.apply({Put{"\xff", ""}, Put{"\xff\xff", ""}, Put{"\xfe", ""}});
  EXPECT_EQ(box.machine().scan_prefix("\xff", 9).size(), 2u);
}

TEST(KvApply, TwoProcessesCannotHaveIt) {
  KvBox box;
  EXPECT_THAT(KvStateMachine::open(box.disk()), HasErrc(Errc::locked));
}

}  // namespace
}  // namespace walkit::kv
