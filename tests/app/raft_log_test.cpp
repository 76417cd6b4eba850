#include "walkit/app/raft_log.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "app/raft_box.hpp"
#include "walkit/cereal_codec.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::raft {
namespace {

using testing::HasErrc;
using testing::IsOk;

struct Put {
  std::string key{}, value{};
  bool operator==(const Put&) const = default;
  template <class A>
  void serialize(A& a) {
    a(key, value);
  }
};
struct Erase {
  std::string key{};
  bool operator==(const Erase&) const = default;
  template <class A>
  void serialize(A& a) {
    a(key);
  }
};

TEST(RaftLog, OneSyncForHardStateAndEntriesTogether) {
  Log log = Log::open(MemoryDirectory::create()).value();
  ASSERT_THAT(log.save({.hard_state = HardState{1, 1}, .entries = entries(1, 1, 1)}), IsOk());
  const std::uint64_t before = log.stats().syncs;
  for (std::uint64_t step = 2; step <= 101; ++step) {
    ASSERT_THAT(log.stage_commit(step - 1), IsOk());
    ASSERT_THAT(log.save({.hard_state = HardState{step, 1}, .entries = entries(step, step, step)}),
                IsOk());
  }
  EXPECT_EQ(log.stats().syncs - before, 100u);
}

TEST(RaftLog, NothingNewCostsNothing) {
  Log log = Log::open(MemoryDirectory::create()).value();
  const Update<std::string> update{.hard_state = HardState{1, 1}};
  ASSERT_THAT(log.save(update), IsOk());
  const WalStats before = log.stats();
  for (int n = 0; n < 10; ++n) ASSERT_THAT(log.save(update), IsOk());
  EXPECT_EQ(log.stats().syncs, before.syncs);
  EXPECT_EQ(log.stats().entries, before.entries);
  ASSERT_THAT(log.save_async({.entries = entries(1, 1, 1)}), IsOk());
  ASSERT_THAT(log.save(update), IsOk());  // what was readable only is durable now
  EXPECT_EQ(log.stats().syncs, before.syncs + 1);
}

TEST(RaftLog, BytesGrowWithTheEntriesAlone) {
  auto directory = MemoryDirectory::create();
  Log log = Log::open(directory).value();
  ASSERT_THAT(log.save({.hard_state = HardState{1, 1}}), IsOk());
  std::vector<std::uint64_t> written;
  std::uint64_t index = 0;
  for (int tenth = 0; tenth < 10; ++tenth) {
    const std::uint64_t before = log.stats().written_bytes;
    for (int n = 0; n < 10'000; ++n, ++index) {
      ASSERT_THAT(log.save({.entries = entries(index + 1, index + 1, 1)}), IsOk());
    }
    written.push_back(log.stats().written_bytes - before);
  }
  // From entry 20,000 on an index takes as many bytes as in the end.
  EXPECT_LE(written.back(), written[2] + written[2] / 100);
  EXPECT_LE(written.back(), 10'000u * 120);  // 8 bytes of command, a record, a frame
}

TEST(RaftLog, TypedCommandsComeBackEqual) {
  using Command = std::variant<Put, Erase>;
  auto directory = MemoryDirectory::create();
  const std::vector<LogEntry<Command>> wanted{
      {.index = 1, .term = 1, .command = Put{"", ""}},
      {.index = 2, .term = 1, .command = Put{"sch\xc3\xb6n", std::string(1, '\0')}},
      {.index = 3, .term = 1, .kind = EntryKind::configuration, .data = {std::byte{9}}},
      {.index = 4, .term = 2, .command = Erase{"\xff"}}};
  {
    auto log = RaftLog<Command>::open(directory).value();
    ASSERT_THAT(log.save({.entries = wanted}), IsOk());
    EXPECT_EQ(log.entries(1, 1000).value(), wanted);
  }
  auto log = RaftLog<Command>::open(directory, {.cache_bytes = 0}).value();
  EXPECT_EQ(log.entries(1, 1000).value(), wanted);
  EXPECT_EQ(log.entry(3).value(), wanted[2]);
  EXPECT_EQ(log.configurations(), std::vector<std::uint64_t>{3});
  EXPECT_THAT(log.entry(5), HasErrc(Errc::not_found));
  EXPECT_THAT(log.close(), IsOk());
  EXPECT_THAT(log.save({.entries = wanted}), HasErrc(Errc::closed));
  EXPECT_THAT(Log::open(directory), HasErrc(Errc::incompatible));
}

// One flipped bit in any byte of the newest snapshot: the one before is taken, with the log from
// there on, or where the log does not reach back it is said that data is gone. Never silent.
// A snapshot is durable, of entries that were only readable when it was begun: so must they be.
// Whatever operation of an install fails, the log and the snapshot that the next life finds are
// what this one showed, or it was told that it must be opened again.
// Who tells of progress may ask the log, also while it is being replaced; and saves are refused.
TEST(RaftLog, ACommandThatIsTooLargeChangesNothing) {
  Log log = Log::open(MemoryDirectory::create(), small()).value();
  ASSERT_THAT(log.save({.hard_state = HardState{1, 1}, .entries = entries(1, 2, 1)}), IsOk());
  EXPECT_THAT(log.save({.hard_state = HardState{2, {}}, .entries = entries(3, 3, 2, 1u << 16)}),
              HasErrc(Errc::too_large));
  EXPECT_EQ(log.last_index(), 2u);
  EXPECT_EQ(log.hard_state(), (HardState{1, 1}));
  EXPECT_THAT(log.save({.entries = entries(3, 3, 1)}), IsOk());
}

// At each operation of a save that needs a new segment: refused for want of room, it has no effect
// and the log goes on.
TEST(RaftLog, AFullDiskChangesNothingAndTheLogGoesOn) {
  std::uint64_t refused = 0;
  for (std::uint64_t n = 1;; ++n) {
    auto faults = testing::FaultDirectory::create(MemoryDirectory::create());
    Log log = Log::open(faults, small()).value();
    ASSERT_THAT(log.save({.hard_state = HardState{1, 1}, .entries = entries(1, 1, 1, 3000)}),
                IsOk());
    faults->fail_from(faults->operation_count() + n, testing::Fault::no_space);
    const Status saved =
        log.save({.hard_state = HardState{2, {}}, .entries = entries(2, 2, 2, 3000)});
    const bool was_met = faults->fault_count() > 0;
    faults->lift();
    if (!saved && saved.error().code == Errc::no_space) {
      ++refused;
      EXPECT_EQ(log.last_index(), 1u);
      EXPECT_EQ(log.hard_state(), (HardState{1, 1}));
      EXPECT_THAT(log.save({.entries = entries(2, 3, 1)}), IsOk());
    } else if (!saved) {
      EXPECT_THAT(log.save({.entries = entries(2, 3, 1)}), HasErrc(Errc::poisoned));
    }
    if (!was_met) break;
  }
  EXPECT_GT(refused, 0u);
}

TEST(RaftLog, WrongUseIsToldAndChangesNothing) {
  Log log = Log::open(MemoryDirectory::create()).value();
  EXPECT_THAT(log.stage_commit(1), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(log.stage_applied(1), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(log.save({.entries = entries(0, 0, 1)}), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(log.save({.entries = entries(std::uint64_t{1} << 63, std::uint64_t{1} << 63, 1)}),
              HasErrc(Errc::invalid_argument));
  EXPECT_THAT(log.entries(0, 10), HasErrc(Errc::gap));
  EXPECT_THAT(log.entries(~std::uint64_t{0}, 10), HasErrc(Errc::not_found));
  EXPECT_THAT(log.term_at(~std::uint64_t{0}), HasErrc(Errc::not_found));
  EXPECT_EQ(log.term_at(0).value(), 0u);
  EXPECT_THAT(log.truncate(0), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(log.snapshot(), HasErrc(Errc::not_found));
  EXPECT_THAT(log.save_snapshot(at(0, 1), {}), HasErrc(Errc::invalid_argument));
  SnapshotInfo crowded = at(9, 1);
  crowded.membership.voters.resize(5000);
  EXPECT_THAT(log.install_snapshot(crowded, {}), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(log.lead(1), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(log.save({}), IsOk());
  EXPECT_THAT(Log::open(nullptr), HasErrc(Errc::invalid_argument));
  RaftOptions options;
  options.snapshots.subdirectory = "wal";
  EXPECT_THAT(Log::open(MemoryDirectory::create(), options), HasErrc(Errc::invalid_argument));
  options = {.wal = {.max_entry_bytes = 64}};
  EXPECT_THAT(Log::open(MemoryDirectory::create(), options), HasErrc(Errc::invalid_argument));
}

TEST(RaftLog, AFailedSyncIsFinalUntilItIsOpenedAgain) {
  auto below = MemoryDirectory::create();
  auto faults = testing::FaultDirectory::create(below);
  {
    Log log = Log::open(faults, small()).value();
    ASSERT_THAT(log.save({.hard_state = HardState{1, 1}, .entries = entries(1, 2, 1)}), IsOk());
    faults->fail_from(faults->operation_count() + 1, testing::Fault::io);
    EXPECT_FALSE(log.save({.entries = entries(3, 3, 1)}));
    EXPECT_THAT(log.save({.entries = entries(4, 4, 1)}), HasErrc(Errc::poisoned));
  }
  Log log = Log::open(below, small()).value();
  EXPECT_EQ(log.hard_state(), (HardState{1, 1}));
  EXPECT_GE(log.last_index(), 2u);
}

}  // namespace
}  // namespace walkit::raft
