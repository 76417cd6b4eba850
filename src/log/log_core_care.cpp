// Care of the log while it is written: one thread at a time, beside the appends.

#include <algorithm>
#include <new>

#include "base/mutation.hpp"
#include "log/log_core.hpp"
#include "log/trim.hpp"

namespace walkit::log {
namespace {

constexpr std::uint64_t kMarkerBytesMax = kControlFrameBytesMax - kFrameHeaderBytes;

}  // namespace

// The door is closed meanwhile, as for a rotation: ids stand still, and nobody takes the room.
Status LogCore::write_marker(BytesView body) {
  if (body.size() > kMarkerBytesMax) {
    return or_bare(Errc::too_large, [&]() -> Error {
      return {.code = Errc::too_large,
              .message = "marker of " + std::to_string(body.size()) + " bytes; the largest is " +
                         std::to_string(kMarkerBytesMax)};
    });
  }
  Lock lock = enter();
  if (!lock.owns_lock()) return closed_error();
  if (on_own_thread()) return in_callback();
  if (gave_up_as_fork_child()) return poisoned();
  while (making_room_) wait_for_change(lock);
  if (Status ok = refusal(); !ok) return ok;
  making_room_ = true;
  Status wrote = write_marker(lock, body);
  making_room_ = false;
  wake_all();
  return wrote;
}

Status LogCore::write_marker(Lock& lock, BytesView body) {
  const std::uint64_t room = frame_room(body.size(), options_.layout);
  try {
    if (!has_room(room)) {
      if (Status ok = make_room(lock, room); !ok) return ok;
    }
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
  Status committed = commit(lock, next_ - 1, Durability::durable);
  if (!lock.owns_lock()) lock.lock();
  if (!committed) return committed;
  hold_file(lock);
  Status wrote = put_marker(body);
  release_file(lock);
  if (wrote) return {};
  fail(std::move(wrote).error());
  return poisoned();
}

// All entries are durable. The caller holds the file.
Status LogCore::put_marker(BytesView body) try {
  if (Status ok = lock_->check(); !ok) return ok;
  time_ns_ = std::max(time_ns_, static_cast<std::uint64_t>(directory_->now().count()));
  if (Status ok = active_->write_marker(body, next_, time_ns_); !ok) return ok;
  if (mutated(Mutation::marker_without_sync)) return {};
  return active_->sync();
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status LogCore::begin_care() {
  Lock lock = enter();
  if (!lock.owns_lock()) return closed_error();
  if (on_own_thread()) return in_callback();
  if (gave_up_as_fork_child()) return poisoned();
  while (caring_) wait_for_change(lock);
  if (Status ok = refusal(); !ok) return ok;
  caring_ = true;
  return {};
}

void LogCore::end_care() {
  const std::lock_guard lock(mutex_);
  caring_ = false;
  wake_all();
}

Result<EntryId> LogCore::trim_before(EntryId keep, const Retention& retention) {
  if (Status ok = begin_care(); !ok) return std::move(ok).error();
  auto oldest = trim(keep, retention);
  end_care();
  return oldest;
}

// By a handle of its own: of two syncs of one open folder at a time one may be told nothing of an
// error, and a rotation may be syncing its own.
Result<EntryId> LogCore::trim(EntryId keep, const Retention& retention) noexcept try {
  const auto home = place_->parent->subdirectory(options_.subdirectory, OpenMode::write);
  if (!home) return home.error();
  return log::trim(**home, {keep, retention, &place_->pins, observer()},
                   [this](const SegmentHeader& first) { return begin_log_at(first); });
} catch (const std::bad_alloc&) {
  return no_memory();
}

// Appends wait for two syncs of MANIFEST. A failure is final, as that of every write of it.
Status LogCore::begin_log_at(const SegmentHeader& first) {
  Lock lock(mutex_);
  while (file_busy_) wait_for_change(lock);
  if (Status ok = refusal(); !ok) return ok;
  hold_file(lock);
  Status checked = check_lock();
  Status wrote = checked ? write_begin(first) : Status{};
  release_file(lock);
  if (!checked) return refuse(std::move(checked).error());
  if (wrote) return {};
  fail(std::move(wrote).error());
  wake_all();
  return poisoned();
}

Status LogCore::write_begin(const SegmentHeader& first) try {
  return manifest_.begin_later(first);
} catch (const std::bad_alloc&) {
  return no_memory();
}

}  // namespace walkit::log
