// A process killed at each operation, then the power cut at each of the next life: what only the
// page cache held is not believed.

#include <gtest/gtest.h>

#include <string>

#include "app/raft_box.hpp"
#include "walkit/testing/crash_directory.hpp"

namespace walkit::raft {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using testing::IsOk;

struct Shown {
  std::uint64_t snapshot = 0, last = 0, term = 0;
};

Shown shown_by(const Log& log) {
  const auto snapshot = log.snapshot_info();
  return {snapshot ? snapshot->index : 0, log.last_index(), log.hard_state().term};
}

// Takes snapshots, and installs one that the log disagrees with, until a call fails.
void live(const std::shared_ptr<Directory>& directory) {
  auto log = Log::open(directory, small());
  if (!log || !log->save({.hard_state = HardState{1, 3}})) return;
  for (std::uint64_t index = 1; index <= 9; ++index) {
    if (!log->save({.entries = entries(index, index, 1, 500)})) return;
  }
  if (!log->save_snapshot(at(4, 1), as_bytes(state_of(4)))) return;
  if (!log->save_snapshot(at(8, 1), as_bytes(state_of(8)))) return;
  if (!log->install_snapshot(at(50, 2), as_bytes(state_of(50)))) return;
  log->save({.entries = entries(51, 53, 2)}).ignore("the next life goes on from what is there");
}

// Opens it, tells what it shows, and goes on for a little.
Shown go_on(const std::shared_ptr<Directory>& directory) {
  auto log = Log::open(directory, small());
  if (!log) return {};
  Shown shown = shown_by(*log);
  const std::uint64_t next = shown.last + 1;
  if (log->save({.hard_state = HardState{7, 1}, .entries = entries(next, next, 3)})) {
    shown = shown_by(*log);
  }
  return shown;
}

TEST(RaftKilled, WhatTheNextLifeShowsSurvivesAPowerCut) {
  const std::uint64_t operations = [] {
    const auto directory = CrashDirectory::create();
    live(directory);
    return directory->operation_count();
  }();
  ASSERT_GT(operations, 40u);
  for (std::uint64_t killed = 1; killed <= operations + 1; ++killed) {
    const auto first = CrashDirectory::create({.seed = killed});
    first->cut_power_at(killed);
    live(first);
    const auto cached = first->crash(Crash::process_kill);
    for (std::uint64_t cut = 1;; ++cut) {
      const auto second = cached->clone();
      second->cut_power_at(cut);
      const Shown shown = go_on(second);
      const bool whole = second->operation_count() < cut;
      auto log = Log::open(second->crash(Crash::power_cut), small());
      const std::string where =
          "killed at " + std::to_string(killed) + ", cut at " + std::to_string(cut);
      ASSERT_THAT(log, IsOk()) << where;
      const Shown left = shown_by(*log);
      ASSERT_GE(left.snapshot, shown.snapshot) << where;
      ASSERT_GE(left.last, shown.last) << where;
      ASSERT_GE(left.term, shown.term) << where;
      if (whole) break;
    }
  }
}

}  // namespace
}  // namespace walkit::raft
