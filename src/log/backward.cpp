#include "log/backward.hpp"

#include <algorithm>

#include "log/reading.hpp"

namespace walkit::log {

BackwardReader::BackwardReader(std::shared_ptr<Directory> directory, ReadOptions options,
                               std::optional<StoredType> type, std::optional<EntryId> from)
    : directory_(std::move(directory)),
      options_(std::move(options)),
      type_(std::move(type)),
      from_(from) {}

Result<bool> BackwardReader::next_entries(std::chrono::milliseconds /*timeout*/) {
  if (ended_) return false;
  auto found = step();
  ended_ = !found || !*found;
  return found;
}

Result<bool> BackwardReader::step() {
  if (!began_) {
    began_ = true;
    if (Status ok = begin(); !ok) return ok.error();
  }
  for (;;) {
    while (!begins_.empty()) {
      EntryView like = like_;
      like.entry_id = like_.entry_id + (begins_.size() - 1);
      entries_ = {begins_.back(), like, like.entry_id};
      begins_.pop_back();
      if (!from_ || like.entry_id <= *from_) return true;
    }
    auto more = next_frame();
    if (!more || !*more) return more;
  }
}

Status BackwardReader::check_from() const {
  const EntryId oldest = snapshot_.listing.oldest();
  if (from_ && *from_ < oldest) return trimmed(*from_, oldest);
  const bool end_is_known = !snapshot_.live || options_.visibility == Durability::durable;
  if (!from_ || !end_is_known || *from_ <= snapshot_.end) return {};
  return beyond_the_end(*from_, snapshot_.end);
}

// Finds the segment and the place to go down from.
Status BackwardReader::begin() {
  auto snapshot =
      take_snapshot(*directory_, options_.expect_durable_through, options_.frame_bytes_max);
  if (!snapshot) return snapshot.error();
  snapshot_ = std::move(*snapshot);
  summary_.log = snapshot_.entries();
  summary_.log_identity = snapshot_.log;
  const auto& segments = snapshot_.listing.segments;
  if (!snapshot_.live && (!from_ || *from_ > snapshot_.end)) {
    if (Status ok = tail_error(snapshot_.survey); !ok) return ok;
  }
  if (Status ok = check_from(); !ok) return ok;
  segments_left_ = segments.size();
  if (from_) {
    const auto behind = std::upper_bound(
        segments.begin(), segments.end(), *from_,
        [](EntryId wanted, const SegmentFile& s) { return wanted < s.name.first; });
    segments_left_ = static_cast<std::size_t>(behind - segments.begin());
  }
  const auto opened = next_segment();
  if (!opened) return opened.error();
  if (!*opened && from_ && !segments.empty()) return trimmed(*from_, oldest_);
  if (!*opened) return {};
  const bool whole_frames = snapshot_.live && options_.visibility == Durability::flushed;
  EntryId last = snapshot_.end;
  if (whole_frames && !segment_->end()) {
    const auto whole = segment_->last_whole();
    if (!whole) return whole.error();
    last = std::max(last, whole->last);
  }
  if (from_) last = *from_;
  if (segment_->end() && !from_) return {};
  upper_ = segment_->begin();
  if (last < segment_->header().first) return {};
  const auto passed = segment_->pass(*scanner_, last, {snapshot_.end, whole_frames});
  if (!passed) return passed.error();
  upper_ = {scanner_->position(), scanner_->expected(), scanner_->chain()};
  return {};
}

// false: there is none below, or a trim removed it since.
Result<bool> BackwardReader::next_segment() {
  if (segments_left_ == 0) return false;
  const auto& segments = snapshot_.listing.segments;
  const std::size_t index = --segments_left_;
  auto opened =
      IndexedSegment::open(*directory_, segments[index],
                           {.next = index + 1 < segments.size() ? &segments[index + 1] : nullptr,
                            .manifest = snapshot_.listing.manifest_slot(),
                            .type = type_ ? &*type_ : nullptr,
                            .frame_bytes_max = options_.frame_bytes_max});
  if (!opened) {
    if (opened.error().code != Errc::gap) return opened.error();
    // Whole segments are trimmed, so that nothing of this one is left; a repair leaves its ids.
    oldest_ = oldest_left(opened.error());
    if (index + 1 < segments.size() && oldest_ >= segments[index + 1].name.first) return false;
    Error replaced = opened.error();
    replaced.code = Errc::not_found;
    replaced.message = "the log was repaired meanwhile, its files are others now";
    replaced.next_step = "read it anew";
    return replaced;
  }
  if (Status ok = (*opened)->check_seal(); !ok) return ok.error();
  scanner_.reset();
  segment_ = std::move(*opened);
  scanner_.emplace(segment_->scanner());
  if (const auto end = segment_->end()) upper_ = *end;
  return true;
}

// The frame below. false: none is left.
Result<bool> BackwardReader::next_frame() {
  if (!segment_) return false;
  while (headers_.empty()) {
    auto headers = segment_->step_below(*scanner_, upper_);
    if (!headers) return headers.error();
    headers_ = std::move(*headers);
    if (!headers_.empty()) break;
    auto opened = next_segment();
    if (!opened || !*opened) return opened;
  }
  const FrameHeader header = headers_.back();
  headers_.pop_back();
  if (header.is(FrameKind::entries) || header.is(FrameKind::loss)) {
    if (Status ok = open_frame(header); !ok) return ok.error();
  }
  return true;
}

Status BackwardReader::open_frame(const FrameHeader& header) {
  const auto frame = segment_->read(*scanner_, header);
  if (!frame) return frame.error();
  if (header.is(FrameKind::loss)) return note_loss(*frame);
  FrameEntries entries = entries_of(*frame, segment_->header(), segment_->file());
  like_ = entries.entry();
  do {
    begins_.push_back(entries.rest());
  } while (entries.next() != nullptr && !entries.empty());
  if (entries.has_more()) return misfit(entries);
  return {};
}

Status BackwardReader::note_loss(const FrameView& frame) {
  const auto loss = decode_loss(frame.body);
  if (!loss) return {};
  Error gap = recorded_loss(segment_->file(), *loss, frame.header.offset);
  if (options_.recorded_loss == RecordedLoss::refuse) return gap;
  gap.next_step.clear();
  summary_.gaps.push_back(std::move(gap));
  return {};
}

}  // namespace walkit::log
