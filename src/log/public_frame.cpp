#include "walkit/log/frame.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string>

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "log/frame.hpp"

namespace walkit::frame {
namespace {

using log::FrameHeader;
using log::FrameKind;
using log::kFrameBytesMax;
using log::kFrameExtraBytesMax;
using log::kFrameHeaderBytes;
using log::PayloadCursor;

// No file is longer, and no frame that begins below it ends beyond 64 bits.
constexpr std::uint64_t kOffsetMax = std::uint64_t{1} << 63;

Error bad(Errc code, Place place, std::string message) {
  return {.code = code, .message = std::move(message), .offset = place.offset};
}

Error out_of_memory() { return {.code = Errc::no_memory, .message = "out of memory"}; }

Status check_place(Place place) {
  if (place.offset < kOffsetMax && log::next_frame_offset(place.offset) == place.offset) return {};
  return bad(Errc::invalid_argument, place,
             "no frame begins at " + std::to_string(place.offset) +
                 ": a multiple of 8, with 64 bytes left in its 512, below 2^63");
}

/// Both directions have this limit; the schema number before the entries does not count.
Status check_size(std::uint64_t entries_bytes, Place place) {
  const std::uint64_t bytes = kFrameHeaderBytes + entries_bytes;
  if (bytes <= kFrameBytesMax) return {};
  return bad(Errc::too_large, place,
             "a frame of " + std::to_string(bytes) + " bytes; the format's limit is " +
                 std::to_string(kFrameBytesMax));
}

Status check_ids(const Frame& frame, Place place) {
  const auto wrong = [&](std::string what) {
    return bad(Errc::invalid_argument, place, std::move(what));
  };
  if (frame.entries.empty()) return wrong("a frame without entries");
  if (frame.entries.first == EntryId{}) return wrong("entry ids begin at 1");
  if (frame.entries.last == EntryId::max()) return wrong("the largest entry id is never used");
  if (frame.payloads.size() != frame.entries.size()) {
    return wrong(std::to_string(frame.payloads.size()) + " payloads for entries " +
                 to_string(frame.entries));
  }
  if (frame.durable_through >= frame.entries.first) {
    return wrong("durable_through is " + to_string(frame.durable_through) +
                 ", not below the first entry " + to_string(frame.entries.first));
  }
  return {};
}

/// Of the entries' part of a body; anything above the limit where it is above.
std::uint64_t entries_bytes_of(const Frame& frame) {
  std::uint64_t bytes = 0;
  for (const BytesView payload : frame.payloads) {
    if (payload.size() > kFrameBytesMax || bytes > kFrameBytesMax) return 2 * kFrameBytesMax;
    bytes += log::varint_bytes(payload.size()) + payload.size();
  }
  return bytes;
}

/// Header, body and padding, laid at `into`, which is zeros.
void lay(const Frame& frame, Place place, FrameHeader header, std::byte* into) {
  const std::uint32_t seed = log::frame_seed(place.salt);
  std::byte* const body = into + kFrameHeaderBytes;
  std::byte* at = body;
  if (frame.schema != 0) at += log::store_varint(frame.schema, at);
  for (const BytesView payload : frame.payloads) {
    at += log::store_varint(payload.size(), at);
    if (!payload.empty()) std::memcpy(at, payload.data(), payload.size());
    at += payload.size();
  }
  header.body_crc = crc32c({body, header.body_bytes}, seed);
  log::encode_frame_header(header, seed, into);
}

std::string kind_text(std::uint8_t kind) {
  constexpr std::array<const char*, 6> kNames = {"", "entries", "marker", "loss", "close", "seal"};
  return kind < kNames.size() ? kNames[kind] : "kind " + std::to_string(kind);
}

/// What fails of a header whose magic is right.
Error bad_header(BytesView header, std::uint32_t seed, Place place) {
  constexpr std::size_t kCrcOffset = 4, kCoveredOffset = 8, kPlaceOffset = 32;
  const auto crc = crc32c(header.subspan(kCoveredOffset), seed);
  if (load_le<std::uint32_t>(header.data() + kCrcOffset) != crc) {
    return bad(Errc::corrupt, place, "header checksum differs: damaged, or of another segment");
  }
  const auto offset = load_le<std::uint64_t>(header.data() + kPlaceOffset);
  if (offset != place.offset) {
    return bad(Errc::decode, place, "a frame that belongs at byte " + std::to_string(offset));
  }
  return bad(Errc::decode, place, "no frame: its header's lengths, count or ids cannot be");
}

Result<FrameHeader> read_header(BytesView bytes, Place place) {
  log::FrameHeaderBytes head;
  FrameHeader any;
  log::encode_frame_header(any, 0, head.data());  // for the magic, where bytes are cut short
  std::copy_n(bytes.begin(), std::min(bytes.size(), head.size()), head.begin());
  if (!log::frame_magic_at(head.data())) {
    return bad(Errc::decode, place, "no frame: it does not begin as one");
  }
  if (bytes.size() < kFrameHeaderBytes) {
    return bad(Errc::torn, place,
               "cut short: " + std::to_string(bytes.size()) + " bytes, a header has " +
                   std::to_string(kFrameHeaderBytes));
  }
  const std::uint32_t seed = log::frame_seed(place.salt);
  if (const auto header = log::decode_frame_header(head, seed, place.offset)) return *header;
  return bad_header(head, seed, place);
}

/// Its body, which is there whole and passes its checksum.
Result<BytesView> read_body(const FrameHeader& header, BytesView bytes, Place place) {
  const BytesView behind = bytes.subspan(kFrameHeaderBytes);
  if (behind.size() < header.stored_bytes) {
    return bad(Errc::torn, place,
               "cut short: " + std::to_string(bytes.size()) + " bytes of " +
                   std::to_string(kFrameHeaderBytes + std::uint64_t{header.stored_bytes}));
  }
  const BytesView body = behind.first(header.body_bytes);
  if (crc32c(body, log::frame_seed(place.salt)) != header.body_crc) {
    return bad(Errc::corrupt, place, "body checksum differs");
  }
  if (!all_zero(behind.first(header.stored_bytes).subspan(header.body_bytes))) {
    return bad(Errc::corrupt, place, "padding is not zero");
  }
  return body;
}

/// The entries of a body that passed its checksum.
Result<Frame> read_entries(const FrameHeader& header, BytesView body, Place place) {
  const auto parts = log::split_body(header, body);
  Status fits = parts ? Status{} : Status(parts.error());
  if (parts && parts->compression != Compression::none) {
    return bad(Errc::not_supported, place,
               "a compressed frame: its payloads cannot be borrowed. WalReader reads it");
  }
  if (parts && header.is(FrameKind::entries)) fits = log::check_entries(header, parts->stored);
  if (!fits) {
    Error error = fits.error();
    error.offset = place.offset;
    return error;
  }
  if (!header.is(FrameKind::entries)) {
    return bad(Errc::decode, place, "a control frame: " + kind_text(header.kind));
  }
  if (Status ok = check_size(parts->stored.size(), place); !ok) return ok.error();
  PayloadCursor cursor(parts->stored);
  Frame frame{.entries = {header.first, header.last()},
              .durable_through = header.durable_through,
              .schema = parts->extras.schema,
              .bytes = kFrameHeaderBytes + std::uint64_t{header.stored_bytes}};
  frame.payloads.reserve(header.count);  // each was seen
  while (const auto payload = cursor.next()) frame.payloads.push_back(*payload);
  if (frame.durable_through < frame.entries.first) return frame;
  return bad(Errc::decode, place, "its watermark is not below its first entry");
}

}  // namespace

Status encode(const Frame& frame, Place place, Bytes& out) try {
  if (Status ok = check_place(place); !ok) return ok;
  if (Status ok = check_ids(frame, place); !ok) return ok;
  const std::uint64_t entries_bytes = entries_bytes_of(frame);
  if (Status ok = check_size(entries_bytes, place); !ok) return ok;
  const std::uint64_t body_bytes =
      entries_bytes + (frame.schema == 0 ? 0 : log::varint_bytes(frame.schema));
  const std::uint64_t end = log::next_frame_offset(place.offset + kFrameHeaderBytes + body_bytes);
  const FrameHeader header{
      .stored_bytes = static_cast<std::uint32_t>(end - place.offset - kFrameHeaderBytes),
      .body_bytes = static_cast<std::uint32_t>(body_bytes),
      .first = frame.entries.first,
      .durable_through = frame.durable_through,
      .offset = place.offset,
      .count = static_cast<std::uint32_t>(frame.payloads.size()),
      .flags = frame.schema == 0 ? std::uint16_t{0} : log::kFlagSchema};
  // Beside `out`, which may hold the payloads and must stay as it is should memory run out.
  Bytes laid(end - place.offset);
  lay(frame, place, header, laid.data());
  if (out.capacity() - out.size() < laid.size()) {
    Bytes grown;
    grown.reserve(std::max(out.size() + laid.size(), 2 * out.size()));
    grown.assign(out.begin(), out.end());
    out.swap(grown);
  }
  out.insert(out.end(), laid.begin(), laid.end());
  return {};
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

Result<Frame> decode(BytesView bytes, Place place) try {
  if (const Status ok = check_place(place); !ok) return ok.error();
  const Result<FrameHeader> header = read_header(bytes, place);
  if (!header) return header.error();
  // Before the body is looked at, however much of it is there.
  const std::uint64_t extras = header->is(FrameKind::entries) ? kFrameExtraBytesMax : 0;
  if (header->body_bytes > extras) {
    if (const Status ok = check_size(header->body_bytes - extras, place); !ok) return ok.error();
  }
  const Result<BytesView> body = read_body(*header, bytes, place);
  if (!body) return body.error();
  return read_entries(*header, *body, place);
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

}  // namespace walkit::frame
