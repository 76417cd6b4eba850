// Entries of a leader: many threads, indices without holes, acknowledged in order.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "walkit/app/raft_log.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/crash_test.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::raft {
namespace {

using testing::HasErrc;
using testing::IsOk;

using Log = RaftLog<std::string>;

Log leading(const std::shared_ptr<Directory>& directory, std::uint64_t term = 3) {
  Log log = Log::open(directory).value();
  log.save({.hard_state = HardState{term, 1}}).value();
  return log;
}

// 8 threads complete reservations in random order, some of which they abandon.
TEST(RaftLeader, IndicesAreContiguousWhateverIsAbandoned) {
  constexpr int kThreads = 8, kEach = 300;
  auto directory = MemoryDirectory::create();
  std::map<std::uint64_t, std::string> acknowledged;
  std::uint64_t reserved = 0;
  {
    Log log = leading(directory);
    auto leader = log.lead(3).value();
    std::mutex mutex;
    std::atomic<std::uint64_t> answers{0}, asked{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(static_cast<unsigned>(t) + 1);
        for (int n = 0; n < kEach; n += 3) {
          std::vector<RaftLeader<std::string>::Reservation> held;
          for (int k = 0; k < 3; ++k) held.push_back(leader.reserve());
          const std::size_t first = random() % 3;
          for (std::size_t k = 0; k < 3; ++k) {
            auto& one = held[(first + k) % 3];
            if (random() % 5 == 0) continue;
            const std::uint64_t index = one.index();
            const std::string command = std::to_string(t) + ":" + std::to_string(index);
            ++asked;
            Status ok = one.append_async(command, [&, index, command](Result<std::uint64_t> done) {
              ++answers;
              if (!done || *done != index) return;
              const std::lock_guard lock(mutex);
              acknowledged[index] = command;
            });
            EXPECT_THAT(ok, IsOk());
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_THAT(log.close(), IsOk());
    EXPECT_EQ(answers.load(), asked.load());
    reserved = kThreads * kEach;
    EXPECT_EQ(acknowledged.size(), asked.load());
  }
  Log log = Log::open(directory).value();
  ASSERT_EQ(log.last_index(), reserved);
  for (const auto& entry : log.entries(1, ~std::uint64_t{0}).value()) {
    const auto told = acknowledged.find(entry.index);
    if (told == acknowledged.end()) {
      EXPECT_EQ(entry.kind, EntryKind::noop);
    } else {
      EXPECT_EQ(entry.command, told->second);
    }
    EXPECT_EQ(entry.term, 3u);
  }
}

// Entries that wait for one before them come in together, and one sync is for all.
TEST(RaftLeader, EntriesShareASync) {
  auto storage =
      RaftStorage::open(MemoryDirectory::create(), {}, {CodecId{"byte"}.value, {}}).value();
  ASSERT_THAT(storage.save(HardState{3, 1}, {}), IsOk());
  const Leadership leader = storage.lead(3).value();
  for (std::uint64_t n = 1; n <= 9; ++n) ASSERT_EQ(leader.reserve(), n);
  for (std::uint64_t index = 2; index <= 9; ++index) leader.abandon(index);
  const std::uint64_t before = storage.stats().syncs;
  ASSERT_THAT(leader.complete(1, EntryKind::command, {}), IsOk());
  EXPECT_EQ(storage.last_index(), 9u);
  ASSERT_THAT(storage.sync(), IsOk());
  EXPECT_EQ(storage.stats().syncs - before, 1u);
}

TEST(RaftLeader, ThreadsThatWaitAllReturn) {
  Log log = leading(MemoryDirectory::create());
  auto leader = log.lead(3).value();
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n) {
        if (!leader.append("x")) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed.load(), 0);
  EXPECT_EQ(log.last_index(), 1600u);
}

// Power lost at every operation of a leader that lets go of some indices.
TEST(RaftLeader, WhatIsAcknowledgedSurvivesAPowerCut) {
  const auto run = [](const std::shared_ptr<Directory>& directory) {
    std::uint64_t acknowledged = 0;
    auto log = Log::open(directory);
    if (!log || !log->save({.hard_state = HardState{3, 1}})) return acknowledged;
    auto leader = log->lead(3);
    if (!leader) return acknowledged;
    for (int n = 0; n < 4; ++n) {
      auto dropped = std::optional(leader->reserve());
      auto kept = leader->reserve();
      dropped.reset();
      const auto index = kept.append("x");
      if (!index) return acknowledged;
      acknowledged = *index;
      if (!log->stage_commit(acknowledged - 1)) return std::uint64_t{1000};
    }
    return acknowledged;
  };
  const auto check = [](const std::shared_ptr<Directory>& directory,
                        std::uint64_t acknowledged) -> Status {
    auto log = Log::open(directory);
    if (!log) return std::move(log).error();
    if (log->last_index() < acknowledged || log->commit_index() > log->last_index()) {
      return Error{.code = Errc::corrupt, .message = "an acknowledged entry is gone"};
    }
    return {};
  };
  EXPECT_THAT(testing::crash_test({.states_max = 2000, .recovery_depth = 1}, run, check), IsOk());
}

TEST(RaftLeader, AnEntryWaitsForThoseBeforeIt) {
  std::atomic<bool> done{false};  // outlives the log, whose own thread may set it
  Log log = leading(MemoryDirectory::create());
  auto leader = log.lead(3).value();
  auto first = std::optional(leader.reserve());
  auto second = leader.reserve();
  ASSERT_THAT(second.append_async("second", [&](const auto&) { done = true; }), IsOk());
  EXPECT_EQ(log.last_index(), 0u);
  EXPECT_FALSE(done.load());
  first.reset();  // becomes a noop
  EXPECT_EQ(log.last_index(), 2u);
  ASSERT_THAT(log.sync(), IsOk());
  ASSERT_THAT(leader.append("third"), IsOk());
  EXPECT_EQ(log.entry(1).value().kind, EntryKind::noop);
  EXPECT_EQ(log.entry(2).value().command, "second");
  ASSERT_THAT(log.close(), IsOk());
  EXPECT_TRUE(done.load());
}

TEST(RaftLeader, IsOverWhenAnotherLeadsOrTheTermGrows) {
  Log log = leading(MemoryDirectory::create());
  auto old = log.lead(3).value();
  ASSERT_THAT(old.append("one"), IsOk());
  auto hole = old.reserve();
  auto waiting = old.reserve();
  Errc told{};
  ASSERT_THAT(waiting.append_async("two", [&](const auto& r) { told = r.error().code; }), IsOk());
  ASSERT_THAT(log.save({.hard_state = HardState{4, {}},
                        .entries = {{.index = 2, .term = 4, .command = "theirs"}}}),
              IsOk());
  EXPECT_EQ(told, Errc::closed);
  EXPECT_THAT(old.append("three"), HasErrc(Errc::closed));
  EXPECT_THAT(log.lead(3), HasErrc(Errc::invalid_argument));
  ASSERT_THAT(log.save({.entries = {{.index = 3, .term = 6}}}), IsOk());
  EXPECT_THAT(log.lead(4), HasErrc(Errc::invalid_argument));  // an entry of a newer term is there
  ASSERT_THAT(log.truncate(3), IsOk());
  EXPECT_EQ(log.last_index(), 2u);
  EXPECT_EQ(log.entry(2).value().command, "theirs");
  auto leader = log.lead(4).value();
  EXPECT_EQ(leader.append("mine").value(), 3u);
  auto next = log.lead(4).value();
  EXPECT_THAT(leader.append("late"), HasErrc(Errc::closed));
  EXPECT_EQ(next.append("mine too").value(), 4u);
  ASSERT_THAT(log.truncate(4), IsOk());
  EXPECT_THAT(next.append("late"), HasErrc(Errc::closed));
}

TEST(RaftLeader, WhoIsDroppedTellsThoseWhoWait) {
  const RaftStorage storage =
      RaftStorage::open(MemoryDirectory::create(), {}, {CodecId{"byte"}.value, {}}).value();
  RaftStorage(storage).save(HardState{3, 1}, {}).value();
  Errc told{};
  {
    const Leadership leader = storage.lead(3).value();
    ASSERT_EQ(leader.reserve(), 1u);  // and never completed
    const std::uint64_t index = leader.reserve();
    ASSERT_THAT(leader.complete_async(index, EntryKind::command, {},
                                      [&](const auto& result) { told = result.error().code; }),
                IsOk());
    EXPECT_THAT(leader.complete(index, EntryKind::command, {}), HasErrc(Errc::invalid_argument));
    EXPECT_THAT(leader.complete(9, EntryKind::command, {}), HasErrc(Errc::invalid_argument));
    EXPECT_THAT(leader.complete(1, EntryKind{}, {}), HasErrc(Errc::invalid_argument));
    EXPECT_EQ(told, Errc{});
  }
  EXPECT_EQ(told, Errc::closed);
  EXPECT_EQ(storage.last_index(), 0u);
}

TEST(RaftLeader, ACommandThatIsTooLargeTakesNoIndex) {
  Log log = Log::open(MemoryDirectory::create(), {.wal = {.max_entry_bytes = 1024}}).value();
  ASSERT_THAT(log.save({.hard_state = HardState{1, 1}}), IsOk());
  auto leader = log.lead(1).value();
  EXPECT_THAT(leader.append(std::string(2000, 'x')), HasErrc(Errc::too_large));
  EXPECT_EQ(leader.append("fits").value(), 1u);
}

TEST(RaftLeader, AFailedSyncIsToldToAll) {
  auto faults = testing::FaultDirectory::create(MemoryDirectory::create());
  Log log = leading(faults);
  auto leader = log.lead(3).value();
  ASSERT_THAT(leader.append("one"), IsOk());
  faults->fail_from(faults->operation_count() + 1, testing::Fault::io);
  EXPECT_FALSE(leader.append("two"));
  EXPECT_FALSE(leader.append("three"));
}

TEST(RaftLeader, CommitIsWrittenWithTheEntries) {
  auto directory = MemoryDirectory::create();
  {
    Log log = leading(directory);
    auto leader = log.lead(3).value();
    for (std::uint64_t n = 1; n <= 5; ++n) {
      ASSERT_THAT(leader.append("x"), IsOk());
      ASSERT_THAT(log.stage_commit(n), IsOk());
      ASSERT_THAT(log.stage_applied(n), IsOk());
    }
    ASSERT_THAT(leader.append("x"), IsOk());
    EXPECT_EQ(log.stats().entries, 2u + 6u);  // base, hard state, and nothing but entries
  }
  Log log = Log::open(directory).value();
  EXPECT_EQ(log.commit_index(), 5u);
  EXPECT_EQ(log.applied_index(), 5u);
}

}  // namespace
}  // namespace walkit::raft
