// What an observer is told, when, and what its veto holds.

#include "walkit/log/observer.hpp"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "log/log_box.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/fault_directory.hpp"

namespace walkit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Keeps all that it is told, as text.
class Notes final : public WalObserver {
 public:
  void on_append(EntryIdRange ids, std::uint64_t bytes) noexcept override {
    note("append " + to_string(ids) + " of " + std::to_string(bytes));
  }
  void on_flush(EntryId through, std::uint64_t bytes) noexcept override {
    EXPECT_GT(bytes, 0u);
    note("flush " + to_string(through));
  }
  void on_sync(EntryId through, std::chrono::nanoseconds took) noexcept override {
    EXPECT_GE(took.count(), 0);
    note("sync " + to_string(through));
  }
  void on_rotate(const SegmentInfo& begun) noexcept override {
    EXPECT_TRUE(begun.entries.empty());
    note("rotate " + to_string(begun.entries.first));
  }
  bool may_trim(const SegmentInfo& segment) noexcept override {
    return segment.entries.last < vetoed.load();
  }
  void on_trim(const SegmentInfo& segment) noexcept override {
    note("trim " + to_string(segment.entries));
  }
  void on_poison(const Error& why) noexcept override {
    note("poison " + std::string(to_string(why.code)));
  }

  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(told_, {});
  }

  std::atomic<EntryId> vetoed = EntryId::max();

 private:
  void note(std::string what) {
    const std::lock_guard lock(mutex_);
    told_.push_back(std::move(what));
  }
  std::mutex mutex_;
  std::vector<std::string> told_;
};

TEST(Observer, IsToldInOrderWhatAnAppendDoes) {
  const auto notes = std::make_shared<Notes>();
  auto wal = Wal::open(CrashDirectory::create(), {.observer = notes}).value();
  EXPECT_THAT(notes->take(), IsEmpty());
  wal.append("four").value();
  EXPECT_THAT(notes->take(), ElementsAre("rotate 1", "flush 1", "sync 1", "append 1..1 of 4"));
  wal.append_batch({"one", "two"}).value();
  EXPECT_THAT(notes->take(), ElementsAre("flush 3", "sync 3", "append 2..3 of 6"));
  wal.append_batch({}).value();
  EXPECT_THAT(notes->take(), IsEmpty()) << "nothing happened";
  EXPECT_EQ(wal.observer(), notes.get());
}

TEST(Observer, IsToldOfEachLevelApart) {
  const auto notes = std::make_shared<Notes>();
  auto wal =
      Wal::open(CrashDirectory::create(), {.flush = FlushPolicy::manual(), .observer = notes})
          .value();
  wal.append("a").value();
  EXPECT_THAT(notes->take(), ElementsAre("rotate 1", "append 1..1 of 1"));
  EXPECT_THAT(wal.flush(), IsOk());
  EXPECT_THAT(notes->take(), ElementsAre("flush 1"));
  EXPECT_THAT(wal.sync(), IsOk());
  EXPECT_THAT(notes->take(), ElementsAre("sync 1"));
  auto ticket = wal.append_async("b").value();
  EXPECT_THAT(ticket.wait(), IsOk());
  EXPECT_THAT(notes->take(), SizeIs(3));
}

TEST(Observer, IsToldOnceWhyTheWriterRefusesWork) {
  const auto notes = std::make_shared<Notes>();
  const auto faults = testing::FaultDirectory::create(CrashDirectory::create());
  auto wal = Wal::open(faults, {.observer = notes}).value();
  wal.append("a").value();
  notes->take();
  faults->fail_at(faults->operation_count() + 1, testing::Fault::io);
  EXPECT_THAT(wal.append("b"), HasErrc(Errc::poisoned));
  EXPECT_THAT(notes->take(), ElementsAre("poison io"));
  EXPECT_THAT(wal.append("c"), HasErrc(Errc::poisoned));
  EXPECT_THAT(notes->take(), IsEmpty());
}

TEST(Observer, VetoKeepsASegmentAndAllBehindIt) {
  const auto notes = std::make_shared<Notes>();
  LogBox box;
  box.append(3).close().open().append(3).close().open().append(3).close();
  auto wal = Wal::open(box.directory, {.observer = notes}).value();
  notes->vetoed = EntryId{5};
  const auto care = wal.maintenance();
  const auto plan = care.plan_trim(EntryId{9}).value();
  EXPECT_THAT(plan.held_by, ElementsAre(TrimHold{TrimHold::By::observer}));
  EXPECT_THAT(care.trim_before(EntryId{9}), IsOkAndHolds(EntryId{4}));
  EXPECT_THAT(notes->take(), ElementsAre("trim 1..3"));
  notes->vetoed = EntryId::max();
  EXPECT_THAT(care.trim_before(EntryId{9}), IsOkAndHolds(EntryId{7}));
  EXPECT_THAT(notes->take(), ElementsAre("trim 4..6"));
}

TEST(Observer, OfManyThreadsIsToldOfEachEntryOnce) {
  class Sums final : public WalObserver {
   public:
    void on_append(EntryIdRange ids, std::uint64_t bytes) noexcept override {
      entries += ids.last.value + 1 - ids.first.value;
      payload_bytes += bytes;
    }
    void on_sync(EntryId through, std::chrono::nanoseconds /*took*/) noexcept override {
      EXPECT_GE(through, last) << "in order, one at a time";
      last = through;
      ++syncs;
    }
    std::atomic<std::uint64_t> entries = 0, payload_bytes = 0;
    EntryId last{};  // no mutex: ThreadSanitizer says if two are told at a time
    std::uint64_t syncs = 0;
  };
  const auto sums = std::make_shared<Sums>();
  auto wal = Wal::open(MemoryDirectory::create(), {.observer = sums}).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n) wal.append("12345").value();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wal.close(), IsOk());
  EXPECT_EQ(sums->entries, 800u);
  EXPECT_EQ(sums->payload_bytes, 4000u);
  const WalStats stats = wal.stats();
  EXPECT_EQ(stats.syncs, sums->syncs);
  EXPECT_EQ(stats.sync_times.count(), stats.syncs);
  EXPECT_EQ(stats.group_entries.count(), stats.syncs);
  EXPECT_GE(stats.group_entries.quantile(1), 1u);
}

TEST(Histogram, CountsByPowersOfTwo) {
  Histogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0u);
  for (const std::uint64_t value : {0u, 1u, 2u, 3u, 4u, 1000u}) histogram.add(value);
  EXPECT_EQ(histogram.count(), 6u);
  EXPECT_EQ(histogram.counts[2], 2u);
  EXPECT_EQ(histogram.quantile(0), 0u);
  EXPECT_EQ(histogram.quantile(0.3), 1u);
  EXPECT_EQ(histogram.quantile(0.34), 3u) << "two of six are less than that";
  EXPECT_EQ(histogram.quantile(0.5), 3u);
  EXPECT_EQ(histogram.quantile(1), 1023u);
  histogram.add(~std::uint64_t{0});
  EXPECT_EQ(histogram.quantile(1), ~std::uint64_t{0});
}

}  // namespace
}  // namespace walkit
