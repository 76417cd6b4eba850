#include "log/indexed_segment.hpp"

#include <algorithm>

#include "base/mutation.hpp"
#include "log/reading.hpp"

namespace walkit::log {
namespace {

constexpr std::size_t kStepBytes = 64 << 10;  // read at a time: what a line of the index leads to
// Kept of a step for reading it backward; the rest is walked again.
constexpr std::uint64_t kBackwardBytes = 128 << 10;
constexpr std::size_t kBackwardHeaders = kBackwardBytes / kFrameHeaderBytes;

bool is_line(const FrameHeader& header, const IndexEntry& line) {
  return header.first == line.first && header.time_ns == line.time_ns;
}

// The last of them, so few that one piece of the file holds them, and that piece in the window: who
// goes down from frame to frame must not read it for each.
Status keep_for_backward(FrameScanner& scanner, std::vector<FrameHeader>& headers,
                         std::uint64_t end) {
  const auto kept = std::find_if(headers.begin(), headers.end() - 1, [&](const FrameHeader& h) {
    return end - h.offset <= kBackwardBytes;
  });
  headers.erase(headers.begin(), kept);
  const std::uint64_t begin = headers.front().offset;
  const auto loaded = scanner.window().at(begin, end - begin);
  return loaded ? Status{} : Status(loaded.error());
}

}  // namespace

Result<std::unique_ptr<IndexedSegment>> IndexedSegment::open(Directory& directory,
                                                             const SegmentFile& file,
                                                             const Context& context) {
  auto opened = open_segment(directory, file);
  if (!opened) return opened.error();
  if (context.type != nullptr) {
    if (Status ok = check_type(opened->header, *context.type, file.file); !ok) return ok.error();
  }
  if (context.manifest != nullptr && opened->header.log != context.manifest->log) {
    return damage(file.file, "belongs to another log");
  }
  std::unique_ptr<IndexedSegment> segment(
      new IndexedSegment(file.file, std::move(*opened), context));
  if (context.next != nullptr) {
    const auto next = open_segment(directory, *context.next);
    if (!next) return next.error();
    Status linked = check_link(segment->header(), next->header, context.next->file);
    if (!linked) return linked.error();
    segment->next_ = next->header;
  }
  Status loaded = segment->index_.load_seal(*segment->segment_.file, segment->header(),
                                            segment->next_ ? &*segment->next_ : nullptr);
  if (!loaded) return loaded.error();
  return segment;
}

FramePlace IndexedSegment::begin() const {
  return {first_frame_offset(header().layout), header().first, header().crc};
}

std::optional<FramePlace> IndexedSegment::end() const {
  if (!next_) return std::nullopt;
  return FramePlace{next_->prev_end, next_->first, next_->prev_chain};
}

FrameScanner IndexedSegment::scanner() {
  return {*segment_.file, segment_.header, frame_bytes_max_, kStepBytes};
}

// A segment with a successor ends where that one says, whatever is known of the log.
IndexedSegment::Reach IndexedSegment::here(const Reach& log) const {
  return next_ ? Reach{.through = next_->prev_last} : log;
}

// none: a fault, or where the segment ends.
Result<std::optional<FrameHeader>> IndexedSegment::next_header(FrameScanner& scanner,
                                                               const Reach& reach) {
  if (next_ && scanner.position() >= next_->prev_end) return std::optional<FrameHeader>{};
  if (!reach.whole_frames || scanner.expected() <= reach.through) return scanner.next_header();
  const auto frame = scanner.next();
  if (!frame) return frame.error();
  return *frame ? std::optional((*frame)->header) : std::nullopt;
}

void IndexedSegment::seek_line(FrameScanner& scanner, const std::optional<IndexEntry>& line) const {
  if (line) {
    scanner.seek(line->offset, line->first);
  } else {
    seek(scanner, begin());
  }
}

Result<FrameHeader> IndexedSegment::pass(FrameScanner& scanner, EntryId id, const Reach& log) {
  const Reach reach = here(log);
  for (;;) {
    if (Status ok = index_.extend(scanner, id, reach.through); !ok) return ok.error();
    const auto line = index_.floor(id);
    seek_line(scanner, line);
    std::optional<FrameHeader> passed;
    while (scanner.expected() <= id) {
      const auto header = next_header(scanner, reach);
      if (!header) return header.error();
      if (!*header || (!passed && line && !is_line(**header, *line))) break;
      passed = *header;
    }
    if (passed && scanner.expected() > id) return *passed;
    if (passed || !line || mutated(Mutation::seal_index_trusted)) {
      return fault(scanner, id, reach);
    }
    index_.drop(*line);
  }
}

Result<IndexedSegment::Whole> IndexedSegment::last_whole() {
  if (const auto& seal = index_.seal()) return Whole{seal->expected - 1, seal->expected - 1};
  FrameScanner scanner = this->scanner();
  if (Status ok = index_.extend(scanner, EntryId::max(), EntryId{}); !ok) return ok.error();
  return Whole{index_.scanned().expected - 1, index_.watermark()};
}

// As a replay that came to its end would.
Status IndexedSegment::check_seal() {
  if (!next_ || next_->prev_seal_end == 0) return {};
  FrameScanner scanner = this->scanner();
  seek(scanner, *end());
  return log::check_seal(scanner, *segment_.file, name_, next_->previous());
}

Result<FrameHeader> IndexedSegment::find(FrameScanner& scanner, EntryId id, const Reach& reach) {
  auto header = pass(scanner, id, reach);
  if (!header || !header->is(FrameKind::loss)) return header;
  const auto frame = read(scanner, *header);
  if (!frame) return frame.error();
  const auto loss = decode_loss(frame->body);
  return recorded_loss(name_, loss ? *loss : LossBody{.entries = {id, id}}, header->offset);
}

Result<FrameView> IndexedSegment::read(FrameScanner& scanner, const FrameHeader& header) {
  scanner.seek(header.offset, header.first, header.chain);
  const auto frame = scanner.next();
  if (!frame) return frame.error();
  if (*frame) return **frame;
  const EntryId last = header.count > 0 ? header.last() : header.first;
  return fault(scanner, header.first, {.through = last});
}

// What stands where a frame should hold an entry. Ids behind it may be there, but nothing leads to
// them before the next line of the index that holds.
Error IndexedSegment::fault(FrameScanner& scanner, EntryId id, const Reach& reach) {
  const EntryId expected = scanner.expected();
  if (expected > reach.through) return beyond_the_end(id, expected - 1);
  if (next_ && scanner.position() >= next_->prev_end) {
    return damage(name_, "ends otherwise than its successor says", {expected, reach.through},
                  scanner.position());
  }
  if (scanner.over_readers_cap()) {
    Error too_large = scanner.cap_error();
    too_large.file = name_;
    return too_large;
  }
  if (scanner.fault() == FrameFault::unknown) {
    return newer_frame(name_, scanner.position());
  }
  EntryIdRange gone{expected, reach.through};
  const auto& header = scanner.fault_header();
  const std::uint64_t offset = scanner.position();
  if (scanner.fault() == FrameFault::body && header && header->count > 0) {
    gone.last = header->last();
  } else {
    const auto last = last_gone(id, reach.through);
    if (!last) return last.error();
    gone.last = *last;
  }
  return damage(name_, "no valid frame where acknowledged entries were", gone, offset);
}

Result<EntryId> IndexedSegment::last_gone(EntryId id, EntryId through) {
  FrameScanner scanner = this->scanner();
  for (auto line = index_.above(id); line && line->first <= through; line = index_.above(id)) {
    seek_line(scanner, line);
    const auto header = scanner.next_header();
    if (!header) return header.error();
    if (*header && is_line(**header, *line)) return line->first - 1;
    index_.drop(*line);
  }
  return through;
}

Result<std::optional<FrameHeader>> IndexedSegment::find_since(FrameScanner& scanner,
                                                              std::uint64_t time_ns,
                                                              const Reach& log) {
  const Reach reach = here(log);
  const EntryId all = reach.whole_frames ? EntryId::max() : reach.through;
  for (;;) {
    if (time_ns > 0) {
      if (Status ok = index_.extend(scanner, all, reach.through); !ok) return ok.error();
    }
    const auto line = index_.before_time(time_ns);
    if (line && line->first > all) return std::optional<FrameHeader>{};
    seek_line(scanner, line);
    bool walked = false;
    while (scanner.expected() <= all) {
      const auto header = next_header(scanner, reach);
      if (!header) return header.error();
      if (!*header || (!walked && line && !is_line(**header, *line))) break;
      walked = true;
      if ((*header)->is(FrameKind::entries) && (*header)->time_ns >= time_ns) return *header;
    }
    if (line && !walked) {
      index_.drop(*line);
      continue;
    }
    if (scanner.expected() > reach.through) return std::optional<FrameHeader>{};
    return fault(scanner, scanner.expected(), reach);
  }
}

Result<std::vector<FrameHeader>> IndexedSegment::step_below(FrameScanner& scanner,
                                                            FramePlace& upper) {
  std::vector<FrameHeader> headers;
  const FramePlace begin = this->begin();
  while (upper.offset > begin.offset) {
    const EntryId below = upper.expected - 1;
    if (Status ok = index_.extend(scanner, below, below); !ok) return ok.error();
    const auto line = below >= header().first ? index_.floor(below) : std::nullopt;
    seek_line(scanner, line);
    while (scanner.position() < upper.offset) {
      const auto header = scanner.next_header();
      if (!header) return header.error();
      if (!*header || (headers.empty() && line && !is_line(**header, *line))) break;
      if (headers.size() == 2 * kBackwardHeaders) {
        headers.erase(headers.begin(), headers.begin() + kBackwardHeaders);
      }
      headers.push_back(**header);
    }
    const bool meets = scanner.position() == upper.offset && scanner.expected() == upper.expected &&
                       (!upper.chain || scanner.chain() == *upper.chain);
    if (meets && !headers.empty()) {
      if (Status ok = keep_for_backward(scanner, headers, upper.offset); !ok) return ok.error();
      upper = {headers.front().offset, headers.front().first, headers.front().chain};
      return headers;
    }
    if (!headers.empty() || !line) {
      if (scanner.position() >= upper.offset || scanner.expected() > below) {
        return damage(name_, "frames that do not meet those behind them",
                      {scanner.expected(), below}, scanner.position());
      }
      return fault(scanner, scanner.expected(), {.through = below});
    }
    index_.drop(*line);
  }
  if (upper.offset == begin.offset && upper.expected == begin.expected &&
      (!upper.chain || *upper.chain == *begin.chain)) {
    return headers;
  }
  return damage(name_, "frames that do not meet their segment's header",
                {begin.expected, upper.expected - 1}, begin.offset);
}

}  // namespace walkit::log
