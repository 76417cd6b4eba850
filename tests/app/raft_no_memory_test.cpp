// Every allocation of a Raft log's calls fails once, alone and with all that follow it: an answer
// and no exception, and what it shows afterwards is what the next life finds.

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "starvation.hpp"
#include "walkit/app/raft_log.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::raft {
namespace {

using starvation::Failing;
using starvation::for_each_allocation;
using starvation::met;
using starvation::set_met;
using starvation::starved;
using testing::IsOk;

using Log = RaftLog<std::string>;

std::vector<LogEntry<std::string>> entries(std::uint64_t first, std::uint64_t last,
                                           std::uint64_t term) {
  std::vector<LogEntry<std::string>> made;
  for (std::uint64_t index = first; index <= last; ++index) {
    made.push_back({.index = index, .term = term, .command = std::string(100, 'c')});
  }
  return made;
}

const SnapshotInfo kSnapshot{.index = 8, .term = 1, .membership = {.voters = {1, 2, 3}}};
const SnapshotInfo kInstalled{.index = 50, .term = 2, .membership = {.voters = {1, 2, 3}}};
const std::string kState(300, 's');
const Update<std::string> kUpdate{.hard_state = HardState{2, {}}, .entries = entries(5, 7, 2)};

/// All that can be seen.
struct Seen {
  HardState hard_state{};
  std::uint64_t first = 0, last = 0;
  std::vector<LogEntry<std::string>> entries{};
  std::optional<SnapshotInfo> snapshot{};
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen see(const Log& log) {
  return {log.hard_state(), log.first_index(), log.last_index(),
          log.entries(log.first_index(), ~0u).value(), log.snapshot_info()};
}

// Of a log of ten entries whose leader is at work; the call, starved, then one entry more if it
// takes it, and a restart.
void keeps_its_word(const std::function<Status(Log&)>& call) {
  for_each_allocation([&](std::size_t nth, Failing how) {
    const auto directory = MemoryDirectory::create();
    Seen before, after;
    bool goes_on = false, hit = false;
    {
      Log log = Log::open(directory).value();
      ASSERT_THAT(log.save({.hard_state = HardState{1, 1}, .entries = entries(1, 10, 1)}), IsOk());
      const auto leader = log.lead(1).value();
      before = see(log);
      const Status answer = starved(nth, how, [&] { return call(log); });
      hit = met();
      if (!answer) {
        EXPECT_TRUE(answer.error().code == Errc::no_memory || answer.error().code == Errc::poisoned)
            << answer.error();
      }
      if (!answer && answer.error().code == Errc::no_memory) {
        EXPECT_EQ(see(log), before) << "allocation " << nth;
      }
      leader.append("of the leader").ignore("if it is over, it takes nothing");
      const std::uint64_t next = log.last_index() + 1;
      goes_on = log.save({.entries = entries(next, next, 9)}).has_value();
      if (goes_on) after = see(log);
    }
    Log log = Log::open(directory).value();
    if (goes_on) {
      EXPECT_EQ(see(log), after) << "allocation " << nth;
    }
    set_met(hit);
  });
}

TEST(NoMemoryRaft, ASave) {
  keeps_its_word([](Log& log) { return log.save(kUpdate); });
}

TEST(NoMemoryRaft, ATruncation) {
  keeps_its_word([](Log& log) { return log.truncate(5); });
}

TEST(NoMemoryRaft, ASnapshot) {
  keeps_its_word([](Log& log) { return log.save_snapshot(kSnapshot, as_bytes(kState)); });
}

TEST(NoMemoryRaft, AnInstalledSnapshot) {
  keeps_its_word([](Log& log) { return log.install_snapshot(kInstalled, as_bytes(kState)); });
}

TEST(NoMemoryRaft, ProgressAndSync) {
  keeps_its_word([](Log& log) {
    if (Status ok = log.stage_commit(3); !ok) return ok;
    if (Status ok = log.stage_applied(2); !ok) return ok;
    return log.sync();
  });
}

TEST(NoMemoryRaft, Refusals) {
  keeps_its_word([](Log& log) -> Status {
    const auto is_refused = [](const auto& answer) {
      return !answer && answer.error().code != Errc::no_memory;
    };
    const bool all = is_refused(log.truncate(0)) && is_refused(log.stage_commit(99)) &&
                     is_refused(log.stage_applied(99)) && is_refused(log.term_at(99));
    return all ? Status() : Status(Error{.code = Errc::no_memory});
  });
}

TEST(NoMemoryRaft, ReadsAndALeadersAppend) {
  keeps_its_word([](Log& log) -> Status {
    const auto found = log.entries(2, 5, 1000);
    if (!found) return copy_of(found.error());
    const auto leader = log.lead(1);
    if (!leader) return copy_of(leader.error());
    return {};
  });
}

TEST(NoMemoryRaft, AnOpenAndAClose) {
  for_each_allocation([](std::size_t nth, Failing how) {
    const auto directory = MemoryDirectory::create();
    Seen before;
    {
      Log log = Log::open(directory).value();
      ASSERT_THAT(log.save({.hard_state = HardState{1, 1}, .entries = entries(1, 10, 1)}), IsOk());
      ASSERT_THAT(log.save_snapshot(kSnapshot, as_bytes(kState)), IsOk());
      before = see(log);
    }
    const Status answer = starved(nth, how, [&]() -> Status {
      auto log = Log::open(directory);
      return log ? log->close() : Status(std::move(log).error());
    });
    const bool hit = met();
    if (!answer) {
      EXPECT_TRUE(answer.error().code == Errc::no_memory || answer.error().code == Errc::poisoned)
          << answer.error();
    }
    EXPECT_EQ(see(Log::open(directory).value()), before) << "allocation " << nth;
    set_met(hit);
  });
}

}  // namespace
}  // namespace walkit::raft
