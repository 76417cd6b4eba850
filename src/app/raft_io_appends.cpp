#include "app/raft_io_appends.hpp"

#include <uv.h>

#include <algorithm>
#include <new>
#include <utility>

namespace walkit::raft {

void AppendQueue::Wake::operator()() {
  const std::lock_guard lock(mutex);
  if (handle != nullptr) uv_async_send(handle);
}

void AppendQueue::wake_by(uv_async_s* handle) {
  const std::lock_guard lock(wake_->mutex);
  wake_->handle = handle;
}

int AppendQueue::add(raft_io_append* request, const raft_entry* entries, unsigned n) try {
  if (failure_ != 0) return failure_;
  appends_.push_back({request, entries, n, std::make_shared<Answer>(kUnknown)});
  if (is_held_) return 0;
  const int failed = submit(appends_.back());
  if (failed != 0) appends_.pop_back();
  return failed;
} catch (const std::bad_alloc&) {
  return RAFT_NOMEM;
}

int AppendQueue::submit(Append& append) {
  Ticket ticket;
  const int failed = store_.append(append.entries, append.n, ticket);
  if (failed != 0) return failed;
  append.is_submitted = true;
  try {
    ticket.on_durable([wake = wake_, answer = append.answer](const Status& status) {
      *answer = status ? 0 : to_raft_code(status.error().code);
      (*wake)();
    });
  } catch (const std::bad_alloc&) {  // it is in the log, and nobody will say so
    *append.answer = RAFT_NOMEM;
    (*wake_)();
  }
  return 0;
}

void AppendQueue::go_on(int status) {
  is_held_ = false;
  if (status != 0) fail(status);
  for (Append& append : appends_) {
    if (append.is_submitted) continue;
    if (failure_ == 0) fail(submit(append));
    if (failure_ != 0) *append.answer = failure_;
  }
  (*wake_)();
}

void AppendQueue::fail(int status) {
  if (failure_ == 0) failure_ = status;
}

// A callback may append again.
void AppendQueue::deliver() {
  while (!appends_.empty()) {
    const int status = *appends_.front().answer;
    if (status == kUnknown) return;
    if (status == 0) {
      raft_io_append* request = appends_.front().request;
      appends_.pop_front();
      request->cb(request, 0);
      continue;
    }
    fail(status);
    const auto is_open = [](const Append& append) { return *append.answer == kUnknown; };
    if (std::any_of(appends_.begin(), appends_.end(), is_open)) return;
    const int last = *appends_.back().answer;
    raft_io_append* request = appends_.back().request;
    appends_.pop_back();
    request->cb(request, last == 0 ? status : last);
  }
}

}  // namespace walkit::raft
