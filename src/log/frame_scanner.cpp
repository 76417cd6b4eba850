#include "log/frame_scanner.hpp"

#include <algorithm>

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "base/mutation.hpp"

namespace walkit::log {

FrameScanner::FrameScanner(File& file, const SegmentHeader& segment, std::uint64_t frame_bytes_max,
                           std::size_t step_bytes)
    : file_(&file),
      window_(file, step_bytes),
      seed_(frame_seed(segment.salt())),
      entry_bytes_max_(segment.max_entry_bytes),
      log_bytes_max_(segment.max_frame_bytes),
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

std::uint64_t FrameScanner::limit_of(const FrameHeader& header, std::uint64_t frame_bytes_max) {
  return header.is(FrameKind::entries)
             ? frame_bytes_max + kFrameExtraBytesMax
             : std::max<std::uint64_t>(frame_bytes_max, kControlFrameBytesMax);
}

bool FrameScanner::over_readers_cap() const {
  if (!fault_header_ || fault_ != FrameFault::structure) return false;
  return frame_bytes_ > limit_of(*fault_header_, frame_bytes_max_) &&
         frame_bytes_ <= limit_of(*fault_header_, log_bytes_max_);
}

Error FrameScanner::cap_error() const {
  return {.code = Errc::too_large,
          .message = "frame of " + std::to_string(frame_bytes_) +
                     " bytes; this reader's frame_bytes_max is " + std::to_string(frame_bytes_max_),
          .offset = position_,
          .next_step = "raise ReadOptions::frame_bytes_max"};
}

// Memory for what a header says is there is taken only if the file is that long.
Result<BytesView> FrameScanner::stored_part(const FrameHeader& header) {
  constexpr std::uint64_t kTakenUnseenBytes = 1 << 20;
  std::uint64_t bytes = header.stored_bytes;
  if (bytes > kTakenUnseenBytes) {
    const auto size = file_->size();
    if (!size) return size.error();
    const std::uint64_t begin = position_ + kFrameHeaderBytes;
    bytes = std::min(bytes, std::max(*size, begin) - begin);
  }
  return window_.at(position_ + kFrameHeaderBytes, bytes);
}

// From a body whose checksum holds to its entries. too_large: above the limit, decompressed.
Status FrameScanner::open_body(FrameView& view) {
  const auto parts = split_body(view.header, view.body);
  if (!parts) return parts.error();
  if (!view.header.is(FrameKind::entries)) return {};
  frame_bytes_ = kFrameHeaderBytes + parts->plain_bytes();
  if (frame_bytes_ > limit_of(view.header, frame_bytes_max_)) return cap_error();
  const auto entries = decompressor_.entries_of(*parts);
  if (!entries) return entries.error();
  view.extras = parts->extras;
  view.entries = *entries;
  return check_entries(view.header, view.entries, entry_bytes_max_);
}

void FrameScanner::seek(std::uint64_t offset, EntryId expected,
                        std::optional<std::uint32_t> chain) {
  position_ = offset;
  expected_ = expected;
  chain_ = chain.value_or(0);
  chain_known_ = chain.has_value();
}

// The header at position(), if it continues the chain.
Result<std::optional<FrameHeader>> FrameScanner::header_here() {
  const auto head = window_.at(position_, kFrameHeaderBytes);
  if (!head) return head.error();
  const auto header = decode_frame_header(*head, seed_, position_);
  const auto none = [&](FrameFault fault) {
    stop(fault, header);
    return std::optional<FrameHeader>{};
  };
  if (!header) return none(FrameFault::no_header);
  // The length is under the header's checksum; what is over the limit is not read at all.
  frame_bytes_ = kFrameHeaderBytes + std::uint64_t{header->body_bytes};
  const bool follows =
      !chain_known_ || header->chain == chain_ || mutated(Mutation::chain_not_checked);
  if (frame_bytes_ > limit_of(*header, frame_bytes_max_) || !follows ||
      header->first != expected_) {
    return none(FrameFault::structure);
  }
  return header;
}

void FrameScanner::pass(const FrameHeader& header, EntryId next) {
  position_ = header.end();
  expected_ = next;
  chain_ = header.crc;
  chain_known_ = true;
  time_ns_ = std::max(time_ns_, header.time_ns);
}

Result<std::optional<FrameHeader>> FrameScanner::next_header() {
  auto header = header_here();
  if (!header || !*header) return header;
  if (!is_known(**header)) {
    stop(FrameFault::unknown, *header);
    return std::optional<FrameHeader>{};
  }
  if ((*header)->is(FrameKind::loss)) {
    const auto loss = next();
    if (!loss) return loss.error();
    return *loss ? std::optional((*loss)->header) : std::nullopt;
  }
  pass(**header, (*header)->first + (*header)->count);
  return header;
}

Result<std::optional<FrameView>> FrameScanner::next() {
  const auto here = header_here();
  if (!here) return here.error();
  if (!*here) return std::optional<FrameView>{};
  const std::optional<FrameHeader>& header = *here;
  const auto stored = stored_part(*header);
  if (!stored) return stored.error();
  if (stored->size() < header->body_bytes) return stop(FrameFault::body, header);
  const BytesView body = stored->first(header->body_bytes);
  const bool holds =
      crc32c(body, seed_) == header->body_crc || mutated(Mutation::body_sum_not_checked);
  if (!holds) return stop(FrameFault::body, header);
  // Padding behind the end of the file was not written yet, and reads as the zeros it is.
  if (!all_zero(stored->subspan(header->body_bytes))) return stop(FrameFault::structure, header);
  FrameView view{.header = *header, .body = body};
  if (Status ok = open_body(view); !ok) {
    if (ok.error().code == Errc::no_memory) return ok.error();
    const bool newer = ok.error().code == Errc::incompatible;
    return stop(newer ? FrameFault::unknown : FrameFault::structure, header);
  }
  EntryId next = header->first + header->count;
  if (header->is(FrameKind::loss)) {
    const auto loss = decode_loss(body);
    if (!loss || loss->entries.first != expected_) return stop(FrameFault::structure, header);
    next = loss->entries.last + 1;
  }
  pass(*header, next);
  return std::optional(view);
}

}  // namespace walkit::log
