// The next segment's file, filled with zeros by the log's thread while this one is used, so that
// the append that rotates finds it ready.

#include <algorithm>
#include <new>

#include "log/log_core.hpp"

namespace walkit::log {
namespace {

constexpr std::uint64_t kStepBytes = 256 << 10;
// Smaller segments are filled by who rotates, in less time than its syncs take.
constexpr std::uint64_t kSegmentBytesMin = 8 << 20;

}  // namespace

// How much of the next file should be zeros by now: all of it when three quarters of this one are
// used, nothing in the first quarter, so that a log that stays small starts no thread for it.
std::uint64_t LogCore::ahead_goal() const {
  const std::uint64_t whole =
      options_.segment_bytes + SegmentWriter::ending_room(SparseIndex::kLinesMax + 1);
  const std::uint64_t from = options_.segment_bytes / 4;
  return position_ <= from ? 0 : std::min(whole, 2 * (position_ - from));
}

bool LogCore::wants_fill() const {
  const bool fills = options_.preallocation == Preallocation::zero_fill &&
                     options_.durability == Durability::durable &&
                     options_.segment_bytes >= kSegmentBytesMin;
  if (!fills || filling_ || fill_failed_ || making_room_ || failure_ || closing_) return false;
  return has_segment_ && filled_ahead_ < ahead_goal() / kStepBytes * kStepBytes;
}

// Nothing is lost where there is no thread or memory for it: then it is done at the rotation.
void LogCore::ask_for_fill() noexcept try {
  if (!start_thread()) fill_failed_ = true;
} catch (const std::bad_alloc&) {
  fill_failed_ = true;
}

// One step, by the log's thread. What fails is left to the rotation too, which can tell somebody.
void LogCore::fill_ahead(Lock& lock) {
  filling_ = true;
  const SegmentName name{segment_number_ + 1, next_};
  lock.unlock();
  const bool filled = fill_next(name);
  lock.lock();
  filling_ = false;
  fill_failed_ = !filled;
  note_ahead();
  wake(changes_);
}

// What was given away to make room is not made again at once.
void LogCore::note_ahead() {
  const std::uint64_t filled = ahead_ ? ahead_->prefilled() : 0;
  if (filled < filled_ahead_) fill_failed_ = true;
  filled_ahead_ = filled;
}

bool LogCore::fill_next(SegmentName name) noexcept try {
  if (!ahead_) {
    if (!lock_->check()) return false;
    auto made = SegmentWriter::prepare(*directory_, name, 0);
    if (!made) return false;
    ahead_ = std::move(*made);
  }
  if (ahead_->prefill(ahead_->prefilled() + kStepBytes)) return true;
  drop_ahead();
  return false;
} catch (const std::bad_alloc&) {
  return false;
}

// Gives what was filled, at least `need` bytes of it, to who rotates. none: nothing was, or there
// is no more space, and now there is that of what was filled.
std::unique_ptr<SegmentWriter> LogCore::take_ahead(SegmentName name, std::uint64_t need) {
  if (!ahead_) return nullptr;
  ahead_->become(name);
  if (ahead_->prefill(need)) return std::move(ahead_);
  drop_ahead();
  return nullptr;
}

// True: there was something, and its space is free.
bool LogCore::drop_ahead() noexcept {
  if (!ahead_) return false;
  ahead_->discard(*directory_);
  ahead_.reset();
  return true;
}

}  // namespace walkit::log
