#include "log/follower.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/mutation.hpp"
#include "log/snapshot.hpp"

namespace walkit::log {
namespace {

constexpr std::chrono::milliseconds kFirstPause{1};
constexpr std::chrono::hours kForEver{24 * 365 * 100};  // more would overflow the clock

Error another_log(const std::string& file) {
  return {.code = Errc::rewound,
          .message = "another log stands here than the one that was followed",
          .file = file,
          .next_step = "begin again at the oldest entry, forgetting what was given"};
}

Error taken_back(EntryIdRange lost, const std::string& file) {
  return {.code = Errc::rewound,
          .message =
              "entries that were given were not durable, and a crash took them back; their "
              "ids may name other entries now",
          .file = file,
          .lost = lost,
          .next_step = "undo them and follow from entry " + to_string(lost.first)};
}

}  // namespace

Follower::Follower(std::shared_ptr<Directory> directory, const ReadOptions& options,
                   std::optional<StoredType> type, EntryId first, FollowOptions follow)
    : directory_(std::move(directory)),
      options_(options),
      type_(std::move(type)),
      follow_(std::move(follow)),
      wanted_(first) {}

Result<bool> Follower::next_entries(std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  const bool for_ever = timeout > kForEver;
  const auto deadline = for_ever ? Clock::time_point::max() : Clock::now() + timeout;
  auto wait = kFirstPause;
  while (!follow_.stop.stop_requested()) {
    auto given = try_next();
    if (!given || *given) return given;
    if (!for_ever) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) return false;
      wait = std::min(wait, left);
    }
    if (!pause(wait)) return false;
    wait = std::clamp(2 * wait, kFirstPause, std::max(follow_.poll, kFirstPause));
  }
  return false;
}

bool Follower::shows_flushed() const {
  return options_.visibility == Durability::flushed || mutated(Mutation::follower_beyond_durable);
}

// false: stopped.
bool Follower::pause(std::chrono::milliseconds time) const {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, follow_.stop, time, [] { return false; });
  return !follow_.stop.stop_requested();
}

Result<bool> Follower::try_next() {
  for (bool looked = false;;) {
    if (give_more()) return true;
    const bool readable =
        entries_.empty() && scanner_ && (shows_flushed() || scanner_->expected() <= end_);
    if (readable) {
      const auto seen = next_frame();
      if (!seen) return seen.error();
      if (*seen == Seen::more) continue;
    }
    if (looked) {
      if (end_error_ && std::max(wanted_, EntryId{1}) > end_) return *end_error_;
      return false;
    }
    if (Status ok = look(); !ok) return ok.error();
    looked = true;
  }
}

// What the frame holds that may be given now and was not before.
bool Follower::give_more() {
  entries_.end_at(shows_flushed() ? EntryId::max() : end_);
  if (!entries_.has_more()) return false;
  wanted_ = scanner_->expected();
  if (!shows_flushed()) wanted_ = std::min(wanted_, end_ + 1);
  return true;
}

// Asks what may be given now. Every value that ever stood in LOCK was true, so a higher one is all
// that is needed.
Status Follower::look() {
  const auto lock = read_lock_record(*directory_);
  if (!lock) return lock.error();
  const bool ours = *lock && log_ && (*lock)->log == *log_;
  if (!ours || !segment_ || shows_flushed()) return look_at_all(*lock);
  if ((*lock)->durable_through > end_) {
    quiet_ = false;
    end_error_.reset();
    end_ = (*lock)->durable_through;
    // Another writer began a segment, and says in it how much of this one counts.
    if ((*lock)->epoch != segment_->header.epoch) return find_successor();
    return {};
  }
  const auto locked = directory_->is_locked();
  if (!locked) return locked.error();
  if (!*locked) return look_at_all(*lock);
  end_error_.reset();  // of before there was a writer
  return {};
}

Status Follower::look_at_all(const std::optional<LockRecord>& lock) {
  auto names = directory_->list();
  if (!names) return names.error();
  if (quiet_ && *names == quiet_names_ && lock == quiet_lock_) {
    const auto locked = directory_->is_locked();
    if (!locked) return locked.error();
    if (!*locked) return {};
  }
  const auto snapshot =
      take_snapshot(*directory_, options_.expect_durable_through, options_.frame_bytes_max);
  if (!snapshot) return snapshot.error();
  quiet_ = !snapshot->live;
  quiet_names_ = std::move(*names);
  quiet_lock_ = lock;
  summary_.warnings = snapshot->listing.warnings;
  end_error_.reset();
  if (snapshot->live || shows_flushed()) {
    end_ = std::max(end_, snapshot->end);
  } else {
    end_ = std::max(end_, std::min(snapshot->survey.proven, snapshot->end));
  }
  if (Status ok = tail_error(snapshot->survey); !snapshot->live && !ok) end_error_ = ok.error();
  summary_.proven_through = end_;
  summary_.log = snapshot->entries();
  summary_.log_identity = snapshot->log;
  return take_place(snapshot->listing);
}

// Finds the first segment, or the successor of the one being read.
Status Follower::take_place(const Listing& listing) {
  const ManifestSlot* slot = listing.manifest_slot();
  if (slot != nullptr) {
    if (!log_) log_ = slot->log;
    if (slot->log != *log_) return another_log(std::string(kManifestName));
  }
  if (segment_) return find_successor();
  const auto& segments = listing.segments;
  const EntryId oldest = listing.oldest();
  if (wanted_ == EntryId{}) wanted_ = oldest;
  if (wanted_ < oldest) return trimmed(wanted_, oldest);
  if (segments.empty()) return {};
  auto found = std::find_if(segments.rbegin(), segments.rend(),
                            [&](const SegmentFile& s) { return s.name.first <= wanted_; });
  auto segment = open_checked(*directory_, *found, type_, slot);
  if (!segment && segment.error().code == Errc::gap) return {};  // trimmed meanwhile
  if (!segment) return segment.error();
  if (!log_) log_ = segment->header.log;
  file_ = *found;
  segment_ = std::move(*segment);
  scanner_.emplace(*segment_->file, segment_->header, options_.frame_bytes_max);
  return find_successor();
}

Status Follower::find_successor() {
  if (next_) return {};
  const auto listing = list_log(*directory_);
  if (!listing) return listing.error();
  const auto& segments = listing->segments;
  const auto found = std::find_if(segments.begin(), segments.end(), [&](const SegmentFile& s) {
    return s.name.number > file_->name.number;
  });
  if (found == segments.end()) return {};
  const bool follows = found->name.number == file_->name.number + 1;
  if (!follows && found->name.first > scanner_->expected()) {
    return trimmed(std::max(wanted_, scanner_->expected()), found->name.first);
  }
  const ManifestSlot* slot = listing->manifest_slot();
  auto next = open_checked(*directory_, *found, type_, slot);
  if (!next) {
    const Errc code = next.error().code;
    const bool unborn = code == Errc::corrupt && may_be_unborn(listing->manifest, found->name);
    if (unborn || code == Errc::not_found || code == Errc::gap) {
      return {};  // not there yet, or trimmed meanwhile
    }
    return next.error();
  }
  if (log_ && next->header.log != *log_) return another_log(found->file);
  if (follows) {
    if (Status ok = check_link(segment_->header, next->header, found->file); !ok) return ok;
  }
  next_file_ = *found;
  next_ = std::move(*next);
  return {};
}

Result<Follower::Seen> Follower::next_frame() {
  const bool trimmed_between = next_ && next_->header.prev_number != segment_->header.number;
  if (next_ && (trimmed_between || scanner_->position() >= next_->header.prev_end)) {
    if (Status ok = move_on(); !ok) return ok.error();
    return Seen::more;
  }
  const auto frame = scanner_->next();
  if (!frame) return frame.error();
  if (!*frame) return no_frame();
  reread_ = false;
  if (Status ok = take_frame(**frame); !ok) return ok.error();
  return Seen::more;
}

Status Follower::take_frame(const FrameView& frame) {
  if (frame.header.is(FrameKind::loss)) {
    const auto loss = decode_loss(frame.body);
    if (!loss || loss->entries.last < wanted_) return {};
    const Error gap = recorded_loss(file_->file, *loss, frame.header.offset);
    if (options_.recorded_loss == RecordedLoss::refuse) return gap;
    summary_.gaps.push_back(gap);
    summary_.gaps.back().next_step.clear();
    wanted_ = std::max(wanted_, loss->entries.last + 1);
  } else if (frame.header.is(FrameKind::entries) && wanted_ <= frame.header.last()) {
    entries_ = entries_of(frame, segment_->header, file_->file);
    entries_.begin_at(wanted_);
  }
  return {};
}

// No frame where one might be: not written yet, in the next segment, or damaged.
Result<Follower::Seen> Follower::no_frame() {
  scanner_->refresh();
  const bool had_next = next_.has_value();
  if (Status ok = find_successor(); !ok) return ok.error();
  if (next_ && !had_next) return Seen::more;
  const EntryId through = next_ ? next_->header.prev_last : end_;
  const bool must_be_there = next_ || scanner_->expected() <= end_;
  if (!must_be_there) {
    reread_ = false;
    return Seen::nothing;
  }
  if (!reread_) {
    reread_ = true;
    return Seen::more;
  }
  return fault_error(*scanner_, file_->file, through);
}

// What stood behind the end that the successor names was written again in it, or never counted.
Status Follower::move_on() {
  const SegmentHeader& next = next_->header;
  const EntryId kept = std::max(next.prev_last, next.rehomed_through);
  const EntryId given = summary_.entry_count == 0 ? EntryId{} : summary_.entries.last;
  if (next.prev_number != segment_->header.number) {
    // Those between were trimmed, and find_successor saw that no entry is missing; or a repair
    // wrote the log anew, perhaps without what was not durable.
    if (shows_flushed() && given >= next.first) {
      return taken_back({next.first, given}, next_file_->file);
    }
  } else if (scanner_->position() > next.prev_end) {
    if (given > kept) return taken_back({kept + 1, given}, next_file_->file);
  } else if (scanner_->chain() != next.prev_chain || scanner_->expected() != next.first) {
    return damage(file_->file, "ends otherwise than its successor says", {}, scanner_->position());
  }
  file_ = std::move(next_file_);
  segment_ = std::move(next_);
  next_file_.reset();
  next_.reset();
  scanner_.emplace(*segment_->file, segment_->header, options_.frame_bytes_max);
  reread_ = false;
  return find_successor();
}

}  // namespace walkit::log
