#include "cli/older_part.hpp"

#include "log/frame_scanner.hpp"
#include "log/survey.hpp"

namespace walkit::cli {
namespace {

using namespace log;

enum class Flow { on, end };

class OlderPart {
 public:
  OlderPart(Directory& home, ReplayMode mode, OlderRange range, const Apply& apply)
      : home_(home), mode_(mode), from_(range.from), look_from_(range.look_from), apply_(apply) {}

  Status give();

 private:
  Status list();
  Result<std::optional<OpenSegment>> open(std::size_t index, const SegmentHeader* previous);
  Result<Flow> give_segment(const OpenSegment& segment, const std::string& file,
                            const SegmentHeader* next);
  Result<Flow> give_frame(const FrameView& frame, const SegmentHeader& header,
                          const std::string& file);

  Directory& home_;
  const ReplayMode mode_;
  const EntryId from_, look_from_;
  const Apply& apply_;
  Listing listing_{};
  std::optional<LogIdentity> identity_{};  // as MANIFEST has it
};

// Leaves the segments from the log's first on.
Status OlderPart::list() {
  if (Status ok = classify_names(home_, listing_); !ok) return ok;
  auto& segments = listing_.segments;
  auto manifest = read_manifest(home_);
  if (!manifest && manifest.error().code == Errc::io) return manifest.error();
  const ManifestSlot* slot = manifest ? manifest->newest() : nullptr;
  if (slot == nullptr) return {};
  identity_ = slot->log;
  std::erase_if(segments,
                [&](const SegmentFile& s) { return s.name.number < slot->first_segment; });
  const std::uint64_t first = std::max<std::uint64_t>(slot->first_segment, 1);
  if (!segments.empty() && segments.front().name.number != first) segments.clear();
  return {};
}

// none: it does not hold, or does not follow.
Result<std::optional<OpenSegment>> OlderPart::open(std::size_t index,
                                                   const SegmentHeader* previous) {
  const auto& segments = listing_.segments;
  if (index >= segments.size()) return std::nullopt;
  const bool follows = previous == nullptr || segments[index].name.number == previous->number + 1;
  if (!follows) return std::nullopt;
  auto segment = open_segment(home_, segments[index]);
  if (!segment && segment.error().code == Errc::io) return segment.error();
  if (!segment || (identity_ && segment->header.log != *identity_)) return std::nullopt;
  if (previous != nullptr && !check_link(*previous, segment->header, segments[index].file)) {
    return std::nullopt;
  }
  return std::optional(std::move(*segment));
}

Status OlderPart::give() {
  if (Status ok = list(); !ok) return ok;
  const auto& segments = listing_.segments;
  std::size_t index = 0;
  while (index + 1 < segments.size() && segments[index + 1].name.first <= look_from_ &&
         segments[index + 1].name.number == segments[index].name.number + 1) {
    ++index;
  }
  auto segment = open(index, nullptr);
  if (!segment) return segment.error();
  for (; *segment; ++index) {
    auto next = open(index + 1, &(*segment)->header);
    if (!next) return next.error();
    const auto flow =
        give_segment(**segment, segments[index].file, *next ? &(*next)->header : nullptr);
    if (!flow) return flow.error();
    if (*flow == Flow::end) return {};
    segment = std::move(next);
  }
  return {};
}

// A segment with a successor ends where that one says, its seal included.
Result<Flow> ends_as_said(FrameScanner& scanner, File& file, const SegmentHeader& next) {
  const bool fits = scanner.position() == next.prev_end && scanner.chain() == next.prev_chain &&
                    scanner.expected() == next.prev_last + 1;
  if (!fits) return Flow::end;
  if (next.prev_seal_end == 0) return Flow::on;
  const auto seal = scanner.next();
  if (!seal) return seal.error();
  const auto size = file.size();
  if (!size) return size.error();
  const bool sealed = *seal && (*seal)->header.is(FrameKind::seal) &&
                      scanner.position() == next.prev_seal_end && *size == next.prev_seal_end;
  return sealed ? Flow::on : Flow::end;
}

Result<Flow> OlderPart::give_segment(const OpenSegment& segment, const std::string& file,
                                     const SegmentHeader* next) {
  FrameScanner scanner(*segment.file, segment.header, ReadOptions{}.frame_bytes_max);
  for (;;) {
    if (next != nullptr && scanner.position() >= next->prev_end) {
      return ends_as_said(scanner, *segment.file, *next);
    }
    const auto frame = scanner.next();
    if (!frame) return frame.error();
    if (!*frame) return Flow::end;
    auto flow = give_frame(**frame, segment.header, file);
    if (!flow || *flow == Flow::end) return flow;
  }
}

Result<Flow> OlderPart::give_frame(const FrameView& frame, const SegmentHeader& header,
                                   const std::string& file) {
  if (frame.header.is(FrameKind::loss)) {
    const auto loss = decode_loss(frame.body);
    const bool passed = loss && (mode_ != ReplayMode::strict || loss->entries.last < from_);
    return passed ? Flow::on : Flow::end;
  }
  if (!frame.header.is(FrameKind::entries) || frame.header.last() < from_) return Flow::on;
  PayloadCursor cursor(frame.entries);
  for (EntryId id = frame.header.first; id <= frame.header.last(); ++id) {
    const auto payload = cursor.next();
    if (!payload) return Flow::end;
    if (id < from_) continue;
    const auto step =
        apply_({.entry_id = id,
                .payload = *payload,
                .schema = frame.extras.schema != 0 ? frame.extras.schema : header.schema,
                .file = file,
                .offset = frame.header.offset,
                .time_ns = frame.header.time_ns});
    if (!step) return step.error();
    if (*step == Step::stop) return Flow::end;
  }
  return Flow::on;
}

}  // namespace

Status give_older_part(Directory& home, ReplayMode mode, OlderRange range, const Apply& apply) {
  return OlderPart(home, mode, range, apply).give();
}

}  // namespace walkit::cli
