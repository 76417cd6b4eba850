#include "walkit/checkpoint/background.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

namespace walkit {

using Clock = std::chrono::steady_clock;

struct BackgroundCheckpoints::Core {
  Core(CheckpointPolicy when, Take how) : policy(when), take(std::move(how)) {}

  const CheckpointPolicy policy;
  const Take take;

  // Of the log, as far as it was told; counted from `at_last` on, where the last one was taken.
  std::atomic<std::uint64_t> entries{0}, bytes{0};
  std::atomic<std::uint64_t> entries_at_last{0}, bytes_at_last{0};
  std::atomic<bool> is_asked{false};  // the thread knows that there is something for it

  std::mutex taking;         // held while one is taken
  mutable std::mutex mutex;  // of what follows
  std::condition_variable work;
  std::optional<Clock::time_point> since{};  // when the first entry came behind the last one
  CheckpointStats stats{};
  bool stops = false;
  std::thread thread;

  [[nodiscard]] bool is_full() const noexcept {
    const auto reached = [](std::uint64_t limit, const auto& now, const auto& before) {
      return limit > 0 && now.load() - before.load() >= limit;
    };
    return reached(policy.entries, entries, entries_at_last) ||
           reached(policy.bytes, bytes, bytes_at_last);
  }

  Result<EntryId> run();
  void ask() noexcept;
  void loop() noexcept;
};

// What comes while it runs counts towards the next one. A failed one is tried again when as much
// has come again, not at once.
Result<EntryId> BackgroundCheckpoints::Core::run() {
  const std::lock_guard one_at_a_time(taking);
  {
    const std::lock_guard lock(mutex);
    entries_at_last = entries.load();
    bytes_at_last = bytes.load();
    since.reset();
    is_asked = false;
  }
  const auto began = Clock::now();
  auto taken = take();
  const std::lock_guard lock(mutex);
  stats.time = Clock::now() - began;
  stats.failure.reset();
  if (taken) {
    ++stats.taken;
    stats.last = *taken;
  } else {
    ++stats.failed;
    stats.failure = taken.error();
  }
  return taken;
}

// Where there is no thread or memory for one, the next entry asks again.
void BackgroundCheckpoints::Core::ask() noexcept try {
  const std::lock_guard lock(mutex);
  if (stops) return;
  if (!since) since = Clock::now();
  if (!thread.joinable()) thread = std::thread([this] { loop(); });
  is_asked = true;
  work.notify_one();
} catch (const std::system_error&) {
  return;
} catch (const std::bad_alloc&) {
  return;
}

void BackgroundCheckpoints::Core::loop() noexcept {
  std::unique_lock lock(mutex);
  while (!stops) {
    const bool timed = since && policy.time.count() > 0;
    if (is_full() || (timed && Clock::now() >= *since + policy.time)) {
      lock.unlock();
      run().ignore("stats() tells it");
      lock.lock();
    } else if (timed) {
      work.wait_until(lock, *since + policy.time);
    } else {
      work.wait(lock);
    }
  }
}

BackgroundCheckpoints::BackgroundCheckpoints(CheckpointPolicy policy, Take take)
    : core_(std::make_unique<Core>(policy, std::move(take))) {}

BackgroundCheckpoints::~BackgroundCheckpoints() { stop(); }

void BackgroundCheckpoints::begin(std::uint64_t entries) noexcept {
  core_->entries_at_last = entries;
}

void BackgroundCheckpoints::note(std::uint64_t entries, std::uint64_t bytes) noexcept {
  core_->entries = entries;
  core_->bytes = bytes;
  const bool wants_thread = core_->is_full() || core_->policy.time.count() > 0;
  if (wants_thread && !core_->is_asked.load()) core_->ask();
}

Result<EntryId> BackgroundCheckpoints::take_now() { return core_->run(); }

void BackgroundCheckpoints::stop() noexcept {
  std::thread stopping;
  {
    const std::lock_guard lock(core_->mutex);
    core_->stops = true;
    core_->work.notify_one();
    stopping = std::move(core_->thread);
  }
  if (stopping.joinable()) stopping.join();
}

CheckpointStats BackgroundCheckpoints::stats() const {
  const std::lock_guard lock(core_->mutex);
  return core_->stats;
}

}  // namespace walkit
