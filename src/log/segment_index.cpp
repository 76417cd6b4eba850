#include "log/segment_index.hpp"

#include <algorithm>

#include "log/last_frame.hpp"

namespace walkit::log {
namespace {

std::optional<IndexEntry> higher(std::optional<IndexEntry> a, std::optional<IndexEntry> b) {
  if (!a || !b) return a ? a : b;
  return a->first < b->first ? b : a;
}

// The lines of the seal at `offset`, if one stands there and it ends the file.
Result<std::optional<std::vector<IndexEntry>>> read_seal(File& file, const SegmentHeader& segment,
                                                         const FramePlace& place,
                                                         std::uint64_t file_end) {
  std::optional<std::vector<IndexEntry>> lines;
  FrameScanner scanner(file, segment, kControlFrameBytesMax, kControlFrameBytesMax);
  seek(scanner, place);
  const auto seal = scanner.next();
  if (!seal) return seal.error();
  if (!*seal || !(*seal)->header.is(FrameKind::seal) || scanner.position() != file_end) {
    return lines;
  }
  lines = decode_seal((*seal)->body);
  return lines;
}

}  // namespace

SegmentIndex::SegmentIndex(const SegmentHeader& segment)
    : scanned_{first_frame_offset(segment.layout), segment.first, segment.crc},
      watermark_(segment.durable_through) {}

Status SegmentIndex::load_seal(File& file, const SegmentHeader& segment,
                               const SegmentHeader* next) {
  const auto size = file.size();
  if (!size) return size.error();
  FramePlace place;
  std::uint64_t file_end = *size;
  if (next != nullptr) {
    if (next->prev_seal_end == 0 || next->prev_seal_end != file_end) return {};
    place = {next->prev_end, next->first, next->prev_chain};
  } else {
    const auto seal = find_last(file, segment, FrameKind::seal, file_end);
    if (!seal) return seal.error();
    if (!*seal) return {};
    place = {(*seal)->offset, (*seal)->first, {}};
  }
  auto lines = read_seal(file, segment, place, file_end);
  if (!lines) return lines.error();
  if (!*lines) return {};
  if (sealed_.take(std::move(**lines), first_frame_offset(segment.layout), place.offset)) {
    seal_ = place;
  }
  return {};
}

Status SegmentIndex::extend(FrameScanner& scanner, EntryId id, EntryId header_only) {
  if (seal_ || scanned_.expected > id) return {};
  seek(scanner, scanned_);
  while (scanner.expected() <= id) {
    std::optional<FrameHeader> header;
    if (scanner.expected() <= header_only) {
      auto found = scanner.next_header();
      if (!found) return found.error();
      header = *found;
    } else {
      const auto found = scanner.next();
      if (!found) return found.error();
      if (*found) header = (*found)->header;
    }
    if (!header) break;
    if (header->is(FrameKind::entries)) own_.note(*header);
    watermark_ = std::max(watermark_, header->durable_through);
  }
  scanned_ = {scanner.position(), scanner.expected(), scanner.chain()};
  return {};
}

std::optional<IndexEntry> SegmentIndex::floor(EntryId id) const {
  if (scanned_.expected > id) return own_.floor(id);
  return higher(own_.floor(id), sealed_.floor(id));
}

std::optional<IndexEntry> SegmentIndex::above(EntryId id) const {
  const auto own = own_.above(id);
  return own ? own : sealed_.above(id);
}

std::optional<IndexEntry> SegmentIndex::before_time(std::uint64_t time_ns) const {
  return higher(own_.before_time(time_ns), sealed_.before_time(time_ns));
}

void SegmentIndex::drop(const IndexEntry& line) {
  seal_.reset();
  sealed_.drop(line);
  own_.drop(line);
}

}  // namespace walkit::log
