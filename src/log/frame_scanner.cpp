#include "log/frame_scanner.hpp"

#include <algorithm>

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"

namespace walkit::log {

FrameScanner::FrameScanner(File& file, const SegmentHeader& segment, std::uint64_t frame_bytes_max)
    : window_(file),
      seed_(frame_seed(segment.salt())),
      frame_bytes_max_(std::min<std::uint64_t>(frame_bytes_max, segment.max_frame_bytes)),
      position_(first_frame_offset(segment.layout)),
      expected_(segment.first),
      chain_(segment.crc),
      time_ns_(segment.created_ns) {}

std::optional<FrameView> FrameScanner::stop(FrameFault fault, std::optional<FrameHeader> header) {
  fault_ = fault;
  fault_header_ = header;
  return std::nullopt;
}

Result<std::optional<FrameView>> FrameScanner::next() {
  const auto head = window_.at(position_, kFrameHeaderBytes);
  if (!head) return head.error();
  const auto header = decode_frame_header(*head, seed_, position_);
  if (!header) return stop(FrameFault::no_header);
  // The length is under the header's checksum; what is over the limit is not read at all.
  const std::uint64_t limit = header->is(FrameKind::entries)
                                  ? frame_bytes_max_ + kFrameExtraBytesMax
                                  : std::max<std::uint64_t>(frame_bytes_max_, kControlFrameBytesMax);
  if (kFrameHeaderBytes + std::uint64_t{header->body_bytes} > limit ||
      header->chain != chain_ || header->first != expected_) {
    return stop(FrameFault::structure, header);
  }
  const auto stored = window_.at(position_ + kFrameHeaderBytes, header->stored_bytes);
  if (!stored) return stored.error();
  if (stored->size() < header->body_bytes) return stop(FrameFault::body, header);
  const BytesView body = stored->first(header->body_bytes);
  if (crc32c(body, seed_) != header->body_crc) return stop(FrameFault::body, header);
  // Padding behind the end of the file was not written yet, and reads as the zeros it is.
  if (!all_zero(stored->subspan(header->body_bytes))) return stop(FrameFault::structure, header);
  if (Status ok = check_body(*header, body); !ok) {
    const bool newer = ok.error().code == Errc::incompatible;
    return stop(newer ? FrameFault::unknown : FrameFault::structure, header);
  }
  EntryId next = header->first + header->count;
  if (header->is(FrameKind::loss)) {
    const auto loss = decode_loss(body);
    if (!loss || loss->entries.first != expected_) return stop(FrameFault::structure, header);
    next = loss->entries.last + 1;
  }
  position_ = header->end();
  expected_ = next;
  chain_ = header->crc;
  time_ns_ = std::max(time_ns_, header->time_ns);
  return std::optional(FrameView{*header, body});
}

}  // namespace walkit::log
