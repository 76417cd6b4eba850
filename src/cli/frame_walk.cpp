#include "cli/frame_walk.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "log/compression.hpp"

namespace walkit::cli {
namespace {

using namespace log;

constexpr std::size_t kStepBytes = 64 << 10;
static_assert(kStepBytes % kFrameAlignment == 0);

std::uint64_t limit_of(const FrameHeader& header, std::uint64_t frame_bytes_max) {
  return header.is(FrameKind::entries)
             ? frame_bytes_max + kFrameExtraBytesMax
             : std::max<std::uint64_t>(frame_bytes_max, kControlFrameBytesMax);
}

EntryIdRange between(EntryId expected, EntryId first) {
  if (expected == EntryId{} || first <= expected) return {};
  return {expected, first - 1};
}

// Decompresses what is compressed, so that it is known to be whole.
std::string body_fault(const FrameHeader& header, BytesView body, std::uint64_t frame_bytes_max) {
  const auto parts = split_body(header, body);
  if (!parts) return parts.error().message;
  if (header.is(FrameKind::loss) && !decode_loss(body)) return "a loss that is none";
  if (!header.is(FrameKind::entries)) return "";
  if (kFrameHeaderBytes + parts->plain_bytes() > limit_of(header, frame_bytes_max)) {
    return "a frame above the limit once it is decompressed";
  }
  Decompressor decompressor;
  const auto entries = decompressor.entries_of(*parts);
  if (!entries) return entries.error().message;
  const Status fits = check_entries(header, *entries);
  return fits ? "" : fits.error().message;
}

}  // namespace

std::string why_no_header(BytesView bytes, std::uint32_t seed, std::uint64_t offset) {
  constexpr std::size_t kCrcOffset = 4, kCoveredOffset = 8;
  if (bytes.size() < kFrameHeaderBytes) return "the file ends inside a frame header";
  if (!frame_magic_at(bytes.data())) return "no frame: its magic is missing";
  if (bytes[kFrameHeaderBytes - 1] != std::byte{0xA5}) {
    return "a frame header without its end mark";
  }
  const auto stored = load_le<std::uint32_t>(bytes.data() + kCrcOffset);
  const std::uint32_t computed =
      crc32c(bytes.subspan(kCoveredOffset, kFrameHeaderBytes - kCoveredOffset), seed);
  if (stored != computed) {
    return fmt::format("header checksum MISMATCH: expected {:08x}, computed {:08x}", stored,
                       computed);
  }
  return fmt::format("a frame header that does not belong at byte {}, or with impossible lengths",
                     offset);
}

FrameWalk::FrameWalk(File& file, Start start)
    : file_(file),
      window_(file),
      seed_(start.seed),
      frame_bytes_max_(start.frame_bytes_max),
      position_(start.offset),
      chain_(start.chain),
      expected_(start.expected) {}

Result<FrameWalk::Step> FrameWalk::next() {
  const auto head = window_.at(position_, kFrameHeaderBytes);
  if (!head) return head.error();
  Step step;
  if (const auto header = decode_frame_header(*head, seed_, position_)) {
    auto frame = look_at(*header);
    if (!frame) return frame.error();
    step.frame = std::move(*frame);
    position_ = header->end();
    chain_ = header->crc;
    expected_ = header->first + header->count;
    const auto loss = header->is(FrameKind::loss) ? decode_loss(step.frame->body) : std::nullopt;
    if (loss) expected_ = loss->entries.last + 1;
    return step;
  }
  auto bad = skip();
  if (!bad) return bad.error();
  step.bad = std::move(*bad);
  return step;
}

Result<FoundFrame> FrameWalk::look_at(const FrameHeader& header) {
  FoundFrame found{.header = header};
  found.missing = between(expected_, header.first);
  if (expected_ != EntryId{} && header.first != expected_) {
    found.fault =
        fmt::format("begins with entry {}, expected {}", header.first.value, expected_.value);
  } else if (chain_ && header.chain != *chain_) {
    found.fault =
        fmt::format("chain {:08x}, but the header before has {:08x}", header.chain, *chain_);
  }
  if (kFrameHeaderBytes + std::uint64_t{header.body_bytes} > limit_of(header, frame_bytes_max_)) {
    found.fault = fmt::format("larger than the limit of {} bytes", frame_bytes_max_);
    return found;
  }
  // Memory for what a header says is there is taken only if the file is that long.
  const auto size = file_.size();
  if (!size) return size.error();
  const std::uint64_t begin = header.offset + kFrameHeaderBytes;
  const std::uint64_t bytes =
      std::min<std::uint64_t>(header.stored_bytes, std::max(*size, begin) - begin);
  const auto stored = window_.at(begin, bytes);
  if (!stored) return stored.error();
  found.body = stored->first(std::min<std::size_t>(stored->size(), header.body_bytes));
  if (found.body.size() < header.body_bytes) {
    found.fault = fmt::format("cut short: {} of {} body bytes are there", found.body.size(),
                              header.body_bytes);
    return found;
  }
  found.body_crc = crc32c(found.body, seed_);
  if (*found.body_crc != header.body_crc) {
    found.fault = fmt::format("body checksum MISMATCH: expected {:08x}, computed {:08x}",
                              header.body_crc, *found.body_crc);
  } else if (!all_zero(stored->subspan(header.body_bytes))) {
    found.fault = "padding is not zero";
  } else if (found.fault.empty()) {
    found.fault = body_fault(header, found.body, frame_bytes_max_);
  }
  return found;
}

// From a place without a header to the next one that holds.
Result<std::optional<BadPlace>> FrameWalk::skip() {
  BadPlace bad{.begin = position_, .end = position_};
  const auto head = window_.at(position_, kFrameHeaderBytes);
  if (!head) return head.error();
  bad.fault = why_no_header(*head, seed_, position_);
  for (std::uint64_t at = position_;; at += kStepBytes) {
    // One header more, so that none is missed between two steps.
    const auto view = window_.at(at, kStepBytes + kFrameHeaderBytes);
    if (!view) return view.error();
    const BytesView step = view->first(std::min(view->size(), kStepBytes));
    const std::size_t searched = all_zero(step) ? 0 : step.size();
    for (std::size_t i = 0; i < searched; i += kFrameAlignment) {
      const BytesView rest = view->subspan(i);
      const BytesView word = rest.first(std::min(rest.size(), kFrameAlignment));
      if (all_zero(word)) continue;
      const auto header = rest.size() >= kFrameHeaderBytes && frame_magic_at(rest.data())
                              ? decode_frame_header(rest, seed_, at + i)
                              : std::nullopt;
      if (header) {
        bad.end = at + i;
        bad.next = header;
        bad.missing = between(expected_, header->first);
        position_ = bad.end;
        chain_ = std::nullopt;
        expected_ = header->first;
        return std::optional(std::move(bad));
      }
      for (std::size_t b = 0; b < word.size(); ++b) {
        if (word[b] != std::byte{0}) bad.end = at + i + b + 1;
      }
    }
    if (step.size() < kStepBytes) break;
  }
  if (bad.end == bad.begin) return std::nullopt;
  position_ = bad.end;
  return std::optional(std::move(bad));
}

}  // namespace walkit::cli
