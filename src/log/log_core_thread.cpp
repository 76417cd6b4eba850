// The log's own thread, started on first use: groups that nobody waits for, timers, callbacks.

#include <algorithm>
#include <new>
#include <system_error>

#include "log/log_core.hpp"

namespace walkit::log {

bool LogCore::answered(EntryId id) const noexcept {
  const std::lock_guard lock(mutex_);
  return reached(id, Durability::durable) || failure_ || closed_;
}

void LogCore::call_when_durable(EntryId id, std::unique_ptr<TicketCallback> callback) {
  Lock lock(mutex_);
  Status answer;
  if (!reached(id, Durability::durable)) {
    if (failure_) {
      answer = poisoned();
    } else if (closed_) {
      answer = refusal();
    } else {
      answer = enqueue(id, callback);
    }
    if (!callback) return;
  }
  lock.unlock();
  callback->call(std::move(answer));
}

// For the log's thread, which takes the callback.
Status LogCore::enqueue(EntryId id, std::unique_ptr<TicketCallback>& callback) try {
  if (Status ok = start_thread(); !ok) return ok;
  callbacks_.emplace(id, std::move(callback));
  wanted_durable_ = std::max(wanted_durable_, id);
  wake_thread();
  return {};
} catch (const std::bad_alloc&) {
  return no_memory();
}

// Throws std::bad_alloc.
Status LogCore::start_thread() {
  if (thread_.joinable()) return {};
  try {
    thread_ = std::thread([this] { run_thread(); });
  } catch (const std::system_error& e) {
    return Error{.code = Errc::no_memory,
                 .message = "cannot start the log's thread",
                 .os_error = e.code().value(),
                 .next_step = "allow more threads, or use append() without a timer"};
  }
  return {};
}

std::optional<std::chrono::steady_clock::time_point> LogCore::deadline() const {
  if (!first_buffered_at_) return std::nullopt;
  return *first_buffered_at_ + options_.flush.time();
}

// Those that have an answer, in the order of their ids, outside the mutex. True if there was one.
bool LogCore::call_callbacks(Lock& lock) {
  if (callbacks_.empty()) return false;
  const auto first = callbacks_.begin();
  const bool durable = reached(first->first, Durability::durable);
  if (!durable && !failure_ && !closed_) return false;
  Status answer;
  if (!durable) answer = failure_ ? Status(poisoned()) : refusal();
  auto callback = std::move(first->second);
  callbacks_.erase(first);
  lock.unlock();
  callback->call(std::move(answer));
  callback.reset();
  lock.lock();
  return true;
}

// Who finds it at work wakes nobody: it looks at everything before it waits.
void LogCore::wake_thread() {
  if (std::exchange(thread_waits_, false)) work_.notify_one();
}

// What it may have waited for while the file was in use. Waking it for nothing would cost each
// group more than all else that is done under the mutex.
bool LogCore::thread_has_work() const {
  return !callbacks_.empty() || first_buffered_at_ || wants_fill() ||
         !reached(wanted_durable_, Durability::durable) || !reached(wanted_, options_.durability);
}

void LogCore::run_thread() noexcept {
  Lock lock(mutex_);
  for (;;) {
    if (call_callbacks(lock)) continue;
    if (thread_stops_) return;
    const auto due = deadline();
    const bool timed_out = due && std::chrono::steady_clock::now() >= *due;
    const bool durable_wanted = !reached(wanted_durable_, Durability::durable);
    const bool policy_wanted = !reached(wanted_, options_.durability) || timed_out;
    const bool can_work = !failure_ && !closed_ && !file_busy_;
    if (can_work && (durable_wanted || policy_wanted)) {
      run_group(lock, durable_wanted ? Durability::durable : options_.durability);
      lock.lock();
    } else if (wants_fill()) {
      fill_ahead(lock);
    } else {
      thread_waits_ = true;
      if (due && can_work) {
        work_.wait_until(lock, *due);
      } else {
        work_.wait(lock);
      }
      thread_waits_ = false;
    }
  }
}

// All callbacks are answered when it returns.
void LogCore::stop_thread(Lock& lock) {
  if (!thread_.joinable()) return;
  if (in_fork_child()) {
    thread_.detach();  // a handle with no thread behind it
    return;
  }
  thread_stops_ = true;
  wake_thread();
  std::thread stopping = std::move(thread_);
  lock.unlock();
  stopping.join();
  lock.lock();
}

}  // namespace walkit::log
