// recover() and publish_checkpoint(): the newest good checkpoint, then the log above it.

#include "walkit/recovery.hpp"

#include <gtest/gtest.h>

#include <string>

#include "walkit/cereal_codec.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using testing::CrashDirectory;
using testing::HasErrc;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::IsOkAndHolds;

/// Entries are numbers; the state is what was added up, and how often.
struct Sum {
  std::uint64_t total = 0, count = 0;
  template <class A>
  void serialize(A& a) {
    a(total, count);
  }
  friend bool operator==(const Sum&, const Sum&) = default;
};
using Wal = WalWriter<std::uint64_t>;
using Store = CheckpointStore<Sum>;

void add(Sum& sum, const std::uint64_t& number) {
  sum.total += number;
  ++sum.count;
}
/// After the entries 1, 2 .. n, each its own id.
Sum sum_of(std::uint64_t n) { return {n * (n + 1) / 2, n}; }

Result<Recovered<Sum>> recovered(const std::shared_ptr<Directory>& directory,
                                 RecoverOptions options = {}) {
  return recover<Sum, std::uint64_t>(directory, std::move(options), add);
}

class Recovery : public ::testing::Test {
 protected:
  Wal open() { return Wal::open(directory_, {.segment_bytes = 4096}).value(); }
  Store store() { return Store::open(directory_).value(); }
  /// Up to entry `last`; a segment holds some of them.
  static void append_to(Wal& wal, std::uint64_t last) {
    while (wal.next_entry_id().value <= last) {
      ASSERT_THAT(wal.append(wal.next_entry_id().value), IsOk());
    }
  }
  /// 1 to 100, checkpoints published at 40 and 70.
  void make_log() {
    auto wal = open();
    Store saving = store();
    for (const std::uint64_t at : {40u, 70u}) {
      append_to(wal, at);
      ASSERT_THAT(publish_checkpoint(wal, saving, EntryId{at}, sum_of(at)), IsOk());
    }
    append_to(wal, 100);
    ASSERT_THAT(wal.close(), IsOk());
  }
  static std::string checkpoint(std::uint64_t id) {
    const std::string digits = std::to_string(id);
    return "checkpoints/" + std::string(20 - digits.size(), '0') + digits + ".ckpt";
  }
  void expect_state(const Result<Recovered<Sum>>& found, std::uint64_t id,
                    std::uint64_t from_checkpoint) {
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(found->state, sum_of(id));
    EXPECT_EQ(found->applied_through, EntryId{id});
    EXPECT_EQ(found->checkpoint, EntryId{from_checkpoint});
    EXPECT_EQ(found->replay.entry_count, id - from_checkpoint);
  }

  const std::shared_ptr<CrashDirectory> directory_ = CrashDirectory::create();
};

TEST_F(Recovery, NothingGivesTheInitialState) {
  expect_state(recovered(directory_), 0, 0);
  EXPECT_THAT(directory_->list(), IsOkAndHolds(IsEmpty())) << "recovering made something";
}

TEST_F(Recovery, AnEmptyLogGivesTheInitialState) {
  ASSERT_THAT(open().close(), IsOk());
  expect_state(recovered(directory_), 0, 0);
}

TEST_F(Recovery, ALogWithoutCheckpointsIsReplayedWhole) {
  {
    auto wal = open();
    append_to(wal, 30);
  }
  expect_state(recovered(directory_), 30, 0);
}

TEST_F(Recovery, TheNewestCheckpointAndWhatStandsAboveIt) {
  make_log();
  expect_state(recovered(directory_), 100, 70);
  expect_state(recovered(directory_, {.mode = ReplayMode::strict}), 100, 70);
}

TEST_F(Recovery, ACheckpointAtTheLastEntryNeedsNoReplay) {
  {
    auto wal = open();
    append_to(wal, 10);
    Store saving = store();
    ASSERT_THAT(publish_checkpoint(wal, saving, EntryId{10}, sum_of(10)), IsOk());
  }
  expect_state(recovered(directory_), 10, 10);
}

TEST_F(Recovery, PublishingTrimsWhatTheOldestKeptCovers) {
  make_log();
  const auto oldest = WalMaintenance::open(directory_)->segment_ranges().value().front();
  EXPECT_GT(oldest.entries.first, EntryId{1}) << "nothing was trimmed";
  EXPECT_LE(oldest.entries.first, EntryId{41}) << "the fall-back's entries are gone";
}

TEST_F(Recovery, ADamagedNewestFallsBackToTheOlderAndTheLogThatStillCovers) {
  make_log();
  ASSERT_THAT(directory_->flip_bit(checkpoint(70), 4500), IsOk());
  const auto found = recovered(directory_);
  expect_state(found, 100, 40);
  ASSERT_EQ(found->skipped_checkpoints.size(), 1u);
  EXPECT_THAT(found->skipped_checkpoints[0], ::testing::Field(&Error::code, Errc::corrupt));
}

TEST_F(Recovery, WithoutAGoodCheckpointATrimmedLogIsAGapAndNoPartialState) {
  make_log();
  for (const std::uint64_t id : {40u, 70u}) {
    ASSERT_THAT(directory_->flip_bit(checkpoint(id), 4500), IsOk());
  }
  const auto found = recovered(directory_);
  ASSERT_THAT(found, HasErrc(Errc::gap));
  EXPECT_THAT(found.error().message, HasSubstr("no usable checkpoint"));
  EXPECT_EQ(found.error().lost.first, EntryId{1});
}

TEST_F(Recovery, MissingCheckpointsThatTheLogNeedsAreAGap) {
  make_log();
  for (const std::uint64_t id : {40u, 70u}) {
    ASSERT_THAT(directory_->remove_file(checkpoint(id)), IsOk());
  }
  EXPECT_THAT(recovered(directory_), HasErrc(Errc::gap));
}

TEST_F(Recovery, DamagedCheckpointsAreDispensableWhereTheLogIsWhole) {
  {
    auto wal = open();
    append_to(wal, 20);
    Store saving = store();
    ASSERT_THAT(saving.save(EntryId{20}, sum_of(20), EntryId{20}), IsOk());
  }
  ASSERT_THAT(directory_->flip_bit(checkpoint(20), 4500), IsOk());
  const auto found = recovered(directory_);
  expect_state(found, 20, 0);
  EXPECT_EQ(found->skipped_checkpoints.size(), 1u);
}

TEST_F(Recovery, UntilIsThePointInTime) {
  make_log();
  expect_state(recovered(directory_, {.until = EntryId{85}}), 85, 70);
  expect_state(recovered(directory_, {.until = EntryId{70}}), 70, 70);
  expect_state(recovered(directory_, {.until = EntryId{69}}), 69, 40);
  expect_state(recovered(directory_, {.until = EntryId{40}}), 40, 40);
  expect_state(recovered(directory_, {.until = EntryId{100}}), 100, 70);
  EXPECT_THAT(recovered(directory_, {.until = EntryId{101}}), HasErrc(Errc::not_found));
  EXPECT_THAT(recovered(directory_, {.until = EntryId{39}}), HasErrc(Errc::gap))
      << "older than the oldest checkpoint, and trimmed";
}

TEST_F(Recovery, DamageBehindThePointInTimeIsNotLookedAt) {
  {
    auto wal = open();
    append_to(wal, 300);
  }
  const auto segments = WalMaintenance::open(directory_)->segment_ranges().value();
  ASSERT_GT(segments.size(), 3u);
  const SegmentInfo& damaged = segments[segments.size() - 2];
  ASSERT_THAT(directory_->flip_bit("wal/" + damaged.file, 8 * 700), IsOk());
  const EntryId before = damaged.entries.first - 1;
  expect_state(recovered(directory_, {.until = before}), before.value, 0);
  EXPECT_THAT(recovered(directory_), HasErrc(Errc::corrupt));
}

TEST_F(Recovery, ACheckpointAheadOfTheLogIsRefusedByName) {
  make_log();
  const auto other = CrashDirectory::create();
  {
    auto wal = Wal::open(other).value();
    append_to(wal, 50);
    ASSERT_THAT(wal.close(), IsOk());
  }
  ASSERT_THAT(other->subdirectory("checkpoints", OpenMode::create), IsOk());
  Store saving = Store::open(other).value();
  ASSERT_THAT(saving.save(EntryId{70}, sum_of(70), EntryId{70}), IsOk());
  const auto found = recovered(other);
  ASSERT_THAT(found, HasErrc(Errc::corrupt));
  EXPECT_THAT(found.error().message, HasSubstr("the checkpoint at entry 70 is ahead of the log"));
  EXPECT_EQ(found.error().lost, (EntryIdRange{EntryId{51}, EntryId{70}}));
  const auto goes_on = recovered(other, {.ahead = CheckpointAhead::continue_from_checkpoint});
  ASSERT_THAT(goes_on, IsOk());
  EXPECT_EQ(goes_on->state, sum_of(70));
  EXPECT_EQ(goes_on->applied_through, EntryId{70});
}

TEST_F(Recovery, ALogThatIsGoneIsALogThatEndsBeforeTheCheckpoint) {
  Store saving = store();
  ASSERT_THAT(saving.save(EntryId{70}, sum_of(70), EntryId{70}), IsOk());
  EXPECT_THAT(recovered(directory_), HasErrc(Errc::corrupt));
  const auto goes_on = recovered(directory_, {.ahead = CheckpointAhead::continue_from_checkpoint});
  ASSERT_THAT(goes_on, IsOk());
  EXPECT_EQ(goes_on->applied_through, EntryId{70});
}

TEST_F(Recovery, AfterContinuingIdsGoOnBehindTheCheckpoint) {
  make_log();
  for (const std::string& file : directory_->list_files()) {
    if (file.starts_with("wal/")) {
      ASSERT_THAT(directory_->remove_file(file), IsOk());
    }
  }
  EXPECT_THAT(recovered(directory_), HasErrc(Errc::corrupt));
  const LogIdentity log = store().load_latest()->log;
  ASSERT_THAT(WalMaintenance::continue_after(directory_, EntryId{70}, {}, log), IsOk());
  {
    auto wal = open();
    EXPECT_EQ(wal.next_entry_id(), EntryId{71});
    append_to(wal, 80);
  }
  expect_state(recovered(directory_), 80, 70);
}

TEST_F(Recovery, ACheckpointOfAnotherLogIsRefused) {
  make_log();
  const auto other = CrashDirectory::create({.seed = 2});
  {
    auto wal = Wal::open(other).value();
    append_to(wal, 100);
    ASSERT_THAT(wal.close(), IsOk());
  }
  ASSERT_THAT(other->subdirectory("checkpoints", OpenMode::create), IsOk());
  const Bytes foreign = directory_->read_file(checkpoint(70)).value();
  ASSERT_THAT(other->add_file(checkpoint(70), foreign), IsOk());
  const auto found = recovered(other);
  ASSERT_THAT(found, HasErrc(Errc::corrupt));
  EXPECT_THAT(found.error().message, HasSubstr("is of another log"));
}

TEST_F(Recovery, ATornEndIsTheEndOrAnErrorAsTheModeSays) {
  auto wal = open();
  append_to(wal, 10);
  const auto left = directory_->crash(testing::Crash::process_kill);
  // The first bytes of a frame whose write did not finish.
  const auto segments = WalMaintenance::open(left)->segment_ranges().value();
  const std::string path = "wal/" + segments.back().file;
  Bytes bytes = left->read_file(path).value();
  std::size_t end = bytes.size();
  while (bytes[end - 1] == std::byte{0}) --end;
  bytes[(end + 16) / 8 * 8] = std::byte{0xF7};
  ASSERT_THAT(left->overwrite_file(path, bytes), IsOk());
  const auto found = recovered(left, {.mode = ReplayMode::best_effort});
  expect_state(found, 10, 0);
  EXPECT_GT(found->replay.torn_bytes + found->replay.suspect_bytes, 0u);
  EXPECT_THAT(recovered(left, {.mode = ReplayMode::strict}), HasErrc(Errc::torn));
}

TEST_F(Recovery, WhatApplyAnswersStopsItAndNoStateIsGiven) {
  make_log();
  const auto refuses = [](Sum& sum, const std::uint64_t& number, EntryId id) -> Status {
    if (id == EntryId{90}) return Error{.code = Errc::decode, .message = "not this one"};
    add(sum, number);
    return {};
  };
  const auto found = recover<Sum, std::uint64_t>(directory_, RecoverOptions{}, refuses);
  ASSERT_THAT(found, HasErrc(Errc::decode));
}

TEST_F(Recovery, AStateThatIsNotDurableIsNotPublished) {
  auto wal = Wal::open(directory_, {.flush = FlushPolicy::manual()}).value();
  append_to(wal, 10);
  Store saving = store();
  EXPECT_THAT(publish_checkpoint(wal, saving, EntryId{10}, sum_of(10)),
              HasErrc(Errc::invalid_argument));
  EXPECT_THAT(saving.list(), IsOkAndHolds(IsEmpty()));
  ASSERT_THAT(wal.sync(), IsOk());
  EXPECT_THAT(publish_checkpoint(wal, saving, EntryId{10}, sum_of(10)), IsOk());
}

TEST_F(Recovery, APinKeepsWhatPublishingWouldTrim) {
  auto wal = open();
  Store saving = store();
  append_to(wal, 20);
  {
    const auto pin = wal.maintenance().pin(EntryId{5});
    ASSERT_THAT(pin, IsOk());
    for (const std::uint64_t at : {300u, 600u, 900u}) {
      append_to(wal, at);
      const auto oldest = publish_checkpoint(wal, saving, EntryId{at}, sum_of(at));
      ASSERT_THAT(oldest, IsOk());
      EXPECT_LE(*oldest, EntryId{5});
    }
  }
  append_to(wal, 1000);
  EXPECT_GT(publish_checkpoint(wal, saving, EntryId{1000}, sum_of(1000)).value(), EntryId{5});
}

}  // namespace
}  // namespace walkit
