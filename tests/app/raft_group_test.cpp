// Several groups in one log: one sync, and nothing that goes wrong in one is felt by another.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "app/raft_box.hpp"
#include "walkit/codec.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/crash_test.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::raft {
namespace {

using testing::HasErrc;
using testing::IsOk;

constexpr std::uint64_t kGroups[] = {7, 0, 1u << 20};

std::vector<Entry> entries(std::uint64_t group, std::uint64_t first, std::uint64_t last,
                           std::uint64_t term, std::size_t bytes = 60) {
  std::vector<Entry> made;
  for (std::uint64_t index = first; index <= last; ++index) {
    std::string command = std::to_string(group) + "/" + std::to_string(index);
    command.resize(bytes, '.');
    made.push_back({.index = index, .term = term, .command = command});
  }
  return made;
}

SnapshotInfo at(std::uint64_t index, std::uint64_t term) {
  return {.index = index, .term = term, .membership = {.voters = {1, 2, 3}}};
}

TEST(RaftLogGroup, GroupsKeepTheirOwnEntries) {
  auto directory = MemoryDirectory::create();
  {
    auto shared = RaftLogGroup::open(directory, small()).value();
    EXPECT_TRUE(shared.groups().empty());
    for (std::uint64_t round = 0; round < 5; ++round) {
      for (const std::uint64_t group : kGroups) {
        Log log = Log::open(shared, group).value();
        ASSERT_THAT(log.save({.hard_state = HardState{round + 1, group},
                              .entries = entries(group, 2 * round + 1, 2 * round + 2, round + 1)}),
                    IsOk());
      }
    }
    Log log = Log::open(shared, 7).value();
    ASSERT_THAT(log.truncate(6), IsOk());
    EXPECT_EQ(shared.groups(), (std::vector<std::uint64_t>{0, 7, 1u << 20}));
    ASSERT_THAT(shared.close(), IsOk());
    EXPECT_THAT(log.save({.hard_state = HardState{9, 1}}), HasErrc(Errc::closed));
  }
  auto shared = RaftLogGroup::open(directory, small()).value();
  for (const std::uint64_t group : kGroups) {
    Log log = Log::open(shared, group).value();
    EXPECT_EQ(log.hard_state(), (HardState{5, group}));
    EXPECT_EQ(log.last_index(), group == 7 ? 5u : 10u);
    EXPECT_EQ(log.entry(5).value().command, entries(group, 5, 5, 1)[0].command);
  }
  EXPECT_EQ(Log::open(shared, 99).value().last_index(), 0u);
  EXPECT_EQ(shared.groups().size(), 3u);
}

TEST(RaftLogGroup, GroupsShareASync) {
  auto shared = RaftLogGroup::open(MemoryDirectory::create()).value();
  std::vector<Ticket> tickets;
  const std::uint64_t before = shared.stats().syncs;
  for (std::uint64_t group = 0; group < 8; ++group) {
    Log log = Log::open(shared, group).value();
    tickets.push_back(log.save_async({.entries = entries(group, 1, 3, 1)}).value());
    EXPECT_EQ(log.last_index(), 3u);
  }
  for (const Ticket& ticket : tickets) ASSERT_THAT(ticket.wait(), IsOk());
  EXPECT_EQ(shared.stats().syncs - before, 1u);
}

TEST(RaftLogGroup, GroupsSaveAtOnce) {
  auto shared = RaftLogGroup::open(MemoryDirectory::create()).value();
  std::vector<std::thread> threads;
  for (std::uint64_t group = 0; group < 8; ++group) {
    threads.emplace_back([&, group] {
      Log log = Log::open(shared, group).value();
      for (std::uint64_t index = 1; index <= 200; ++index) {
        ASSERT_THAT(log.save({.entries = entries(group, index, index, 1)}), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::uint64_t group = 0; group < 8; ++group) {
    EXPECT_EQ(Log::open(shared, group).value().entries(1, ~0u).value(), entries(group, 1, 200, 1));
  }
}

std::size_t segments_in(const std::shared_ptr<Directory>& directory) {
  const auto names = directory->subdirectory("wal", OpenMode::read).value()->list().value();
  return static_cast<std::size_t>(std::count_if(
      names.begin(), names.end(), [](const std::string& name) { return name.ends_with(".wal"); }));
}

// Votes of groups without entries stand in segment 1 and 2. A trim repeats the one of segment 1,
// and where that rotates, segment 2 is not the newest any more: tried at each place of its end.
TEST(RaftLogGroup, ATrimRemovesNoMoreThanItPlanned) {
  std::uint64_t rotated = 0;
  for (std::size_t fill = 0;; ++fill) {
    auto directory = MemoryDirectory::create();
    {
      auto shared = RaftLogGroup::open(directory, small()).value();
      Log one = Log::open(shared, 1).value(), two = Log::open(shared, 2).value(),
          three = Log::open(shared, 3).value();
      std::uint64_t term = 1;
      ASSERT_THAT(two.save({.hard_state = HardState{7, 3}}), IsOk());
      while (segments_in(directory) < 2) three.save({.hard_state = HardState{term++, 1}}).value();
      ASSERT_THAT(one.save({.hard_state = HardState{9, 4}}), IsOk());
      for (std::size_t n = 0; n < fill; ++n)
        three.save({.hard_state = HardState{term++, 1}}).value();
      if (segments_in(directory) > 2) break;
      ASSERT_THAT(three.install_snapshot(at(50, 1), as_bytes("state")), IsOk());
      rotated += segments_in(directory) > 1 ? 1 : 0;
    }
    auto shared = RaftLogGroup::open(directory, small()).value();
    ASSERT_EQ(Log::open(shared, 1).value().hard_state(), (HardState{9, 4})) << fill;
    ASSERT_EQ(Log::open(shared, 2).value().hard_state(), (HardState{7, 3})) << fill;
  }
  EXPECT_GT(rotated, 0u);
}

// Group 1 needs nothing when it is asked. While the trim reads the older snapshot of group 2, which
// was not read in this life, it saves.
TEST(RaftLogGroup, ATrimLeavesWhatIsAppendedMeanwhile) {
  auto directory = MemoryDirectory::create();
  {
    Log two = Log::open(RaftLogGroup::open(directory, small()).value(), 2).value();
    ASSERT_THAT(two.install_snapshot(at(50, 1), as_bytes("state")), IsOk());
    ASSERT_THAT(two.install_snapshot(at(60, 1), as_bytes("state")), IsOk());
  }
  {
    std::function<void()> meanwhile;
    RaftOptions options = small();
    options.snapshots.progress = [&](const CheckpointProgress& progress) {
      if (progress.entry_id == EntryId{50} && meanwhile) std::exchange(meanwhile, nullptr)();
    };
    auto shared = RaftLogGroup::open(directory, options).value();
    Log one = Log::open(shared, 1).value(), three = Log::open(shared, 3).value();
    bool saved = false;
    meanwhile = [&] {
      for (std::uint64_t index = 1; index <= 40; ++index) {
        saved = one.save({.entries = entries(1, index, index, 1, 300)}).has_value();
      }
    };
    ASSERT_THAT(three.install_snapshot(at(70, 1), as_bytes("state")), IsOk());
    ASSERT_TRUE(saved);
  }
  auto shared = RaftLogGroup::open(directory, small()).value();
  EXPECT_EQ(Log::open(shared, 1).value().entries(1, ~0u).value(), entries(1, 1, 40, 1, 300));
}

TEST(RaftLogGroup, AGroupThatSavedItsSnapshotTwiceHoldsNothingBack) {
  auto directory = MemoryDirectory::create();
  auto shared = RaftLogGroup::open(directory, small()).value();
  Log still = Log::open(shared, 1).value(), busy = Log::open(shared, 2).value();
  ASSERT_THAT(still.save({.hard_state = HardState{3, 1}, .entries = entries(1, 1, 20, 3)}), IsOk());
  for (const std::uint64_t index : {10, 20, 20}) {
    ASSERT_THAT(still.save_snapshot(at(index, 3), as_bytes("state")), IsOk());
  }
  ASSERT_THAT(still.close(), IsOk());
  for (std::uint64_t round = 1; round <= 20; ++round) {
    const std::uint64_t last = round * 40;
    ASSERT_THAT(busy.save({.entries = entries(2, last - 39, last, 1, 300)}), IsOk());
    ASSERT_THAT(busy.save_snapshot(at(last, 1), as_bytes("state")), IsOk());
  }
  EXPECT_LE(segments_in(directory), 14u);
  EXPECT_THAT(still.save({.entries = entries(1, 21, 21, 3)}), HasErrc(Errc::closed));
  still = Log::open(shared, 1).value();  // a group that was closed can be opened again
  EXPECT_EQ(still.last_index(), 20u);
  EXPECT_EQ(still.hard_state(), (HardState{3, 1}));
  EXPECT_THAT(still.save({.entries = entries(1, 21, 21, 3)}), IsOk());
}

// Not where they are used: clang 14 stops at that.
constexpr EntryType kTransfer{"bank.Transfer"}, kOrder{"order"}, kNewerTransfer{"bank.Transfer", 2};

// Another type for the same group is refused, in one process and after a restart, also where the
// log was told of the group by a process that did not open it.
TEST(RaftLogGroup, TheTypeOfTheCommandsIsKept) {
  auto directory = MemoryDirectory::create();
  const RaftStorage::Commands transfer{7, kTransfer}, order{7, kOrder}, newer{7, kNewerTransfer};
  {
    auto shared = RaftLogGroup::open(directory, small()).value();
    RaftStorage first = shared.storage(1, transfer).value();
    ASSERT_THAT(first.save(HardState{1, 1}, {}), IsOk());
    EXPECT_THAT(shared.storage(1, order), HasErrc(Errc::incompatible));
    EXPECT_THAT(shared.storage(1, newer), HasErrc(Errc::incompatible));  // beside the older
  }
  for (int life = 0; life < 2; ++life) {
    auto shared = RaftLogGroup::open(directory, small()).value();
    Log busy = Log::open(shared, 2).value();
    const std::uint64_t begin = busy.last_index();
    for (std::uint64_t index = begin + 1; index <= begin + 30; ++index) {
      ASSERT_THAT(busy.save({.entries = entries(2, index, index, 1, 900)}), IsOk());
      if (index % 10 != 0) continue;
      ASSERT_THAT(busy.save_snapshot(at(index, 1), as_bytes("state")), IsOk());
    }
  }
  auto shared = RaftLogGroup::open(directory, small()).value();
  EXPECT_THAT(shared.storage(1, order), HasErrc(Errc::incompatible));
  EXPECT_THAT(shared.storage(1, newer), IsOk());
}

// A group that stands still, without entries, must not hold the log of all others.
TEST(RaftLogGroup, AGroupThatStandsStillHoldsNothingBack) {
  auto directory = MemoryDirectory::create();
  {
    auto shared = RaftLogGroup::open(directory, small()).value();
    Log idle = Log::open(shared, 1).value();
    ASSERT_THAT(idle.save({.hard_state = HardState{8, 2}}), IsOk());
    Log busy = Log::open(shared, 2).value();
    const auto segments = [&] {
      return directory->subdirectory("wal", OpenMode::read).value()->list().value().size();
    };
    std::size_t most = 0;
    for (std::uint64_t round = 1; round <= 20; ++round) {
      const std::uint64_t last = round * 40;
      ASSERT_THAT(busy.save({.entries = entries(2, last - 39, last, 1, 300)}), IsOk());
      ASSERT_THAT(busy.save_snapshot(at(last, 1), as_bytes("state")), IsOk());
      most = std::max(most, segments());
    }
    EXPECT_LE(most, 16u);  // two snapshots' worth of 12 KiB
  }
  auto shared = RaftLogGroup::open(directory, small()).value();
  EXPECT_EQ(Log::open(shared, 1).value().hard_state(), (HardState{8, 2}));
  EXPECT_EQ(Log::open(shared, 2).value().last_index(), 800u);
}

TEST(RaftLogGroup, ADamagedSnapshotIsThatGroupsAlone) {
  auto directory = MemoryDirectory::create();
  {
    auto shared = RaftLogGroup::open(directory, small()).value();
    for (const std::uint64_t group : {1, 2}) {
      Log log = Log::open(shared, group).value();
      ASSERT_THAT(log.save({.hard_state = HardState{3, 1}}), IsOk());
      ASSERT_THAT(log.install_snapshot(at(50, 2), as_bytes("state")), IsOk());
    }
  }
  auto folder = directory->subdirectory("snapshots-1", OpenMode::write).value();
  for (const std::string& name : folder->list().value()) {
    if (name == kLockFileName) continue;
    ASSERT_THAT(folder->remove(name), IsOk());
  }
  auto shared = RaftLogGroup::open(directory, small()).value();
  EXPECT_THAT(Log::open(shared, 1), HasErrc(Errc::corrupt));
  Log log = Log::open(shared, 2).value();
  EXPECT_EQ(log.last_index(), 50u);
  EXPECT_THAT(log.save({.entries = entries(2, 51, 52, 3)}), IsOk());
  EXPECT_THAT(log.save_snapshot(at(52, 3), as_bytes("state")), IsOk());
  EXPECT_THAT(Log::open(shared, 1), HasErrc(Errc::corrupt));
}

// Power lost at every operation of two groups that append, replace, compact and are told of bases.
struct Done {
  std::map<std::uint64_t, std::uint64_t> last{}, snapshot{};
  bool idle = false;  // a group that voted, and stands still
};

Done live(const std::shared_ptr<Directory>& directory) {
  Done done;
  auto shared = RaftLogGroup::open(directory, small());
  if (!shared) return done;
  auto idle = Log::open(*shared, 9);
  if (!idle || !idle->save({.hard_state = HardState{5, 4}})) return done;
  done.idle = true;
  for (std::uint64_t round = 1; round <= 4; ++round) {
    for (const std::uint64_t group : {1, 2}) {
      auto log = Log::open(*shared, group);
      if (!log) return done;
      const std::uint64_t last = round * 3;
      Status ok = log->save({.hard_state = HardState{round, group},
                             .entries = entries(group, last - 2, last, round, 700)});
      if (!ok) return done;
      done.last[group] = last;
      if (group == 2 && round == 2) continue;
      if (!log->save_snapshot(at(last - 1, round), as_bytes("state"))) return done;
      done.snapshot[group] = last - 1;
    }
  }
  return done;
}

Status check(const std::shared_ptr<Directory>& directory, const Done& done) {
  auto shared = RaftLogGroup::open(directory, small());
  if (!shared) return std::move(shared).error();
  auto idle = Log::open(*shared, 9);
  if (!idle) return std::move(idle).error();
  if (done.idle && idle->hard_state() != HardState{5, 4}) {
    return Error{.code = Errc::decode, .message = "a vote is gone"};
  }
  for (const std::uint64_t group : {1, 2}) {
    auto log = Log::open(*shared, group);
    if (!log) return std::move(log).error();
    const auto told = done.last.find(group);
    const std::uint64_t last = told == done.last.end() ? 0 : told->second;
    const bool right = log->last_index() == last || log->last_index() == last + 3;
    const auto snapshot = done.snapshot.find(group);
    const std::uint64_t at_least = snapshot == done.snapshot.end() ? 0 : snapshot->second;
    const auto info = log->snapshot_info();
    if (!right || (info ? info->index : 0) < at_least) {
      return Error{.code = Errc::decode, .message = "group " + std::to_string(group) + " lost"};
    }
    if (last > 0 && log->hard_state().term < (last / 3)) {
      return Error{.code = Errc::decode, .message = "a term fell"};
    }
    auto found = log->entries(log->first_index(), ~0u);
    if (!found) return std::move(found).error();
    std::uint64_t index = log->first_index();
    for (const Entry& entry : *found) {
      const std::uint64_t term = (index + 2) / 3;
      if (entry != entries(group, index, index, term, 700)[0]) {
        return Error{.code = Errc::decode, .message = "another entry"};
      }
      ++index;
    }
    if (index != log->last_index() + 1) return Error{.code = Errc::decode, .message = "a hole"};
  }
  return {};
}

TEST(RaftLogGroup, SurvivesPowerCutsAtEveryOperation) {
  const auto report = testing::crash_test({.states_max = 5000, .recovery_depth = 2}, live, check);
  ASSERT_THAT(report, IsOk());
  EXPECT_GT(report->states, 500u);
}

}  // namespace
}  // namespace walkit::raft
