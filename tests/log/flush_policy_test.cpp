// What each policy promises, at every crash point.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <thread>

#include "log/writer_harness.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit {
namespace {

using namespace std::chrono_literals;

struct PolicyCase {
  const char* name;
  FlushPolicy policy;
  // Said again here, not asked of the code under test.
  std::function<bool(std::uint64_t entries, std::uint64_t bytes)> is_boundary;
};

std::vector<PolicyCase> policy_cases() {
  const auto each = [](std::uint64_t, std::uint64_t) { return true; };
  const auto never = [](std::uint64_t, std::uint64_t) { return false; };
  const auto third = [](std::uint64_t entries, std::uint64_t) { return entries >= 3; };
  return {{"every_append", FlushPolicy::every_append(), each},
          {"every_n(0)", FlushPolicy::every_n(0), each},
          {"every_n(1)", FlushPolicy::every_n(1), each},
          {"every_n(3)", FlushPolicy::every_n(3), third},
          {"every_bytes(0)", FlushPolicy::every_bytes(0), each},
          {"every_bytes(1)", FlushPolicy::every_bytes(1),
           [](std::uint64_t, std::uint64_t bytes) { return bytes >= 1; }},
          {"every_bytes(1000)", FlushPolicy::every_bytes(1000),
           [](std::uint64_t, std::uint64_t bytes) { return bytes >= 1000; }},
          {"interval(0)", FlushPolicy::interval(0us), each},
          {"interval(1h)", FlushPolicy::interval(1h), never},
          {"every_n(3).or_after(1h)", FlushPolicy::every_n(3).or_after(1h), third},
          {"every_n(3).or_after(0)", FlushPolicy::every_n(3).or_after(0us), each},
          {"manual", FlushPolicy::manual(), never},
          {"manual.or_after(1h)", FlushPolicy::manual().or_after(1h), never}};
}

struct Promised {
  std::uint64_t written = 0, synced = 0;
};

constexpr std::uint64_t kEntries = 11;

WalOptions small(const PolicyCase& policy, Durability durability) {
  return {.flush = policy.policy, .durability = durability, .segment_bytes = 4096};
}

// What an append leaves buffered is less than a boundary: all that is older is out. (Whatever else
// pushes entries out begins the count anew.)
std::uint64_t pushed_by(const PolicyCase& policy, std::uint64_t last) {
  std::uint64_t n = last, bytes = entry_text(last).size();
  while (n > 0 && !policy.is_boundary(last - n + 1, bytes)) bytes += entry_text(--n).size();
  return n;
}

// Appends until a call fails, and keeps account of what was promised. Entry 5 is followed by
// flush(), entry 8 by sync().
Promised run(const std::shared_ptr<Directory>& directory, const PolicyCase& policy,
             Durability durability) {
  Promised promised;
  auto wal = Wal::open(directory, small(policy, durability));
  if (!wal) return promised;
  for (std::uint64_t n = 1; n <= kEntries; ++n) {
    if (!wal->append(entry_text(n))) return promised;
    const std::uint64_t pushed = pushed_by(policy, n);
    promised.written = std::max(promised.written, pushed);
    if (durability == Durability::durable) promised.synced = std::max(promised.synced, pushed);
    if (n == 5 && wal->flush()) promised.written = n;
    if (n == 8 && wal->sync()) promised = {n, n};
  }
  if (wal->close()) promised = {kEntries, kEntries};
  return promised;
}

void try_every_crash(const PolicyCase& policy, Durability durability) {
  SCOPED_TRACE(policy.name);
  SCOPED_TRACE(durability == Durability::durable ? "durable" : "flushed");
  const auto whole = CrashDirectory::create();
  ASSERT_EQ(run(whole, policy, durability).synced, kEntries);
  for (std::uint64_t at = 1; at <= whole->operation_count() + 1; ++at) {
    SCOPED_TRACE("crash at operation " + std::to_string(at));
    for (const Crash kind : {Crash::power_cut, Crash::process_kill}) {
      const auto directory = CrashDirectory::create({.seed = at});
      directory->cut_power_at(at);
      const Promised promised = run(directory, policy, durability);
      const bool killed = kind == Crash::process_kill;
      expect_recovers(directory->crash(kind), entry_texts(kEntries),
                      killed ? promised.written : promised.synced);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(FlushPolicy, DurableSurvivesEveryPowerCutAndKill) {
  for (const PolicyCase& policy : policy_cases()) try_every_crash(policy, Durability::durable);
}

TEST(FlushPolicy, FlushedSurvivesEveryKillAndLosesOnlyASuffix) {
  for (const PolicyCase& policy : policy_cases()) try_every_crash(policy, Durability::flushed);
}

// The kernel keeps what was flushed; only the power cut behind it may take that away.
TEST(FlushPolicy, KillAndThenPowerCutKeepsWhatWasDurable) {
  for (const PolicyCase& policy : policy_cases()) {
    SCOPED_TRACE(policy.name);
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      const auto directory = CrashDirectory::create({.seed = seed});
      directory->cut_power_at(20 + 3 * seed);
      const Promised promised = run(directory, policy, Durability::durable);
      const auto killed = directory->crash(Crash::process_kill);
      expect_recovers(killed->crash(Crash::power_cut), entry_texts(kEntries), promised.synced);
    }
  }
}

TEST(FlushPolicy, BufferedEntriesAreNotWritten) {
  for (const FlushPolicy policy : {FlushPolicy::manual(), FlushPolicy::every_n(3),
                                   FlushPolicy::interval(1h), FlushPolicy::every_bytes(1000)}) {
    const auto directory = CrashDirectory::create();
    auto wal = Wal::open(directory, {.flush = policy}).value();
    ASSERT_THAT(wal.append("a"), IsOk());
    const std::uint64_t before = directory->operation_count();
    ASSERT_THAT(wal.append("b"), IsOk());
    EXPECT_EQ(directory->operation_count(), before);
    EXPECT_EQ(wal.durable_entry_id(), EntryId{});
  }
}

TEST(FlushPolicy, ZeroAndOneAreEveryAppend) {
  EXPECT_EQ(FlushPolicy::interval(0us), FlushPolicy::every_append());
  EXPECT_EQ(FlushPolicy::every_n(1), FlushPolicy::every_append());
  for (const FlushPolicy policy :
       {FlushPolicy::every_n(0), FlushPolicy::every_n(1), FlushPolicy::every_bytes(0),
        FlushPolicy::interval(0us), FlushPolicy::every_n(9).or_after(0us)}) {
    auto wal = Wal::open(MemoryDirectory::create(), {.flush = policy}).value();
    for (std::uint64_t n = 1; n <= 3; ++n) {
      ASSERT_THAT(wal.append(""), IsOkAndHolds(EntryId{n}));
      EXPECT_EQ(wal.durable_entry_id(), EntryId{n});
    }
  }
}

// Acceptance check 1.
TEST(FlushPolicy, RecordsAreTheSameWhateverThePolicyAndBufferSize) {
  const std::vector<std::string> texts = entry_texts(1000);
  for (const PolicyCase& policy : policy_cases()) {
    for (const std::uint64_t buffer :
         {std::uint64_t{1}, std::uint64_t{5000}, std::uint64_t{8} << 20}) {
      SCOPED_TRACE(policy.name + std::string(", buffer ") + std::to_string(buffer));
      const auto directory = MemoryDirectory::create();
      auto wal =
          Wal::open(directory,
                    {.flush = policy.policy, .segment_bytes = 100'000, .max_buffer_bytes = buffer});
      for (const std::string& text : texts) ASSERT_THAT(wal.value().append(text), IsOk());
      ASSERT_THAT(wal->close(), IsOk());
      EXPECT_EQ(read_all(directory).value(), texts);
    }
  }
}

std::size_t threads_of_this_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST(FlushPolicy, LoneThreadNeedsNoThreadOfTheLog) {
  const std::size_t before = threads_of_this_process();
  for (const FlushPolicy policy : {FlushPolicy::every_append(), FlushPolicy::every_n(3),
                                   FlushPolicy::every_bytes(9), FlushPolicy::manual()}) {
    auto wal = Wal::open(MemoryDirectory::create(), {.flush = policy}).value();
    for (std::uint64_t n = 1; n <= 9; ++n) ASSERT_THAT(wal.append("abc"), IsOk());
    ASSERT_THAT(wal.sync(), IsOk());
    EXPECT_EQ(threads_of_this_process(), before);
  }
}

TEST(FlushPolicy, TimerStartsOneThreadThatCloseEnds) {
  const std::size_t before = threads_of_this_process();
  auto wal = Wal::open(MemoryDirectory::create(), {.flush = FlushPolicy::interval(1h)}).value();
  EXPECT_EQ(threads_of_this_process(), before);
  ASSERT_THAT(wal.append("a"), IsOk());
  ASSERT_THAT(wal.append("b"), IsOk());
  EXPECT_EQ(threads_of_this_process(), before + 1);
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(threads_of_this_process(), before);
}

TEST(FlushPolicy, IntervalMakesEntriesDurableWithoutBeingAsked) {
  for (const FlushPolicy policy :
       {FlushPolicy::interval(1ms), FlushPolicy::every_n(99).or_after(1ms)}) {
    auto wal = Wal::open(MemoryDirectory::create(), {.flush = policy}).value();
    for (std::uint64_t n = 1; n <= 3; ++n) {
      ASSERT_THAT(wal.append("a"), IsOkAndHolds(EntryId{n}));
      while (wal.durable_entry_id() < EntryId{n}) std::this_thread::yield();
    }
    EXPECT_EQ(wal.stats().syncs, 3u);
  }
}

// flush() is no boundary of a durable policy: the timer still has to sync.
TEST(FlushPolicy, IntervalSyncsWhatWasFlushedBefore) {
  auto wal = Wal::open(MemoryDirectory::create(), {.flush = FlushPolicy::interval(1ms)}).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  ASSERT_THAT(wal.flush(), IsOk());
  while (wal.durable_entry_id() < EntryId{1}) std::this_thread::yield();
}

TEST(FlushPolicy, IntervalFlushedWritesAndDoesNotSync) {
  const auto directory = MemoryDirectory::create();
  auto wal =
      Wal::open(directory, {.flush = FlushPolicy::interval(1ms), .durability = Durability::flushed})
          .value();
  ASSERT_THAT(wal.append("a"), IsOk());
  while (wal.stats().entries < 1) std::this_thread::yield();
  EXPECT_EQ(wal.stats().syncs, 0u);
  EXPECT_EQ(wal.durable_entry_id(), EntryId{});
}

}  // namespace
}  // namespace walkit
