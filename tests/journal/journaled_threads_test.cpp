// Many threads, and checkpoints in the background.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "walkit/cereal_codec.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/journaled.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using testing::IsOk;
using testing::IsOkAndHolds;

struct Append {
  std::uint64_t thread = 0, number = 0;
  template <class A>
  void serialize(A& a) {
    a(thread, number);
  }
};

/// What was applied, in order; apply answers its place.
struct History {
  using Entry = Append;
  std::vector<Append> all{};
  std::size_t apply(const Append& append) {
    all.push_back(append);
    return all.size();
  }
  template <class A>
  void serialize(A& a) {
    a(all);
  }
};
using Journal = Journaled<History>;

constexpr std::uint64_t kThreads = 8, kEach = 200;

void run_threads(Journal& journal) {
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::size_t before = 0;
      for (std::uint64_t n = 0; n < kEach; ++n) {
        const auto place = journal.apply({t, n});
        ASSERT_THAT(place, IsOk());
        EXPECT_GT(*place, before) << "one thread's entries in another order";
        before = *place;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void expect_order_of_the_log(const std::shared_ptr<Directory>& directory, const History& history) {
  const auto log = WalReader<Append>::open(directory).value();
  std::size_t at = 0;
  ASSERT_THAT(log.replay_each(ReplayMode::strict,
                              [&](const WalRecord<Append>& record) {
                                ASSERT_LT(at, history.all.size());
                                EXPECT_EQ(record.payload.thread, history.all[at].thread);
                                EXPECT_EQ(record.payload.number, history.all[at].number);
                                ++at;
                              }),
              IsOk());
  EXPECT_EQ(at, history.all.size());
}

TEST(JournaledThreads, EntriesAreAppliedInTheOrderOfTheirIds) {
  const auto directory = MemoryDirectory::create();
  auto journal = Journal::open(directory, {.checkpoint_every_bytes = 0}).value();
  run_threads(journal);
  EXPECT_EQ(journal.applied_entry_id(), EntryId{kThreads * kEach});
  const History history = journal.read([](const History& h) { return h; });
  expect_order_of_the_log(directory, history);
}

TEST(JournaledThreads, ReadersSeeTheStateBetweenTwoEntriesOnly) {
  const auto directory = MemoryDirectory::create();
  auto journal = Journal::open(directory).value();
  std::atomic<bool> done = false;
  std::thread reader([&] {
    std::size_t before = 0;
    while (!done) {
      const std::size_t size = journal.read([](const History& h) { return h.all.size(); });
      EXPECT_GE(size, before);
      before = size;
    }
  });
  run_threads(journal);
  done = true;
  reader.join();
}

// Until it is so; the test's own time limit ends it otherwise.
void wait_until(const std::function<bool()>& holds) {
  while (!holds()) std::this_thread::yield();
}

TEST(JournaledThreads, CheckpointsAreTakenByEntriesWhileThreadsApply) {
  const auto directory = MemoryDirectory::create();
  {
    auto journal = Journal::open(directory, {.wal = {.segment_bytes = 4096},
                                             .checkpoint_every_bytes = 0,
                                             .checkpoint_every_entries = 100})
                       .value();
    run_threads(journal);
    wait_until([&] { return journal.stats().checkpoints.taken > 0; });
    EXPECT_THAT(journal.close(), IsOk());
    EXPECT_FALSE(journal.verdict().failure);
    EXPECT_GE(journal.stats().checkpoints.last, EntryId{100});
  }
  auto journal = Journal::open(directory).value();
  EXPECT_EQ(journal.read([](const History& h) { return h.all.size(); }), kThreads * kEach);
  EXPECT_LT(journal.stats().replayed.size(), kThreads * kEach);
}

TEST(JournaledThreads, EachReasonTakesACheckpoint) {
  const JournalOptions reasons[] = {
      {.checkpoint_every_bytes = 1},
      {.checkpoint_every_bytes = 0, .checkpoint_every_entries = 1},
      {.checkpoint_every_bytes = 0, .checkpoint_every = std::chrono::milliseconds(1)}};
  for (const JournalOptions& options : reasons) {
    auto journal = Journal::open(MemoryDirectory::create(), options).value();
    ASSERT_THAT(journal.apply({1, 1}), IsOk());
    wait_until([&] { return journal.stats().checkpoints.taken > 0; });
    EXPECT_EQ(journal.stats().checkpoints.last, EntryId{1});
  }
}

TEST(JournaledThreads, WithoutAReasonNoneIsTaken) {
  auto journal = Journal::open(MemoryDirectory::create(), {.checkpoint_every_bytes = 0}).value();
  run_threads(journal);
  ASSERT_THAT(journal.close(), IsOk());
  EXPECT_EQ(journal.stats().checkpoints.taken, 0u);
}

TEST(JournaledThreads, TheSameReasonCountsFromTheLastCheckpointAcrossLives) {
  const auto directory = MemoryDirectory::create();
  const JournalOptions options{.checkpoint_every_bytes = 0, .checkpoint_every_entries = 10};
  for (int life = 0; life < 3; ++life) {
    auto journal = Journal::open(directory, options).value();
    for (std::uint64_t n = 0; n < 4; ++n) ASSERT_THAT(journal.apply({0, n}), IsOk());
    if (life == 2) wait_until([&] { return journal.stats().checkpoints.taken > 0; });
    ASSERT_THAT(journal.close(), IsOk());
    EXPECT_EQ(journal.stats().checkpoints.taken > 0, life == 2);
  }
}

TEST(JournaledThreads, CheckpointsOnDemandBesideThoseInTheBackground) {
  auto journal = Journal::open(MemoryDirectory::create(), {.checkpoint_every_entries = 20}).value();
  std::atomic<bool> done = false;
  std::thread asking([&] {
    while (!done) EXPECT_THAT(journal.checkpoint(), IsOk());
  });
  run_threads(journal);
  done = true;
  asking.join();
  EXPECT_THAT(journal.checkpoint(), IsOkAndHolds(EntryId{kThreads * kEach}));
}

}  // namespace
}  // namespace walkit
