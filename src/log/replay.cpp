#include "log/replay.hpp"

#include <algorithm>

#include "base/mutation.hpp"

namespace walkit::log {
namespace {

// Each is behind a trim that removed what was to be read next; there is an end to looking.
constexpr int kLooksMax = 1000;

}  // namespace

Replay::Replay(std::shared_ptr<Directory> directory, const ReadOptions& options,
               std::optional<StoredType> type, ReplayMode mode, ReplayRange range)
    : directory_(std::move(directory)),
      options_(options),
      type_(std::move(type)),
      mode_(mode),
      range_(range),
      from_(range.first) {
  if (options_.threads > 1) ahead_ = std::make_unique<ReadAhead>(*directory_, options_);
}

Result<std::unique_ptr<EntrySource>> Replay::open(std::shared_ptr<Directory> directory,
                                                  const ReadOptions& options,
                                                  std::optional<StoredType> type, ReplayMode mode,
                                                  ReplayRange range) {
  std::unique_ptr<Replay> replay(
      new Replay(std::move(directory), options, std::move(type), mode, range));
  if (Status ok = replay->look(); !ok) return ok.error();
  if (range.last && *range.last < std::max(range.first, EntryId{1})) {
    replay->summary_.end = ReplaySummary::End::reached_last;
    replay->ended_ = true;
  } else if (Status ok = replay->check_range(); !ok) {
    return ok.error();
  }
  return replay;
}

Status Replay::look() {
  auto snapshot =
      take_snapshot(*directory_, options_.expect_durable_through, options_.frame_bytes_max);
  if (!snapshot) return snapshot.error();
  snapshot_ = std::move(*snapshot);
  summary_.warnings = snapshot_.listing.warnings;
  const EntryId proven = snapshot_.live ? snapshot_.end : snapshot_.survey.proven;
  summary_.proven_through = std::min(proven, snapshot_.end);
  summary_.log = snapshot_.entries();
  summary_.log_identity = snapshot_.log;
  return {};
}

Result<bool> Replay::next_entries(std::chrono::milliseconds /*timeout*/) {
  if (!started_ && !ended_) {
    started_ = true;
    if (Status ok = begin(); !ok) return ok.error();
  }
  while (!ended_) {
    const auto flow = next_frame();
    if (!flow) return flow.error();
    if (*flow == Flow::done) return true;
    if (*flow == Flow::on) continue;
    if (Status ok = judge_end(); !ok) return ok.error();
  }
  return false;
}

Status Replay::check_range() const {
  const EntryId oldest = snapshot_.listing.oldest();
  const bool gone = from_ != EntryId{} && from_ < oldest;
  if (gone && !mutated(Mutation::later_entry_for_one_gone)) return trimmed(from_, oldest);
  const bool end_is_known = !snapshot_.live || !shows_flushed();
  if (range_.last && end_is_known && *range_.last > snapshot_.end) {
    if (Status ok = tail_error(snapshot_.survey); !ok) return ok;
    return beyond_the_end(*range_.last, snapshot_.end);
  }
  return {};
}

// A trim may have removed what is to be read first, since it was listed: then it is gone, or
// nothing of it is missing.
Status Replay::begin() {
  for (int looks = 1;; ++looks) {
    Status entered = enter_first();
    const bool trimmed_since = !entered && entered.error().code == Errc::gap;
    if (!trimmed_since || looks == kLooksMax) return entered;
    if (Status ok = look(); !ok) return ok;
    if (Status ok = check_range(); !ok) return ok;
  }
}

Status Replay::enter_first() {
  const auto& segments = snapshot_.listing.segments;
  index_ = 0;
  while (index_ + 1 < segments.size() && segments[index_ + 1].name.first <= from_) ++index_;
  if (index_ == segments.size()) {
    ended_ = true;
    return judge_end();
  }
  auto segment = open(index_);
  if (!segment) return segment.error();
  segment_ = std::move(*segment);
  const SegmentHeader& header = segment_->header;
  if (index_ == 0 && snapshot_.listing.manifest_slot() == nullptr && header.prev_number != 0) {
    return damage(file(),
                  "is the first there is and follows segment " +
                      std::to_string(header.prev_number) +
                      "; without MANIFEST nothing says that the log begins here",
                  {EntryId{1}, header.first - 1});
  }
  return open_next();
}

Result<OpenSegment> Replay::open(std::size_t index) const {
  const Listing& listing = snapshot_.listing;
  return open_checked(*directory_, listing.segments[index], type_, listing.manifest_slot());
}

// Its successor says where the segment ends; of the newest, its close.
Status Replay::open_next() {
  scanner_.emplace(*segment_->file, segment_->header, options_.frame_bytes_max);
  next_.reset();
  end_.reset();
  if (index_ + 1 < snapshot_.listing.segments.size()) {
    auto next = open(index_ + 1);
    if (!next) return next.error();
    next_ = std::move(*next);
    end_ = next_->header.previous();
    Status linked =
        check_link(segment_->header, next_->header, snapshot_.listing.segments[index_ + 1].file);
    if (!linked) return linked;
  } else if (snapshot_.survey.closed) {
    end_ = snapshot_.survey.tail.sealed;
  }
  const bool sealed = end_ && end_->seal_end != 0;
  if (sealed && options_.sealed_segments == SealedSegments::mapped) scanner_->map();
  if (!ahead_) return {};
  if (sealed) {
    ahead_->enter(file(), segment_->header, next_ ? &next_->header : nullptr);
  } else {
    ahead_->leave();
  }
  return {};
}

Result<Replay::Flow> Replay::next_frame() {
  if (end_ && scanner_->position() >= end_->end) {
    if (Status ok = check_end(); !ok) return ok.error();
    return next_ ? enter_next() : Flow::end;
  }
  // Beside a writer what is not durable is not looked at.
  if (snapshot_.live && !shows_flushed() && scanner_->expected() > snapshot_.end) return Flow::end;
  seen_ = scanner_->expected() - 1;
  const auto frame = scan();
  if (!frame) return frame.error();
  reread_ = reread_ && !*frame;
  if (!*frame) return read_fault();
  const FrameHeader& header = (*frame)->header;
  summary_.frame_bytes += kFrameHeaderBytes + header.stored_bytes;
  if (header.is(FrameKind::loss)) {
    if (Status ok = note_loss(**frame); !ok) return ok.error();
  } else if (header.is(FrameKind::entries) && range_.first <= header.last()) {
    return take_entries(**frame);
  }
  return Flow::on;
}

Result<std::optional<FrameView>> Replay::scan() {
  const ReadAhead::Frame* known = nullptr;
  if (ahead_) {
    known = ahead_->at(scanner_->position(), scanner_->expected(), scanner_->chain());
  }
  if (known == nullptr) return scanner_->next();
  scanner_->pass(known->view.header, known->next);
  return std::optional(known->view);
}

Result<Replay::Flow> Replay::enter_next() {
  segment_ = std::move(next_);
  ++index_;
  Status opened = open_next();
  if (!opened && opened.error().code == Errc::gap) {
    from_ = std::max(from_, segment_->header.first);
    opened = begin();
  }
  if (!opened) return opened.error();
  return Flow::on;
}

bool Replay::shows_flushed() const {
  return options_.visibility == Durability::flushed || mutated(Mutation::reader_beyond_durable);
}

// No frame where one might be. `on` asks for another look.
Result<Replay::Flow> Replay::read_fault() {
  const EntryId through = end_ ? end_->last : snapshot_.end;
  const bool must_be_there = end_ || scanner_->expected() <= through;
  if (!must_be_there) return Flow::end;
  if (next_ && mutated(Mutation::hole_passed_over)) return enter_next();
  if (!reread_) {
    reread_ = true;
    scanner_->refresh();
    return Flow::on;
  }
  return fault_error(*scanner_, file(), through);
}

// A segment whose end is known ends there, in every way that is known of it.
Status Replay::check_end() {
  if (mutated(Mutation::end_of_segment_not_checked)) return {};
  const bool fits = scanner_->position() == end_->end && scanner_->chain() == end_->chain &&
                    scanner_->expected() == end_->last + 1;
  if (!fits) {
    return damage(file(), "ends otherwise than its successor or its close says",
                  {scanner_->expected(), end_->last}, scanner_->position());
  }
  return check_seal(*scanner_, *segment_->file, file(), *end_);
}

// Of the frame's entries those that were asked for.
Replay::Flow Replay::take_entries(const FrameView& frame) {
  const FrameHeader& header = frame.header;
  const bool holds_last = range_.last && header.last() >= *range_.last;
  if (holds_last) {
    ended_ = true;
    summary_.end = ReplaySummary::End::reached_last;
    if (header.first > *range_.last) return Flow::on;  // it lies in a recorded loss
  }
  entries_ = entries_of(frame, segment_->header, file());
  entries_.begin_at(range_.first);
  if (snapshot_.live && !shows_flushed()) entries_.end_at(snapshot_.end);
  if (holds_last) entries_.end_at(*range_.last);
  return Flow::done;
}

Status Replay::note_loss(const FrameView& frame) {
  const auto loss = decode_loss(frame.body);
  if (!loss || loss->entries.last < range_.first) return {};
  Error gap = recorded_loss(file(), *loss, frame.header.offset);
  const bool refuses =
      mode_ == ReplayMode::strict && options_.recorded_loss == RecordedLoss::refuse;
  if (refuses) return gap;
  gap.next_step.clear();
  summary_.gaps.push_back(std::move(gap));
  return {};
}

Status Replay::judge_end() {
  ended_ = true;
  if (snapshot_.live) {
    summary_.log.last = std::max(summary_.log.last, seen_);
    // Not known before where flushed entries count too.
    if (range_.last && *range_.last > seen_) return beyond_the_end(*range_.last, seen_);
    return {};
  }
  const Survey& found = snapshot_.survey;
  if (Status ok = tail_error(found); !ok) return ok.error();
  const TailVerdict verdict = found.decision.verdict;
  if (verdict != TailVerdict::torn && verdict != TailVerdict::suspect) return {};
  summary_.end = ReplaySummary::End::torn_tail;
  const bool torn = verdict == TailVerdict::torn;
  (torn ? summary_.torn_bytes : summary_.suspect_bytes) = found.tail.dirty_bytes;
  if (mode_ == ReplayMode::best_effort) return {};
  return Error{.code = Errc::torn,
               .message = std::to_string(found.tail.dirty_bytes) +
                          (torn ? " bytes of a write that did not finish"
                                : " suspect bytes, never known to be acknowledged"),
               .file = found.newest_file,
               .offset = found.tail.offset,
               .next_step = "read best_effort, or open the log for writing, which settles its end"};
}

}  // namespace walkit::log
