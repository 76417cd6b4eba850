#include "log/log_core.hpp"

#include <algorithm>
#include <new>

#include "base/mutation.hpp"

namespace walkit::log {
namespace {

constexpr std::uint64_t kPrefillStepBytes = 1 << 20;
// So much goes to the kernel at once where no policy asks for it: larger writes gain nothing, and
// what is copied is still in the processor's cache.
constexpr std::uint64_t kWriteBytes = 1 << 20;
// More than this is given back to the system between calls.
constexpr std::size_t kLentBytesMax = 1 << 20;

}  // namespace

LogCore::LogCore(LogStart start)
    : options_(std::move(start.options)),
      type_(std::move(start.type)),
      process_(start.process),
      epoch_(start.epoch),
      log_(start.manifest->current().log),
      report_(std::move(start.report)),
      place_(std::move(start.place)),
      directory_(std::move(start.directory)),
      lock_(std::move(start.lock)),
      manifest_(std::move(*start.manifest)),
      lock_record_(std::move(*start.lock_record)),
      active_(std::move(start.active)),
      previous_(start.previous),
      buffers_{{options_.layout, options_.max_frame_bytes},
               {options_.layout, options_.max_frame_bytes}},
      compressor_(options_.compression),
      time_ns_(start.time_ns),
      told_flushed_(start.last.value),
      told_durable_(start.last.value),
      next_(start.last + 1),
      written_(start.last),
      durable_(start.last),
      rotate_first_(start.rotate_first),
      prefill_step_bytes_(kPrefillStepBytes) {
  note_space();
}

LogCore::~LogCore() = default;

// What most appends find, and all of what admission would ask: nothing is to be said, started,
// waited for, written or made room for.
bool LogCore::enters_at_once(std::uint64_t bytes, Completion completion) const {
  const std::uint64_t buffered = pending_->buffered_bytes();
  if (buffered == 0 || buffered >= kWriteBytes || bytes == 0) return false;
  if (bytes > options_.max_entry_bytes || buffered + bytes > options_.max_buffer_bytes)
    return false;
  if (closing_ || making_room_ || failure_ || EntryId::max() - next_ <= bytes) return false;
  if (completion == Completion::policy && on_own_thread()) return false;
  if (needs_thread(completion) && !thread_.joinable()) return false;
  return pending_room_ + writing_room_ + pending_->room_for(bytes) <= sure_room_;
}

Status LogCore::check_limits(std::span<const BytesView> payloads) const {
  for (const BytesView payload : payloads) {
    if (payload.size() <= options_.max_entry_bytes) continue;
    return Error{.code = Errc::too_large,
                 .message = "entry of " + std::to_string(payload.size()) +
                            " bytes; max_entry_bytes is " +
                            std::to_string(options_.max_entry_bytes),
                 .next_step = "split it, or raise max_entry_bytes"};
  }
  const std::uint64_t frame = kFrameHeaderBytes + body_bytes(payloads);
  if (frame <= options_.max_frame_bytes) return {};
  return Error{.code = Errc::too_large,
               .message = "batch of " + std::to_string(frame) + " bytes; max_frame_bytes is " +
                          std::to_string(options_.max_frame_bytes),
               .next_step = "append it in parts, or raise max_frame_bytes"};
}

Result<EntryIdRange> LogCore::append(std::span<const BytesView> payloads, Completion completion) {
  const std::uint64_t bytes = body_bytes(payloads);
  Lock lock = enter();
  if (!lock.owns_lock()) return closed_error();
  try {
    if (!enters_at_once(bytes, completion)) {
      if (Status ok = check_limits(payloads); !ok) return ok.error();
      if (completion == Completion::policy && on_own_thread()) return in_callback();
      if (Status ok = refusal(); !ok) return ok.error();
      if (payloads.empty()) return EntryIdRange{next_, next_ - 1};
      if (needs_thread(completion)) {
        if (Status ok = start_thread(); !ok) return ok.error();
      }
      if (Status ok = admit(lock, bytes, completion); !ok) {
        if (mutated(Mutation::id_before_room)) next_ = next_ + payloads.size();
        return ok.error();
      }
      if (payloads.size() >= EntryId::max() - next_) {
        return Error{.code = Errc::too_large, .message = "no entry ids are left in this log"};
      }
    }
    const std::uint64_t room = pending_->room_for(bytes);
    pending_->add(next_, payloads, bytes);
    pending_room_ += room;
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
  const EntryIdRange ids{next_, next_ + payloads.size() - 1};
  next_ = ids.last + 1;
  boundary_entries_ += payloads.size();
  boundary_bytes_ += bytes;
  appended_bytes_.store(appended_bytes_.load(std::memory_order_relaxed) + bytes,
                        std::memory_order_relaxed);
  const bool boundary = options_.flush.is_boundary(boundary_entries_, boundary_bytes_);
  if (is_timed() && !first_buffered_at_) {
    first_buffered_at_ = std::chrono::steady_clock::now();
    wake_thread();
  }
  if (boundary && completion == Completion::ticket) {
    wanted_ = ids.last;
    wake_thread();
  } else if (boundary) {
    if (Status ok = commit(lock, ids.last, options_.durability); !ok) return std::move(ok).error();
  }
  if (observer() != nullptr) {
    if (lock.owns_lock()) lock.unlock();
    tell_append(ids, payloads);
  }
  return ids;
}

void LogCore::tell_append(EntryIdRange ids, std::span<const BytesView> payloads) const {
  std::uint64_t bytes = 0;
  for (const BytesView payload : payloads) bytes += payload.size();
  observer()->on_append(ids, bytes);
}

// Waits until the entries of one call may be buffered: there is buffer space, and room for them in
// a file, so that what is buffered always has room.
Status LogCore::admit(Lock& lock, std::uint64_t bytes, Completion completion) {
  const bool in_own_callback = completion == Completion::ticket && on_own_thread();
  if (pending_->empty() && gave_up_as_fork_child()) return poisoned();
  for (;;) {
    if (Status ok = refusal(); !ok) return ok;
    const std::uint64_t buffered = pending_->buffered_bytes();
    const bool full = buffered > 0 && buffered + bytes > options_.max_buffer_bytes;
    if (making_room_ || (full && file_busy_ && !in_own_callback)) {
      wait_for_change(lock);
    } else if ((full || buffered >= kWriteBytes) && !file_busy_ && !in_own_callback) {
      run_group(lock, Durability::flushed);
      lock.lock();
    } else if (has_room(pending_->room_for(bytes))) {
      return {};
    } else {
      making_room_ = true;
      Status made = make_room(lock, frame_room(bytes, options_.layout));
      making_room_ = false;
      wake_all();
      if (!made) return made;
    }
  }
}

Status LogCore::refusal() const {
  if (closing_ || closed_) return closed_error();
  if (failure_) return poisoned();
  return {};
}

Error LogCore::closed_error() noexcept {
  return or_bare(Errc::closed, []() -> Error {
    return {
        .code = Errc::closed, .message = "the writer is closed", .next_step = "open the log again"};
  });
}

Error LogCore::in_callback() noexcept {
  return or_bare(Errc::invalid_argument, []() -> Error {
    return {.code = Errc::invalid_argument,
            .message = "a blocking call in a callback would wait for itself",
            .next_step = "use append_async there"};
  });
}

// Fits into the string itself: there is no memory for more.
Error LogCore::no_memory() noexcept {
  return {.code = Errc::no_memory, .message = "out of memory"};
}

Error LogCore::poisoned() const noexcept {
  if (failure_->code == Errc::closed) return failure();  // a fork's child
  return or_bare(Errc::poisoned, [this]() -> Error {
    Error cause = *failure_;
    cause.next_step.clear();  // it was for who met it first
    return {.code = Errc::poisoned,
            .message = "the log refuses all work since: " + to_string(cause),
            .file = failure_->file,
            .offset = failure_->offset,
            .lost = in_doubt(),
            .os_error = failure_->os_error,
            .next_step = "see verdict(), then open the log again: that settles what is in doubt"};
  });
}

Error LogCore::failure() const noexcept {
  return or_bare(failure_->code, [this] { return *failure_; });
}

// Owns nothing in a fork's child whose parent held the mutex: there nobody gives it back.
LogCore::Lock LogCore::enter() const {
  return in_fork_child() ? Lock(mutex_, std::try_to_lock) : Lock(mutex_);
}

// Whoever holds the file or makes room lives in the parent only.
bool LogCore::gave_up_as_fork_child() {
  if (!in_fork_child()) return false;
  fail(or_bare(Errc::closed, []() -> Error {
    return {.code = Errc::closed,
            .message = "this process is a fork of the one that writes the log"};
  }));
  file_busy_ = making_room_ = filling_ = caring_ = false;
  return true;
}

void LogCore::wait_for_change(Lock& lock) {
  if (gave_up_as_fork_child()) return;
  const std::uint32_t seen = changes_.load();
  lock.unlock();
  changes_.wait(seen);
  lock.lock();
}

// For I/O without the mutex; nobody else touches the file until it is released.
void LogCore::hold_file(Lock& lock) {
  while (file_busy_) wait_for_change(lock);
  file_busy_ = true;
  lock.unlock();
}

void LogCore::release_file(Lock& lock) {
  lock.lock();
  note_space();
  file_busy_ = false;
  wake_all();
}

// The caller of these has the mutex.
void LogCore::wake(std::atomic<std::uint32_t>& word) {
  word.fetch_add(1);
  word.notify_all();
}

void LogCore::wake_all() {
  wake(changes_);
  for (std::atomic<std::uint32_t>& turn : turns_) wake(turn);
  wake_thread();
}

void LogCore::fail(Error error) {
  if (failure_) return;
  failure_ = std::move(error);
  if (observer() != nullptr && failure_->code != Errc::closed) observer()->on_poison(*failure_);
}

Status LogCore::commit_all(Durability level) {
  Lock lock = enter();
  if (!lock.owns_lock()) return closed_error();
  if (on_own_thread()) return in_callback();
  if (Status ok = refusal(); !ok) return ok;
  return commit(lock, next_ - 1, level);
}

Status LogCore::wait_durable(EntryId id) {
  Lock lock = enter();
  if (!lock.owns_lock()) return closed_error();
  if (reached(id, Durability::durable)) return {};
  if (on_own_thread()) return in_callback();
  if (id >= next_) {
    return or_bare(Errc::not_found, [&]() -> Error {
      return {.code = Errc::not_found,
              .message = "entry " + to_string(id) + " was not appended yet; the next is " +
                         to_string(next_)};
    });
  }
  return commit(lock, id, Durability::durable);
}

bool LogCore::lend(Bytes& into) noexcept {
  if (lent_.test_and_set(std::memory_order_acquire)) return false;
  into.swap(lendable_);
  return true;
}

void LogCore::take_back(Bytes& bytes) noexcept {
  bytes.clear();
  if (bytes.capacity() <= kLentBytesMax) lendable_.swap(bytes);
  lent_.clear(std::memory_order_release);
}

EntryId LogCore::next_entry_id() const {
  Lock lock(mutex_);
  return next_;
}

EntryId LogCore::durable_entry_id() const {
  Lock lock(mutex_);
  return durable_;
}

Verdict LogCore::verdict() const {
  Lock lock(mutex_);
  Verdict verdict{.durable_through = durable_, .in_doubt = in_doubt()};
  if (failure_) verdict.failure = failure();
  return verdict;
}

WalStats LogCore::stats() const {
  Lock lock(mutex_);
  return stats_;
}

}  // namespace walkit::log
