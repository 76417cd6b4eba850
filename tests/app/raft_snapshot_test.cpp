// Snapshots of a Raft log: what they replace, what is trimmed behind them, and what is made of
// damaged ones.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/raft_box.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/crash_test.hpp"
#include "walkit/testing/fault_directory.hpp"

namespace walkit::raft {
namespace {

using testing::HasErrc;
using testing::IsOk;

TEST(RaftSnapshot, WholeSegmentsGoOnceTwoSnapshotsCoverThem) {
  auto directory = MemoryDirectory::create();
  Log log = Log::open(directory, small()).value();
  ASSERT_THAT(log.save({.hard_state = HardState{1, 3}}), IsOk());
  append_one_by_one(log, 200);
  const auto segments = [&] {
    auto wal = directory->subdirectory("wal", OpenMode::read).value();
    return wal->list().value().size();
  };
  const std::size_t full = segments();
  for (const std::uint64_t index : {100, 190, 200}) {
    ASSERT_THAT(log.save_snapshot(at(index, 1), as_bytes(state_of(index))), IsOk());
  }
  EXPECT_EQ(log.first_index(), 201u);
  EXPECT_LT(segments(), full / 3);
  ASSERT_THAT(log.close(), IsOk());
  log = Log::open(directory, small()).value();
  EXPECT_EQ(log.hard_state(), (HardState{1, 3}));
  EXPECT_EQ(log.first_index(), 201u);
  EXPECT_EQ(log.last_index(), 200u);
  EXPECT_EQ(log.last_term(), 1u);
  EXPECT_EQ(log.term_at(200).value(), 1u);
  EXPECT_EQ(log.commit_index(), 200u);
  EXPECT_EQ(log.snapshot().value().info, at(200, 1));
  EXPECT_EQ(as_text(log.snapshot().value().state), state_of(200));
  EXPECT_THAT(log.save({.entries = entries(202, 202, 1)}), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(log.save({.entries = entries(201, 201, 1)}), IsOk());
}

TEST(RaftSnapshot, TrailingEntriesStayReadable) {
  auto directory = MemoryDirectory::create();
  RaftOptions options = small();
  options.trailing_entries = 7;
  Log log = Log::open(directory, options).value();
  append_one_by_one(log, 40);
  for (const std::uint64_t index : {20, 30, 40}) {
    ASSERT_THAT(log.save_snapshot(at(index, 1), as_bytes(state_of(index))), IsOk());
  }
  ASSERT_THAT(log.close(), IsOk());
  log = Log::open(directory, options).value();
  EXPECT_EQ(log.first_index(), 34u);
  EXPECT_EQ(log.entries(34, 40, ~0u).value(), entries(34, 40, 1, 500));
  EXPECT_EQ(log.term_at(33).value(), 1u);
  EXPECT_THAT(log.entries(33, 40, ~0u), HasErrc(Errc::gap));
}

class DamagedSnapshot : public ::testing::Test {
 protected:
  void flip(const std::string& file, std::uint64_t at_byte) {
    auto folder = directory->subdirectory("snapshots", OpenMode::write).value();
    auto opened = folder->open(file, OpenMode::write).value();
    std::byte byte{};
    ASSERT_EQ(opened->read_at(at_byte, {&byte, 1}).value(), 1u);
    byte ^= std::byte{4};
    const BytesView parts[] = {{&byte, 1}};
    ASSERT_THAT(opened->write_at(at_byte, parts), IsOk());
  }
  std::string newest(std::uint64_t& bytes) {
    const auto files = CheckpointFiles::open(directory, {.subdirectory = "snapshots"}, {}).value();
    const auto list = files.list().value();
    bytes = list.back().bytes;
    return list.back().file;
  }

  std::shared_ptr<Directory> directory = MemoryDirectory::create();
};

TEST_F(DamagedSnapshot, TheOneBeforeAndTheLogAreTaken) {
  {
    Log log = Log::open(directory, small()).value();
    ASSERT_THAT(log.save({.hard_state = HardState{1, 3}, .entries = entries(1, 30, 1)}), IsOk());
    ASSERT_THAT(log.save_snapshot(at(10, 1), as_bytes(state_of(10))), IsOk());
    ASSERT_THAT(log.save_snapshot(at(20, 1), as_bytes(state_of(20))), IsOk());
  }
  std::uint64_t bytes = 0;
  const std::string file = newest(bytes);
  for (std::uint64_t byte = 0; byte < bytes; ++byte) {
    flip(file, byte);
    auto log = Log::open(directory, small());
    ASSERT_THAT(log, IsOk()) << byte;
    EXPECT_EQ(log->snapshot_info()->index, 10u) << byte;
    ASSERT_EQ(log->recovery().warnings.size(), 1u);
    EXPECT_EQ(log->recovery().warnings[0].file, file);
    EXPECT_EQ(log->entries(11, 30, ~0u).value(), entries(11, 30, 1));
    EXPECT_EQ(log->hard_state(), (HardState{1, 3}));
    log = Result<Log>(Error{});
    flip(file, byte);
  }
  EXPECT_EQ(Log::open(directory, small()).value().snapshot_info()->index, 20u);
}

TEST_F(DamagedSnapshot, TheLogReachesBackToTheOneBeforeThoughItWasTrimmed) {
  {
    Log log = Log::open(directory, small()).value();
    ASSERT_THAT(log.save({.hard_state = HardState{1, 3}}), IsOk());
    append_one_by_one(log, 200);
    for (const std::uint64_t index : {60, 120, 180}) {
      ASSERT_THAT(log.save_snapshot(at(index, 1), as_bytes(state_of(index))), IsOk());
    }
  }
  std::uint64_t bytes = 0;
  const std::string file = newest(bytes);
  flip(file, bytes - 1);
  Log log = Log::open(directory, small()).value();
  EXPECT_EQ(log.snapshot_info()->index, 120u);
  EXPECT_EQ(log.first_index(), 121u);
  EXPECT_EQ(log.entries(121, ~0u).value(), entries(121, 200, 1, 500));
}

TEST_F(DamagedSnapshot, WhereTheLogDoesNotReachBackItIsSaid) {
  {
    Log log = Log::open(directory, small()).value();
    ASSERT_THAT(log.save({.hard_state = HardState{1, 3}, .entries = entries(1, 3, 1)}), IsOk());
    ASSERT_THAT(log.install_snapshot(at(50, 2), as_bytes(state_of(50))), IsOk());
    ASSERT_THAT(log.install_snapshot(at(90, 2), as_bytes(state_of(90))), IsOk());
  }
  std::uint64_t bytes = 0;
  const std::string file = newest(bytes);
  flip(file, bytes / 2);
  EXPECT_THAT(Log::open(directory, small()), HasErrc(Errc::corrupt));
  auto folder = directory->subdirectory("snapshots", OpenMode::write).value();
  ASSERT_THAT(folder->remove(file), IsOk());
  EXPECT_THAT(Log::open(directory, small()), HasErrc(Errc::corrupt));
}

TEST_F(DamagedSnapshot, ALogThatIsGoneIsMissed) {
  {
    Log log = Log::open(directory, small()).value();
    ASSERT_THAT(log.save({.hard_state = HardState{4, 3}, .entries = entries(1, 30, 1)}), IsOk());
    ASSERT_THAT(log.save_snapshot(at(10, 1), as_bytes(state_of(10))), IsOk());
  }
  auto wal = directory->subdirectory("wal", OpenMode::write).value();
  for (const std::string& name : wal->list().value()) wal->remove(name).ignore("a folder");
  EXPECT_THAT(Log::open(directory, small()), HasErrc(Errc::corrupt));
}

TEST(RaftSnapshot, AnAbandonedSnapshotLeavesNothing) {
  auto directory = MemoryDirectory::create();
  Log log = Log::open(directory, small()).value();
  ASSERT_THAT(log.save({.entries = entries(1, 9, 1)}), IsOk());
  {
    SnapshotWriter writer = log.begin_snapshot(at(5, 1)).value();
    ASSERT_THAT(writer.write(as_bytes("half")), IsOk());
    EXPECT_THAT(log.begin_snapshot(at(6, 1)), HasErrc(Errc::locked));
  }
  EXPECT_EQ(log.snapshot_info(), std::nullopt);
  SnapshotWriter writer = log.begin_snapshot(at(5, 1)).value();
  ASSERT_THAT(writer.write(as_bytes("a state")), IsOk());
  ASSERT_THAT(log.save({.entries = entries(10, 12, 1)}), IsOk());  // meanwhile
  ASSERT_THAT(writer.commit(), IsOk());
  EXPECT_THAT(writer.commit(), HasErrc(Errc::closed));
  EXPECT_EQ(log.first_index(), 6u);
  EXPECT_EQ(log.last_index(), 12u);
}

TEST(RaftSnapshot, ASnapshotNeverKnowsMoreThanTheLog) {
  const auto run = [](const std::shared_ptr<Directory>& directory) {
    auto log = Log::open(directory, small());
    if (!log || !log->save({.hard_state = HardState{1, 1}})) return 0;
    if (!log->save_async({.entries = entries(1, 3, 1)})) return 0;
    return log->save_snapshot(at(3, 1), as_bytes(state_of(3))) ? 3 : 0;
  };
  const auto check = [](const std::shared_ptr<Directory>& directory, int snapshot) -> Status {
    auto log = Log::open(directory, small());
    if (!log) return std::move(log).error();
    if (log->last_index() < static_cast<std::uint64_t>(snapshot)) {
      return Error{.code = Errc::corrupt, .message = "entries that a snapshot covers are gone"};
    }
    return {};
  };
  EXPECT_THAT(testing::crash_test({.states_max = 2000, .recovery_depth = 0}, run, check), IsOk());
}

TEST(RaftSnapshot, ASnapshotOfAnotherLogIsRefused) {
  auto one = MemoryDirectory::create(), two = MemoryDirectory::create();
  for (const auto& directory : {one, two}) {
    Log log = Log::open(directory, small()).value();
    ASSERT_THAT(log.save({.entries = entries(1, 9, 1)}), IsOk());
    ASSERT_THAT(log.save_snapshot(at(5, 1), as_bytes(state_of(5))), IsOk());
  }
  auto from = one->subdirectory("snapshots", OpenMode::read).value();
  auto to = two->subdirectory("snapshots", OpenMode::write).value();
  for (const std::string& name : from->list().value()) {
    if (name == kLockFileName) continue;
    auto file = from->open(name, OpenMode::read).value();
    Bytes bytes(file->size().value());
    ASSERT_EQ(file->read_at(0, bytes).value(), bytes.size());
    auto copy = to->open(name, OpenMode::write).value();
    const BytesView parts[] = {bytes};
    ASSERT_THAT(copy->write_at(0, parts), IsOk());
  }
  EXPECT_THAT(Log::open(two, small()), HasErrc(Errc::incompatible));
}

TEST(RaftSnapshot, AFailedInstallIsWholeOrNotAtAll) {
  for (std::uint64_t n = 1;; ++n) {
    auto below = MemoryDirectory::create();
    auto faults = testing::FaultDirectory::create(below);
    bool went_on = false, was_met = false;
    {
      Log log = Log::open(faults, small()).value();
      ASSERT_THAT(log.save({.hard_state = HardState{1, 1}, .entries = entries(1, 10, 1)}), IsOk());
      faults->fail_at(faults->operation_count() + n, testing::Fault::io);
      const Status installed = log.install_snapshot(at(50, 2), as_bytes(state_of(50)));
      was_met = faults->fault_count() > 0;
      faults->lift();
      if (!installed) went_on = log.save({.entries = entries(11, 15, 1)}).has_value();
      if (went_on) {
        EXPECT_EQ(log.last_index(), 15u);
      }
    }
    Log log = Log::open(below, small()).value();
    EXPECT_TRUE(log.last_index() == (went_on ? 15u : 10u) || (!went_on && log.last_index() == 50u))
        << n << ": " << log.last_index();
    if (!was_met) break;
  }
}

TEST(RaftSnapshot, ALogThatIsBeingReplacedCanBeReadAndTakesHardStateAlone) {
  RaftOptions options = small();
  Log* asked = nullptr;
  std::vector<Errc> answers;
  options.snapshots.progress = [&](const CheckpointProgress& progress) {
    if (asked == nullptr || progress.step != CheckpointProgress::Step::reading) return;
    EXPECT_EQ(asked->last_index(), 10u);
    const Status saved = asked->save({.entries = entries(11, 11, 1)});
    answers.push_back(saved ? Errc{} : saved.error().code);
    EXPECT_THAT(asked->save({.hard_state = HardState{3, 7}}), IsOk());
  };
  const auto directory = MemoryDirectory::create();
  {
    Log log = Log::open(directory, options).value();
    ASSERT_THAT(log.save({.entries = entries(1, 10, 1)}), IsOk());
    asked = &log;
    ASSERT_THAT(log.install_snapshot(at(50, 2), as_bytes(state_of(50))), IsOk());
    EXPECT_EQ(answers, std::vector<Errc>{Errc::locked});
    asked = nullptr;
    EXPECT_EQ(log.last_index(), 50u);
    EXPECT_THAT(log.save({.entries = entries(51, 51, 2)}), IsOk());
  }
  Log log = Log::open(directory, small()).value();
  EXPECT_EQ(log.hard_state(), (HardState{3, 7}));
  EXPECT_EQ(log.last_index(), 51u);
}

TEST(RaftSnapshot, AVoteDuringAnInstallSurvivesEveryPowerCut) {
  const auto run = [](const std::shared_ptr<Directory>& directory) {
    HardState told;
    Log* asked = nullptr;
    RaftOptions options = small();
    options.snapshots.progress = [&](const CheckpointProgress&) {
      if (asked != nullptr && asked->save({.hard_state = HardState{3, 7}})) told = {3, 7};
    };
    auto log = Log::open(directory, options);
    if (!log || !log->save({.hard_state = HardState{2, 1}, .entries = entries(1, 9, 1)})) {
      return told;
    }
    told = {2, 1};
    asked = &*log;
    log->install_snapshot(at(50, 2), as_bytes(state_of(50))).ignore("told says how far it came");
    return told;
  };
  const auto check = [](const std::shared_ptr<Directory>& directory,
                        const HardState& told) -> Status {
    const auto log = Log::open(directory, small());
    if (!log) return log.error();
    const bool kept = log->hard_state().term >= told.term;
    const bool whole = log->last_index() == 9 || log->last_index() == 50;
    if (kept && (whole || told.term == 0)) return {};
    return Error{.code = Errc::corrupt,
                 .message = "term " + std::to_string(log->hard_state().term) + ", last entry " +
                            std::to_string(log->last_index())};
  };
  EXPECT_THAT(testing::crash_test({.states_max = 2000, .recovery_depth = 0}, run, check), IsOk());
}

TEST(RaftSnapshot, StraysAreLeftAndOwnLeftoversGo) {
  auto directory = MemoryDirectory::create();
  Log log = Log::open(directory, small()).value();
  ASSERT_THAT(log.save({.entries = entries(1, 9, 1)}), IsOk());
  ASSERT_THAT(log.save_snapshot(at(5, 1), as_bytes(state_of(5))), IsOk());
  directory->open("mine.tmp", OpenMode::create).value();
  directory->open("snapshots-5", OpenMode::create).value();
  directory->subdirectory("snapshots-of-mine", OpenMode::create).value();
  auto folder = directory->subdirectory("snapshots", OpenMode::write).value();
  const std::string leftover = "00000000000000000007.ckpt.tmp";
  folder->open(leftover, OpenMode::create).value();
  folder->open("theirs.tmp", OpenMode::create).value();
  ASSERT_THAT(log.close(), IsOk());
  EXPECT_THAT(Log::open(directory, small()), IsOk());
  EXPECT_THAT(folder->open(leftover, OpenMode::read), HasErrc(Errc::not_found));
  EXPECT_THAT(folder->open("theirs.tmp", OpenMode::read), IsOk());
  EXPECT_THAT(directory->open("mine.tmp", OpenMode::read), IsOk());
}

}  // namespace
}  // namespace walkit::raft
