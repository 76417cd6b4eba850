#include "walkit/checkpoint/background.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

namespace walkit {

using Clock = std::chrono::steady_clock;

namespace {

// Behind one that failed: what it failed for may pass, and until then the log grows.
constexpr std::chrono::seconds kFirstPause{1}, kLongestPause{64};

}  // namespace

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
  Clock::time_point not_before{};            // none is taken in the background
  std::chrono::seconds pause{kFirstPause};
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
  [[nodiscard]] std::optional<Clock::time_point> due() const noexcept;
  void ask() noexcept;
  void loop() noexcept;
};

// What comes while it runs counts towards the next one; all of it does where it fails.
Result<EntryId> BackgroundCheckpoints::Core::run() {
  const std::lock_guard one_at_a_time(taking);
  const std::uint64_t entries_now = entries.load(), bytes_now = bytes.load();
  std::optional<Clock::time_point> began_to_count;
  {
    const std::lock_guard lock(mutex);
    began_to_count = std::exchange(since, std::nullopt);
    is_asked = false;
  }
  const auto began = Clock::now();
  auto taken = take();
  const std::lock_guard lock(mutex);
  stats.time = Clock::now() - began;
  stats.failure.reset();
  if (taken) {
    entries_at_last = entries_now;
    bytes_at_last = bytes_now;
    ++stats.taken;
    stats.last = *taken;
    pause = kFirstPause;
  } else {
    since = began_to_count;
    ++stats.failed;
    stats.failure = taken.error();
    not_before = Clock::now() + pause;
    pause = std::min(2 * pause, kLongestPause);
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

// When the next one is due; none: not as things are.
std::optional<Clock::time_point> BackgroundCheckpoints::Core::due() const noexcept {
  if (is_full()) return not_before;
  if (!since || policy.time.count() == 0) return std::nullopt;
  return std::max(*since + policy.time, not_before);
}

void BackgroundCheckpoints::Core::loop() noexcept {
  std::unique_lock lock(mutex);
  while (!stops) {
    const auto at = due();
    if (!at) {
      work.wait(lock);
    } else if (*at > Clock::now()) {
      work.wait_until(lock, *at);
    } else {
      lock.unlock();
      run().ignore("stats() tells it");
      lock.lock();
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
