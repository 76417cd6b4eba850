#include "log/tail.hpp"

#include <algorithm>

#include "base/little_endian.hpp"
#include "base/mutation.hpp"

namespace walkit::log {
namespace {

constexpr std::size_t kStepBytes = 64 << 10;
static_assert(kStepBytes % kFrameAlignment == 0);

// Bytes [begin, end) of the file, zeros where it is shorter, since that is what was there before.
Result<Bytes> read_padded(FileWindow& window, std::uint64_t begin, std::uint64_t end) {
  const auto view = window.at(begin, end - begin);
  if (!view) return view.error();
  Bytes bytes(end - begin);
  std::copy(view->begin(), view->end(), bytes.begin());
  return bytes;
}

// A header at `offset` that did not land, or only as a prefix: its last byte and all behind it in
// the sector are zeros, since they would have landed in the same piece.
Result<bool> header_may_be_torn(FileWindow& window, std::uint64_t offset) {
  const std::uint64_t sector_end = (offset / kSectorBytes + 1) * kSectorBytes;
  const auto bytes = read_padded(window, offset, sector_end);
  if (!bytes) return bytes.error();
  return all_zero(BytesView(*bytes).subspan(kFrameHeaderBytes - 1));
}

// A body of which a sector did not land, or only a prefix of it: that piece ends in a zero.
Result<bool> body_may_be_torn(FileWindow& window, const FrameHeader& header) {
  const std::uint64_t end = header.offset + kFrameHeaderBytes + header.body_bytes;
  std::uint64_t at = header.offset + kFrameHeaderBytes;
  while (at < end) {
    const std::uint64_t piece_end = std::min((at / kSectorBytes + 1) * kSectorBytes, end);
    const auto piece = window.at(at, piece_end - at);
    if (!piece) return piece.error();
    if (piece->size() < piece_end - at || piece->back() == std::byte{0}) return true;
    at = piece_end;
  }
  return false;
}

Result<TailShape> shape_of_fault(FrameScanner& scanner) {
  if (mutated(Mutation::shape_not_asked)) return TailShape::explained;
  if (mutated(Mutation::torn_taken_for_damage)) return TailShape::unexplained;
  switch (scanner.fault()) {
    case FrameFault::structure:
      return TailShape::unexplained;
    case FrameFault::unknown:
      return TailShape::unknown;
    case FrameFault::no_header: {
      const auto torn = header_may_be_torn(scanner.window(), scanner.position());
      if (!torn) return torn.error();
      return *torn ? TailShape::explained : TailShape::unexplained;
    }
    case FrameFault::body:
      break;
  }
  const auto torn = body_may_be_torn(scanner.window(), *scanner.fault_header());
  if (!torn) return torn.error();
  return *torn ? TailShape::explained : TailShape::unexplained;
}

// Walks from the bad position to the end of the file for bytes that are not zero, and for headers,
// on 8-byte steps, whose watermarks are evidence wherever they stand. (A later frame alone is none:
// unsynced sectors reach the device in any order.)
Status search_behind(FrameScanner& scanner, Tail& tail) {
  for (std::uint64_t at = tail.offset;; at += kStepBytes) {
    // One header more, so that none is missed between two steps.
    const auto view = scanner.window().at(at, kStepBytes + kFrameHeaderBytes);
    if (!view) return view.error();
    if (view->empty()) return {};
#ifdef WALKIT_MUTATIONS
    const bool no_more = mutated(Mutation::zeros_end_the_log) && at == tail.offset;
    if (no_more && all_zero(view->first(std::min(view->size(), kFrameHeaderBytes)))) return {};
#endif
    const BytesView step = view->first(std::min(view->size(), kStepBytes));
    if (all_zero(step)) continue;
    for (std::size_t i = 0; i < step.size(); i += kFrameAlignment) {
      const BytesView rest = view->subspan(i);
      if (all_zero(rest.first(std::min(rest.size(), kFrameAlignment)))) continue;
      for (std::size_t b = 0; b < std::min(rest.size(), kFrameAlignment); ++b) {
        if (rest[b] != std::byte{0}) tail.dirty_bytes = at + i + b + 1 - tail.offset;
      }
      if (rest.size() < kFrameHeaderBytes || !frame_magic_at(rest.data())) continue;
      const auto header = decode_frame_header(rest, scanner.seed(), at + i);
      if (!header || mutated(Mutation::no_look_behind_the_fault)) continue;
      tail.watermark = std::max(tail.watermark, header->durable_through);
      if (mutated(Mutation::later_frame_proves_damage)) tail.watermark = header->last();
    }
  }
}

ProvenEnd nothing_proven(const FrameScanner& scanner, const SegmentHeader& header) {
  return {.offset = scanner.position(), .chain = header.crc, .last = header.first - 1};
}

struct Passed {
  std::uint64_t begin = 0;
  std::uint32_t previous_chain = 0;
  bool is_proven = false;
};

// Markers, closes and seals prove nothing and count only if something proven stands behind them.
void note(ProvenEnd& end, const FrameScanner& scanner, const FrameHeader& header, Passed passed) {
  if (header.is(FrameKind::seal)) {
    end.seal_offset = passed.begin;
    end.seal_prev_chain = passed.previous_chain;
  }
  const bool moves_ids = header.is(FrameKind::entries) || header.is(FrameKind::loss);
  if (!moves_ids || !passed.is_proven) return;
  end.offset = scanner.position();
  end.chain = header.crc;
  end.last = scanner.expected() - 1;
}

}  // namespace

Result<Tail> read_tail(File& file, const SegmentHeader& header, std::uint64_t frame_bytes_max) {
  FrameScanner scanner(file, header, frame_bytes_max);
  Tail tail{.watermark = header.durable_through, .end = nothing_proven(scanner, header)};
  bool ends_in_seal = false;
  for (;;) {
    const std::uint64_t before = scanner.position();
    const std::uint32_t chain = scanner.chain();
    const auto frame = scanner.next();
    if (!frame) return frame.error();
    if (!*frame) break;
    note(tail.end, scanner, (*frame)->header, {before, chain, /*is_proven=*/true});
    tail.watermark = std::max(tail.watermark, (*frame)->header.durable_through);
    ends_in_seal = (*frame)->header.is(FrameKind::seal);
  }
  if (scanner.over_readers_cap()) return scanner.cap_error();
  tail.offset = scanner.position();
  tail.expected = scanner.expected();
  tail.chain = scanner.chain();
  tail.time_ns = scanner.time_ns();
  if (Status ok = search_behind(scanner, tail); !ok) return ok.error();
  if (tail.dirty_bytes > 0) {
    const auto shape = shape_of_fault(scanner);
    if (!shape) return shape.error();
    tail.shape = *shape;
  }
  const auto size = file.size();
  if (!size) return size.error();
  tail.sealed = ends_in_seal && *size == tail.offset;
  return tail;
}

Result<ProvenEnd> find_proven_end(File& file, const SegmentHeader& header,
                                  std::uint64_t frame_bytes_max, EntryId proven) {
  FrameScanner scanner(file, header, frame_bytes_max);
  ProvenEnd end = nothing_proven(scanner, header);
  for (;;) {
    const std::uint64_t before = scanner.position();
    const std::uint32_t chain = scanner.chain();
    const auto frame = scanner.next();
    if (!frame) return frame.error();
    if (!*frame) return end;
    const bool counts =
        scanner.expected() - 1 <= proven || mutated(Mutation::unproven_taken_for_proven);
    note(end, scanner, (*frame)->header, {before, chain, counts});
  }
}

}  // namespace walkit::log
