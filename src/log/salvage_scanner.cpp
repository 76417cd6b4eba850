#include "log/salvage_scanner.hpp"

#include <algorithm>

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"

namespace walkit::log {
namespace {

constexpr std::size_t kStepBytes = 64 << 10;
static_assert(kStepBytes % kFrameAlignment == 0);
// More holes than this are told as one.
constexpr std::size_t kGapsMax = 10'000;

}  // namespace

SalvageScanner::SalvageScanner(Directory& directory, SalvageSources sources, Limits limits)
    : directory_(directory),
      sources_(std::move(sources)),
      limits_(limits),
      expected_(sources_.begin),
      watermark_(sources_.watermark) {
  if (sources_.begin_missing) {
    const SalvageSource& first = sources_.segments.front();
    hole_ = Hole{log::damage(first.file, "the segments before it are missing")};
    settle(first.header.first - 1);
  }
}

Result<std::optional<SalvageScanner::Piece>> SalvageScanner::next() {
  std::optional<Piece> piece;
  for (;;) {
    if (!file_ && (index_ == sources_.segments.size() || expected_ > limits_.end)) {
      finish();
      return piece;
    }
    if (!file_) {
      if (Status ok = enter(); !ok) return ok.error();
      continue;
    }
    const auto walk = step(piece);
    if (!walk) return walk.error();
    if (*walk == Walk::given) return piece;
    if (*walk == Walk::left) {
      if (Status ok = leave(); !ok) return ok.error();
    }
  }
}

// Opens the segment at index_, or passes over one that cannot be read.
Status SalvageScanner::enter() {
  const SalvageSource& source = here();
  if (index_ > 0) {
    const std::uint64_t before = sources_.segments[index_ - 1].header.number;
    if (before + 1 != source.header.number) {
      Error missing = log::damage(source.file, "the segments before it, from number " +
                                                   std::to_string(before + 1) + ", are missing");
      if (hole_) settle(EntryId{});
      hole_ = Hole{std::move(missing)};
    }
    settle(source.header.first - 1);
  }
  auto file = source.readable ? open_patiently(directory_, source.file)
                              : Result<std::unique_ptr<PatientFile>>(source.why);
  if (!file && file.error().code == Errc::not_found && was_trimmed(source)) {
    ++index_;
    expected_ = std::max(expected_, sources_.segments[index_].header.first);
    return {};
  }
  if (!file) {
    hole_ = Hole{file.error(), !source.readable};
    hole_->error.file = source.file;
    whole_ = false;
    ++index_;
    return {};
  }
  file_ = std::move(*file);
  window_ = std::make_unique<FileWindow>(*file_);
  seed_ = frame_seed(source.header.salt());
  position_ = first_frame_offset(source.header.layout);
  chain_.reset();
  if (source.header_holds) chain_ = source.header.crc;
  broken_ = watermarks_read_ = false;
  trusted_ = source.trusted;
  read_ahead();
  return {};
}

// Since it was listed. (The newest never is.)
bool SalvageScanner::was_trimmed(const SalvageSource& source) const {
  const auto manifest = read_manifest(directory_);
  const ManifestSlot* slot = manifest ? manifest->newest() : nullptr;
  return slot != nullptr && source.header.number < slot->first_segment &&
         index_ + 1 < sources_.segments.size();
}

void SalvageScanner::read_ahead() {
  if (limits_.threads <= 1) return;
  if (!ahead_) {
    const ReadOptions options{.frame_bytes_max = limits_.frame_bytes_max,
                              .threads = limits_.threads};
    ahead_ = std::make_unique<ReadAhead>(directory_, options);
  }
  const auto& segments = sources_.segments;
  const SalvageSource* next = index_ + 1 < segments.size() ? &segments[index_ + 1] : nullptr;
  const bool adjacent = next == nullptr || next->header.number == here().header.number + 1;
  if (here().header_holds && adjacent && (next == nullptr || next->header_holds)) {
    ahead_->enter(here().file, here().header, next != nullptr ? &next->header : nullptr);
  } else {
    ahead_->leave();
  }
}

// A whole frame that was read ahead; none: look for oneself.
std::optional<SalvageScanner::Walk> SalvageScanner::take_known(std::optional<Piece>& piece) {
  if (!ahead_ || !chain_) return std::nullopt;
  const ReadAhead::Frame* known = ahead_->at(position_, expected_, *chain_);
  if (known == nullptr || !counts(known->view.header)) return std::nullopt;
  see_watermark(known->view.header);
  return take_whole(known->view, piece);
}

void SalvageScanner::see_watermark(const FrameHeader& header) {
  watermark_ = std::max(watermark_, header.durable_through);
  trusted_ = std::max(trusted_, header.durable_through);
}

bool SalvageScanner::counts(const FrameHeader& header) const {
  const SalvageSource& source = here();
  const EntryId last = header.is(FrameKind::entries) ? header.last() : header.first - 1;
  const bool covered = source.is_newest && expected_ <= trusted_;
  const EntryId bound = broken_ && !covered ? std::min(trusted_, source.through) : source.through;
  return header.end() <= source.end && header.first <= limits_.end && last <= bound;
}

Result<SalvageScanner::Walk> SalvageScanner::step(std::optional<Piece>& piece) {
  const bool bounded_by_ids = here().end == ~std::uint64_t{0} && expected_ > here().through;
  if (position_ >= here().end || bounded_by_ids || expected_ > limits_.end) return Walk::left;
  if (const auto walk = take_known(piece)) return *walk;
  const auto head = window_->at(position_, kFrameHeaderBytes);
  if (!head) return head.error();
  if (head->empty()) return Walk::left;
  const auto header = decode_frame_header(*head, seed_, position_);
  if (!header || !counts(*header)) return search();
  see_watermark(*header);
  return take(*header, piece);
}

// "": its lengths are what this log and this reader allow.
std::string SalvageScanner::why_not_read(const FrameHeader& header,
                                         std::uint64_t body_bytes) const {
  const std::uint64_t bytes = kFrameHeaderBytes + body_bytes;
  const auto above = [&](std::uint64_t limit) {
    return bytes > (header.is(FrameKind::entries) ? limit + kFrameExtraBytesMax
                                                  : std::max(limit, kControlFrameBytesMax));
  };
  if (above(here().header.max_frame_bytes)) return "a frame above the log's own limit";
  if (limits_.frame_bytes_max >= here().header.max_frame_bytes) return "";
  if (!above(limits_.frame_bytes_max)) return "";
  return "frame of " + std::to_string(bytes) + " bytes; this reader's frame_bytes_max is " +
         std::to_string(limits_.frame_bytes_max);
}

Result<SalvageScanner::Walk> SalvageScanner::take(const FrameHeader& header,
                                                  std::optional<Piece>& piece) {
  std::string fault = why_not_read(header, header.body_bytes);
  if (fault.empty()) {
    const std::uint64_t begin = position_ + kFrameHeaderBytes;
    const auto size = file_->size();
    if (!size) return size.error();
    const std::uint64_t there = *size > begin ? *size - begin : 0;
    const auto stored = window_->at(begin, std::min<std::uint64_t>(header.stored_bytes, there));
    if (!stored) return stored.error();
    const BytesView body = stored->first(std::min<std::size_t>(stored->size(), header.body_bytes));
    FrameView view{.header = header, .body = body};
    if (body.size() < header.body_bytes) {
      fault = "the file ends inside a frame";
    } else if (crc32c(body, seed_) != header.body_crc) {
      fault = "a frame's body does not fit its checksum";
    } else if (Status ok = open_body(view); !ok) {
      if (ok.error().code == Errc::no_memory) return ok.error();
      fault = ok.error().message;
      if (ok.error().code == Errc::incompatible && !sources_.newer) sources_.newer = ok.error();
    } else {
      if (!all_zero(stored->subspan(body.size()))) {
        tell(log::damage(here().file, "padding that is not zero; no entry is lost", {}, position_));
      }
      return take_whole(view, piece);
    }
  }
  open_hole(std::move(fault));
  if (Status ok = look_for_watermarks(); !ok) return ok.error();
  // Its length is under a checksum that holds, so nothing inside it is a frame.
  position_ = header.end();
  chain_ = header.crc;
  return Walk::on;
}

// From a body whose checksum holds to its entries.
Status SalvageScanner::open_body(FrameView& view) {
  const auto parts = split_body(view.header, view.body);
  if (!parts) return parts.error();
  if (!view.header.is(FrameKind::entries)) return {};
  if (std::string why = why_not_read(view.header, parts->plain_bytes()); !why.empty()) {
    return Error{.code = Errc::too_large, .message = std::move(why)};
  }
  const auto entries = decompressor_.entries_of(*parts);
  if (!entries) return entries.error();
  view.extras = parts->extras;
  view.entries = *entries;
  return check_entries(view.header, view.entries, here().header.max_entry_bytes);
}

SalvageScanner::Walk SalvageScanner::take_whole(const FrameView& view,
                                                std::optional<Piece>& piece) {
  const FrameHeader& header = view.header;
  const SalvageSource& source = here();
  if (chain_ && *chain_ != header.chain) {
    tell(log::damage(source.file, "a frame does not follow the one before it", {}, position_));
  }
  position_ = header.end();
  chain_ = header.crc;
  if (header.is(FrameKind::loss)) return take_loss(header, view.body);
  if (header.is(FrameKind::entries) && header.first < expected_) {
    // Whole: it was given from another segment. In part: nothing says which one is right.
    if (header.last() >= expected_) {
      tell(log::damage(source.file, "holds ids that were there before", {}, header.offset));
    }
    return Walk::on;
  }
  settle(header.first - 1);
  if (!header.is(FrameKind::entries)) return Walk::on;
  if (source.is_newest) broken_ = false;
  piece = Piece{.frame = view, .segment = &source.header, .file = source.file};
  expected_ = header.last() + 1;
  return Walk::given;
}

SalvageScanner::Walk SalvageScanner::take_loss(const FrameHeader& header, BytesView body) {
  const auto loss = decode_loss(body);
  if (!loss || loss->entries.first != header.first) {
    tell(log::damage(here().file, "a loss that does not fit its frame", {}, header.offset));
    return Walk::on;
  }
  if (loss->entries.last < expected_ || loss->entries.last > here().through) return Walk::on;
  settle(header.first - 1);
  Error gap = log::damage(here().file, "a recorded loss: " + loss->cause,
                          {expected_, loss->entries.last}, header.offset);
  gap.next_step.clear();
  expected_ = loss->entries.last + 1;
  add_gap(std::move(gap), From::record);
  return Walk::on;
}

Result<bool> SalvageScanner::only_zeros_follow() {
  for (std::uint64_t at = position_;; at += kStepBytes) {
    const auto view = window_->at(at, kStepBytes);
    if (!view) return view.error();
    if (view->empty()) return true;
    if (!all_zero(*view)) return false;
  }
}

// From a place that holds no frame to the next that does, on steps of eight; or to the end.
Result<SalvageScanner::Walk> SalvageScanner::search() {
  const auto zeros = only_zeros_follow();
  if (!zeros) return zeros.error();
  if (*zeros) return Walk::left;
  open_hole("no valid frame");
  chain_.reset();
  if (Status ok = look_for_watermarks(); !ok) return ok.error();
  for (std::uint64_t at = position_;; at += kStepBytes) {
    // One header more, so that none is missed between two steps.
    const auto view = window_->at(at, kStepBytes + kFrameHeaderBytes);
    if (!view) return view.error();
    for (std::size_t i = 0; i < kStepBytes && i + kFrameHeaderBytes <= view->size();
         i += kFrameAlignment) {
      if (!frame_magic_at(view->data() + i)) continue;
      const auto header = decode_frame_header(view->subspan(i), seed_, at + i);
      if (!header || !counts(*header)) continue;
      position_ = at + i;
      return Walk::on;
    }
    if (view->size() < kStepBytes + kFrameHeaderBytes) return Walk::left;
  }
}

// Behind a hole frames count up to what is known to have been durable in this segment's life.
Status SalvageScanner::look_for_watermarks() {
  if (watermarks_read_ || trusted_ >= here().through) return {};
  watermarks_read_ = true;
  for (std::uint64_t at = position_;; at += kStepBytes) {
    const auto view = window_->at(at, kStepBytes + kFrameHeaderBytes);
    if (!view) return view.error();
    for (std::size_t i = 0; i < kStepBytes && i + kFrameHeaderBytes <= view->size();
         i += kFrameAlignment) {
      if (!frame_magic_at(view->data() + i)) continue;
      const auto header = decode_frame_header(view->subspan(i), seed_, at + i);
      if (header) trusted_ = std::max(trusted_, header->durable_through);
    }
    if (view->size() < kStepBytes + kFrameHeaderBytes) break;
  }
  watermark_ = std::max(watermark_, trusted_);
  return {};
}

// Behind the last frame that counts: is it where the successor says?
Status SalvageScanner::leave() {
  const SalvageSource& source = here();
  const bool last = index_ + 1 == sources_.segments.size();
  // Beside a writer nothing behind what is durable is judged.
  const bool judged = !last && expected_ <= limits_.end &&
                      sources_.segments[index_ + 1].header.number == source.header.number + 1;
  Status ok;
  if (judged) {
    if (expected_ <= source.through) open_hole("ends before its successor begins");
    settle(source.through);
    if (source.end != ~std::uint64_t{0}) ok = check_end(sources_.segments[index_ + 1].header);
  }
  if (!refusal_) refusal_ = file_->take_refusal();
  if (refusal_) {
    Error unread = log::damage(source.file, "cannot be read there: " + refusal_->message, {},
                               refusal_->offset);
    unread.os_error = refusal_->os_error;
    tell(std::move(unread));
    refusal_.reset();
  }
  window_.reset();
  file_.reset();
  ++index_;
  return ok;
}

Status SalvageScanner::check_end(const SegmentHeader& next) {
  const SalvageSource& source = here();
  if (broken_) return {};  // told
  if (position_ != next.prev_end || (chain_ && *chain_ != next.prev_chain)) {
    tell(log::damage(source.file, "ends otherwise than its successor says", {}, position_));
    return {};
  }
  if (next.prev_seal_end == 0) return {};
  const auto head = window_->at(position_, kFrameHeaderBytes);
  if (!head) return head.error();
  const auto header = decode_frame_header(*head, seed_, position_);
  const auto size = file_->size();
  if (!size) return size.error();
  bool sealed = header && header->is(FrameKind::seal) && header->end() == next.prev_seal_end &&
                *size == next.prev_seal_end && header->chain == next.prev_chain &&
                header->first == expected_ && why_not_read(*header, header->body_bytes).empty();
  if (sealed) {
    const auto stored = window_->at(position_ + kFrameHeaderBytes, header->stored_bytes);
    if (!stored) return stored.error();
    sealed = stored->size() == header->stored_bytes &&
             crc32c(stored->first(header->body_bytes), seed_) == header->body_crc &&
             all_zero(stored->subspan(header->body_bytes)) &&
             decode_seal(stored->first(header->body_bytes)).has_value();
  }
  if (!sealed) {
    tell(log::damage(source.file, "its seal is damaged or its length changed; no entry is lost", {},
                     position_));
  }
  return {};
}

// The newest segment's tail is no hole, unless something says that more was durable.
void SalvageScanner::finish() {
  if (finished_) return;
  finished_ = true;
  EntryId through = std::min(watermark_, limits_.end);
  const ManifestSlot* slot = sources_.slot();
  const bool has = !sources_.segments.empty();
  const std::uint64_t newest = has ? sources_.segments.back().header.number : 0;
  if (slot != nullptr && slot->last_segment > newest && expected_ <= limits_.end) {
    Error missing =
        log::damage(kManifestName,
                    "names segment " + std::to_string(slot->last_segment) + ", which is missing");
    if (hole_ && expected_ <= through) tell(missing);
    if (!hole_) hole_ = Hole{std::move(missing)};
    through = std::max(through, std::min(slot->last_segment_first - 1, limits_.end));
    if (expected_ > through) through = end_unknown();
    settle(std::min(through, EntryId::max() - 1));
    return;
  }
  const bool newest_is_gone = has && !sources_.segments.back().readable;
  if (newest_is_gone && hole_ && expected_ > through) through = end_unknown();
  if (through == EntryId::max()) through = through - 1;
  if (expected_ <= through && !hole_) {
    hole_ =
        Hole{log::damage(has ? std::string_view(sources_.segments.back().file) : kManifestName,
                         "the log ends after entry " + to_string(expected_ - 1) + ", but entry " +
                             to_string(through) + " is known to have been durable",
                         {}, position_)};
  }
  if (expected_ <= through) settle(through);
  hole_.reset();
}

// A segment is gone, and with it all that said how many entries it held. So many ids are given up,
// so that none of them names another entry.
EntryId SalvageScanner::end_unknown() {
  constexpr std::uint64_t kIdsGivenUp = std::uint64_t{1} << 32;
  if (expected_.value > EntryId::max().value - kIdsGivenUp - 1) return EntryId::max() - 1;
  if (hole_) hole_->error.message += "; how many entries it held is not known";
  return std::min(expected_ + kIdsGivenUp - 1, limits_.end);
}

void SalvageScanner::open_hole(std::string message) {
  broken_ = true;
  if (!refusal_) refusal_ = file_->take_refusal();
  if (hole_) return;
  hole_ = Hole{log::damage(here().file, std::move(message), {}, position_)};
  if (!refusal_) return;
  hole_->error.os_error = refusal_->os_error;
  hole_->error.message += "; cannot be read: " + refusal_->message;
  refusal_.reset();
}

void SalvageScanner::tell(Error error) {
  whole_ = false;
  if (sources_.damage.size() < kGapsMax) sources_.damage.push_back(std::move(error));
}

// What is expected up to `through` is not there; or, if nothing is, what was wrong cost no entry.
void SalvageScanner::settle(EntryId through) {
  through = std::min(through, limits_.end);
  if (!hole_ && expected_ <= through) {
    hole_ = Hole{log::damage(file_ ? here().file : "", "ids are left out", {}, position_)};
  }
  if (!hole_) return;
  Error error = std::move(hole_->error);
  const bool told = hole_->told;
  hole_.reset();
  if (expected_ <= through) error.lost = {expected_, through};
  if (!told) tell(error);
  if (expected_ > through) return;
  expected_ = through + 1;
  add_gap(std::move(error), From::reading);
}

void SalvageScanner::add_gap(Error gap, From from) {
  if (gaps_.size() < kGapsMax) {
    gaps_.push_back(std::move(gap));
    recorded_.push_back(from == From::record);
    return;
  }
  gaps_.back().lost.last = gap.lost.last;
  gaps_.back().message = "this and what follows, in more places than are told one by one";
  recorded_.back() = false;
}

}  // namespace walkit::log
