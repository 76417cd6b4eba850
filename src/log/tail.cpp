#include "log/tail.hpp"

#include <algorithm>

#include "base/little_endian.hpp"
#include "base/mutation.hpp"
#include "log/last_frame.hpp"
#include "log/sparse_index.hpp"

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

ProvenEnd nothing_proven(const SegmentHeader& header) {
  return {
      .offset = first_frame_offset(header.layout), .chain = header.crc, .last = header.first - 1};
}

// Markers, closes and seals prove nothing and count only if something proven stands behind them.
bool moves_ids(const FrameHeader& header) {
  return header.is(FrameKind::entries) || header.is(FrameKind::loss);
}

ProvenEnd behind(const FrameScanner& scanner, const FrameHeader& header) {
  return {.offset = scanner.position(), .chain = header.crc, .last = scanner.expected() - 1};
}

Error unsteady(const FrameScanner& scanner, EntryId wanted) {
  return {.code = Errc::io,
          .message = "read otherwise than a moment ago: no frame leads to entry " +
                     to_string(wanted) + " now",
          .offset = scanner.position(),
          .next_step = "check the device, then open the log again; nothing was changed"};
}

// Which frame is the last proven one is known only when all watermarks are. Its place is near a
// line of the index: of the frames there the headers are read again, and nothing else.
Result<ProvenEnd> find_proven_end(File& file, const SegmentHeader& header,
                                  std::uint64_t frame_bytes_max, const SparseIndex& index,
                                  EntryId proven) {
  FrameScanner scanner(file, header, frame_bytes_max, kStepBytes);
  ProvenEnd end = nothing_proven(header);
  auto line = index.floor(proven);
  // One more, so that a whole frame stands before the one that may be proven in part.
  if (line) line = index.floor(line->first - 1);
  if (line) scanner.seek(line->offset, line->first);
  while (scanner.expected() <= proven) {
    const auto frame = scanner.next_header();
    if (!frame) return frame.error();
    if (!*frame) return unsteady(scanner, proven);
    if (moves_ids(**frame) && scanner.expected() - 1 <= proven) end = behind(scanner, **frame);
  }
  return end;
}

}  // namespace

Result<ProvenEnd> check_through(File& file, const SegmentHeader& header,
                                std::uint64_t frame_bytes_max, EntryId last) {
  FrameScanner scanner(file, header, frame_bytes_max);
  ProvenEnd end = nothing_proven(header);
  while (end.last < last) {
    const auto frame = scanner.next();
    if (!frame) return frame.error();
    if (!*frame) break;
    if (moves_ids((*frame)->header)) end = behind(scanner, (*frame)->header);
  }
  return end;
}

Result<Tail> read_tail(File& file, const SegmentHeader& header, std::uint64_t frame_bytes_max,
                       EntryId known_durable) {
  FrameScanner scanner(file, header, frame_bytes_max);
  Tail tail{.watermark = header.durable_through, .proven = nothing_proven(header)};
  SparseIndex index;
  for (;;) {
    const SegmentEnd before{header.number, scanner.expected() - 1, scanner.position(), 0,
                            scanner.chain()};
    const auto frame = scanner.next();
    if (!frame) return frame.error();
    if (!*frame) break;
    const FrameHeader& passed = (*frame)->header;
    tail.watermark = std::max(tail.watermark, passed.durable_through);
    tail.sealed.reset();
    if (passed.is(FrameKind::seal)) tail.sealed = before;
    if (moves_ids(passed)) tail.proven = behind(scanner, passed);
    if (passed.is(FrameKind::entries)) index.note(passed);
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
  if (*size != tail.offset) tail.sealed.reset();
  if (tail.sealed) tail.sealed->seal_end = tail.offset;
  const EntryId proven = std::max(known_durable, tail.watermark);
  if (proven >= tail.last() || mutated(Mutation::unproven_taken_for_proven)) return tail;
  const auto end = find_proven_end(file, header, frame_bytes_max, index, proven);
  if (!end) return end.error();
  tail.proven = *end;
  return tail;
}

Result<std::optional<Tail>> read_closed_tail(File& file, const SegmentHeader& header,
                                             EntryId last) {
  std::optional<Tail> tail;
  const auto size = file.size();
  if (!size) return size.error();
  const auto close = find_last(file, header, FrameKind::close, *size);
  if (!close) return close.error();
  if (!*close) return tail;
  FrameScanner scanner(file, header, kControlFrameBytesMax, kStepBytes);
  scanner.seek((*close)->offset, last + 1);
  auto frame = scanner.next();
  if (!frame) return frame.error();
  const SegmentEnd end{header.number, last, scanner.position(), *size, scanner.chain()};
  frame = scanner.next();
  if (!frame) return frame.error();
  const bool sealed = *frame && (*frame)->header.is(FrameKind::seal) &&
                      scanner.position() == *size && decode_seal((*frame)->body).has_value();
  if (!sealed) return tail;
  tail = Tail{.offset = *size,
              .expected = last + 1,
              .watermark = (*frame)->header.durable_through,
              .chain = scanner.chain(),
              .time_ns = scanner.time_ns(),
              .proven = {.offset = end.end, .chain = end.chain, .last = last},
              .sealed = end};
  return tail;
}

}  // namespace walkit::log
