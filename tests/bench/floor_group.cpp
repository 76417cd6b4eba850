// W2: what n threads can do that each wait until their entry is durable, and one that does not.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "floor_check.hpp"
#include "raw_file.hpp"
#include "record.hpp"
#include "run.hpp"

namespace walkit::bench {
namespace {

/// Records of a batch, one behind the other.
class Batch {
 public:
  explicit Batch(std::size_t capacity) : data_(make_blocks(capacity)), capacity_(capacity) {}
  void put(std::uint64_t id, std::string_view payload) {
    check(used_ + record_bytes(payload.size()) + kHeadBytes <= capacity_, "a batch is too large");
    put_record(data_.get() + used_, id, payload);
    used_ += record_bytes(payload.size());
  }
  /// Zeros to the end of a block: none, or enough to be no record.
  std::size_t pad() {
    std::size_t padded = whole_blocks(used_);
    if (padded != used_ && padded - used_ < kHeadBytes) padded += kBlock;
    std::memset(data_.get() + used_, 0, padded - used_);
    return padded;
  }
  void clear() { used_ = 0; }
  [[nodiscard]] const char* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return used_; }

 private:
  Blocks data_;
  std::size_t capacity_, used_ = 0;
};

/// One batch in flight. The first thread that finds no leader leads; the others wait on one atomic.
class FutexGroup {
 public:
  FutexGroup(const RawFile& file, std::string_view payload) : file_(file), payload_(payload) {}

  void append() {
    std::uint64_t mine = 0;
    bool lead = false;
    {
      const std::lock_guard lock(mutex_);
      mine = ++newest_;
      filling_.put(mine, payload_);
      lead = !std::exchange(has_leader_, true);
    }
    while (!lead) {
      const std::uint64_t durable = durable_.load(std::memory_order_acquire);
      if (durable >= mine) return;
      {
        const std::lock_guard lock(mutex_);
        if (durable_.load(std::memory_order_relaxed) >= mine) return;
        lead = !std::exchange(has_leader_, true);
      }
      if (!lead) durable_.wait(durable);
    }
    commit();
  }
  [[nodiscard]] std::uint64_t groups() const { return groups_; }
  [[nodiscard]] const Ring& ring() const { return ring_; }

 private:
  void commit() {
    std::uint64_t through = 0;
    {
      const std::lock_guard lock(mutex_);
      std::swap(filling_, flushing_);
      through = newest_;
    }
    if (ring_.offset + flushing_.size() > kRingBytes) ring_.begin_lap();
    file_.write_at(flushing_.data(), flushing_.size(), ring_.offset);
    file_.sync();
    ring_.offset += flushing_.size();
    ring_.last = through;
    flushing_.clear();
    ++groups_;
    {
      const std::lock_guard lock(mutex_);
      durable_.store(through, std::memory_order_release);
      has_leader_ = false;
    }
    durable_.notify_all();
  }

  const RawFile& file_;
  std::string_view payload_;
  std::mutex mutex_{};
  Batch filling_{8 * kMiB}, flushing_{8 * kMiB};
  std::uint64_t newest_ = 0, groups_ = 0;
  bool has_leader_ = false;
  Ring ring_{};
  std::atomic<std::uint64_t> durable_{0};
};

Outcome group_futex(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  const RawFile file = prewritten(job.folder + "/floor", kRingBytes);
  FutexGroup group(file, payload);
  Outcome outcome = append_for(job, [&](unsigned) { group.append(); });
  outcome.groups = group.groups();
  check(group.ring().last == outcome.entries, "entries and ids differ");
  check_ring(file, group.ring(), payload);
  return outcome;
}

/// Two batches in flight, each on blocks of its own, by direct and synchronous writes; acknowledged
/// in order.
class PipedGroup {
 public:
  static constexpr std::size_t kDepth = 2;
  static constexpr std::size_t kUnacknowledgedMax = 256;  // finished behind one that is not

  PipedGroup(const RawFile& file, std::string_view payload) : file_(file), payload_(payload) {
    for (std::size_t i = 0; i <= kDepth; ++i) free_.push_back(std::make_unique<Batch>(kMiB));
    filling_ = take_free();
  }

  void append() {
    std::unique_lock lock(mutex_);
    const std::uint64_t mine = ++newest_;
    filling_->put(mine, payload_);
    for (;;) {
      const std::uint64_t durable = durable_.load(std::memory_order_acquire);
      if (durable >= mine) return;
      if (filling_->size() != 0 && !free_.empty() && begun_ - acknowledged_ < kUnacknowledgedMax) {
        commit(lock);
      } else {
        lock.unlock();
        durable_.wait(durable);
        lock.lock();
      }
    }
  }
  [[nodiscard]] std::uint64_t groups() const { return begun_; }
  [[nodiscard]] const Ring& ring() const { return ring_; }

 private:
  std::unique_ptr<Batch> take_free() {
    std::unique_ptr<Batch> batch = std::move(free_.back());
    free_.pop_back();
    return batch;
  }

  void commit(std::unique_lock<std::mutex>& lock) {
    std::unique_ptr<Batch> batch = std::exchange(filling_, take_free());
    const std::size_t bytes = batch->pad();
    if (ring_.offset + bytes > kRingBytes) ring_.begin_lap();
    const std::uint64_t offset = std::exchange(ring_.offset, ring_.offset + bytes);
    const std::uint64_t number = begun_++;
    ring_.last = newest_;
    through_[number % kUnacknowledgedMax] = newest_;
    lock.unlock();
    file_.write_at(batch->data(), bytes, offset);
    lock.lock();
    batch->clear();
    free_.push_back(std::move(batch));
    finish(number);
  }

  /// Under the mutex: what is finished without a hole is durable.
  void finish(std::uint64_t number) {
    finished_[number % kUnacknowledgedMax] = true;
    std::uint64_t through = 0;
    while (acknowledged_ < begun_ && finished_[acknowledged_ % kUnacknowledgedMax]) {
      finished_[acknowledged_ % kUnacknowledgedMax] = false;
      through = through_[acknowledged_++ % kUnacknowledgedMax];
    }
    if (through == 0) return;
    durable_.store(through, std::memory_order_release);
    durable_.notify_all();
  }

  const RawFile& file_;
  std::string_view payload_;
  std::mutex mutex_{};
  std::unique_ptr<Batch> filling_{};
  std::vector<std::unique_ptr<Batch>> free_{};
  std::uint64_t newest_ = 0, begun_ = 0, acknowledged_ = 0;
  std::uint64_t through_[kUnacknowledgedMax]{};
  bool finished_[kUnacknowledgedMax]{};
  Ring ring_{};
  std::atomic<std::uint64_t> durable_{0};
};

Outcome group_pipe2(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  const RawFile file = prewritten(job.folder + "/floor", kRingBytes, O_DIRECT | O_DSYNC);
  PipedGroup group(file, payload);
  Outcome outcome = append_for(job, [&](unsigned) { group.append(); });
  outcome.groups = group.groups();
  check(group.ring().last == outcome.entries, "entries and ids differ");
  RecordCheck seen(payload, group.ring().first);
  seen.file_of_blocks(RawFile(job.folder + "/floor", O_RDONLY), group.ring().offset);
  check(seen.last() == outcome.entries, "a floor's records are missing");
  return outcome;
}

/// Producers that do not wait for their entries but for room: 1 MiB is filled while as much is
/// flushed by one thread.
class AsyncGroup {
 public:
  AsyncGroup(const RawFile& file, std::string_view payload) : file_(file), payload_(payload) {}

  void append() {
    bool was_empty = false;
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [&] { return filling_.size() < kMiB; });
      was_empty = filling_.size() == 0;
      filling_.put(++newest_, payload_);
    }
    if (was_empty) work_.notify_one();
  }
  /// All that was appended is durable on return.
  void finish() {
    {
      const std::lock_guard lock(mutex_);
      finishing_ = true;
    }
    work_.notify_one();
    flusher_.join();
  }
  [[nodiscard]] std::uint64_t groups() const { return groups_; }
  [[nodiscard]] const Ring& ring() const { return ring_; }

 private:
  void flush() {
    for (;;) {
      std::uint64_t through = 0;
      {
        std::unique_lock lock(mutex_);
        work_.wait(lock, [&] { return filling_.size() != 0 || finishing_; });
        if (filling_.size() == 0) return;
        std::swap(filling_, flushing_);
        through = newest_;
      }
      room_.notify_all();
      if (ring_.offset + flushing_.size() > kRingBytes) ring_.begin_lap();
      file_.write_at(flushing_.data(), flushing_.size(), ring_.offset);
      file_.sync();
      ring_.offset += flushing_.size();
      ring_.last = through;
      flushing_.clear();
      ++groups_;
    }
  }

  const RawFile& file_;
  std::string_view payload_;
  std::mutex mutex_{};
  std::condition_variable room_{}, work_{};
  Batch filling_{2 * kMiB}, flushing_{2 * kMiB};
  std::uint64_t newest_ = 0, groups_ = 0;
  bool finishing_ = false;
  Ring ring_{};
  std::thread flusher_{[this] { flush(); }};  // the last, since it uses the others
};

Outcome group_async(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  const RawFile file = prewritten(job.folder + "/floor", kRingBytes);
  AsyncGroup group(file, payload);
  Outcome outcome = produce_for(
      job, [&] { group.append(); }, [&] { group.finish(); });
  outcome.groups = group.groups();
  check(group.ring().last == outcome.entries, "entries and ids differ");
  check_ring(file, group.ring(), payload);
  return outcome;
}

const Registration kGroups{
    {"w2", "floor_group_futex", "durable", "fdatasync", group_futex},
    {"w2", "floor_group_pipe2", "durable", "O_DIRECT, O_DSYNC", group_pipe2},
    {"async", "floor_group_async", "durable", "fdatasync", group_async},
};

}  // namespace
}  // namespace walkit::bench
