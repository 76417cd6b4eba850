#include "log/frame.hpp"

#include <algorithm>
#include <cstring>

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "base/mutation.hpp"

namespace walkit::log {
namespace {

// Never zero and never a text, so that neither prefilled space nor a payload parses by chance.
constexpr std::array<std::byte, 4> kFrameMagic = {std::byte{0xF7}, std::byte{'W'}, std::byte{'f'},
                                                  std::byte{'r'}};
// The last byte of a header: a header torn by a prefix lacks it.
constexpr std::byte kEndMark{0xA5};

constexpr std::size_t kCrcOffset = 4, kStoredOffset = 8, kBodyOffset = 12, kFirstOffset = 16,
                      kDurableOffset = 24, kPlaceOffset = 32, kTimeOffset = 40, kChainOffset = 48,
                      kBodyCrcOffset = 52, kCountOffset = 56, kKindOffset = 60, kFlagsOffset = 61,
                      kEndMarkOffset = 63;
static_assert(kEndMarkOffset + 1 == kFrameHeaderBytes && kFlagsOffset + 2 == kEndMarkOffset);

constexpr std::uint32_t kPaddingMax = kBlockBytes;

}  // namespace

std::uint32_t frame_seed(std::uint64_t salt) noexcept {
  if (mutated(Mutation::salt_left_out)) return 0;
  std::array<std::byte, 8> bytes;
  store_le(bytes.data(), salt);
  return crc32c(bytes);
}

void encode_frame_header(FrameHeader& h, std::uint32_t seed, std::byte* into) noexcept {
  std::copy(kFrameMagic.begin(), kFrameMagic.end(), into);
  store_le(into + kStoredOffset, h.stored_bytes);
  store_le(into + kBodyOffset, h.body_bytes);
  store_le(into + kFirstOffset, h.first.value);
  store_le(into + kDurableOffset, h.durable_through.value);
  store_le(into + kPlaceOffset, h.offset);
  store_le(into + kTimeOffset, h.time_ns);
  store_le(into + kChainOffset, h.chain);
  store_le(into + kBodyCrcOffset, h.body_crc);
  store_le(into + kCountOffset, h.count);
  store_le(into + kKindOffset, h.kind);
  store_le(into + kFlagsOffset, h.flags);
  into[kEndMarkOffset] = kEndMark;
  h.crc = crc32c({into + kStoredOffset, kFrameHeaderBytes - kStoredOffset}, seed);
  store_le(into + kCrcOffset, h.crc);
}

std::optional<FrameHeader> decode_frame_header(BytesView bytes, std::uint32_t seed,
                                               std::uint64_t offset) noexcept {
  if (bytes.size() < kFrameHeaderBytes) return std::nullopt;
  const std::byte* at = bytes.data();
  if (!frame_magic_at(at) || at[kEndMarkOffset] != kEndMark) return std::nullopt;
  FrameHeader h;
  h.crc = load_le<std::uint32_t>(at + kCrcOffset);
  const std::uint32_t crc = crc32c({at + kStoredOffset, kFrameHeaderBytes - kStoredOffset}, seed);
  if (crc != h.crc && !mutated(Mutation::header_sum_not_checked)) return std::nullopt;
  h.stored_bytes = load_le<std::uint32_t>(at + kStoredOffset);
  h.body_bytes = load_le<std::uint32_t>(at + kBodyOffset);
  h.first = EntryId{load_le<std::uint64_t>(at + kFirstOffset)};
  h.durable_through = EntryId{load_le<std::uint64_t>(at + kDurableOffset)};
  h.offset = load_le<std::uint64_t>(at + kPlaceOffset);
  h.time_ns = load_le<std::uint64_t>(at + kTimeOffset);
  h.chain = load_le<std::uint32_t>(at + kChainOffset);
  h.body_crc = load_le<std::uint32_t>(at + kBodyCrcOffset);
  h.count = load_le<std::uint32_t>(at + kCountOffset);
  h.kind = load_le<std::uint8_t>(at + kKindOffset);
  h.flags = load_le<std::uint16_t>(at + kFlagsOffset);
  const bool in_place = h.offset == offset || mutated(Mutation::offset_not_checked);
  const bool possible =
      in_place && h.body_bytes <= h.stored_bytes && h.stored_bytes - h.body_bytes < kPaddingMax &&
      (h.count == 0) == !h.is(FrameKind::entries) && h.first.value != 0 &&
      h.first.value + h.count >= h.first.value && next_frame_offset(h.end()) == h.end();
  return possible ? std::optional(h) : std::nullopt;
}

std::optional<std::uint64_t> take_varint(BytesView& from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t n = 0; n < from.size(); ++n) {
    const auto byte = std::to_integer<std::uint64_t>(from[n]);
    if (n == kVarintBytesMax - 1 && byte > 1) return std::nullopt;  // so that it ends here
    value |= (byte & 0x7f) << (7 * n);
    if (byte >= 0x80) continue;
    if (byte == 0 && n > 0) return std::nullopt;
    from = from.subspan(n + 1);
    return value;
  }
  return std::nullopt;
}

bool is_known(const FrameHeader& header) noexcept {
  const bool known_kind = header.kind >= static_cast<std::uint8_t>(FrameKind::entries) &&
                          header.kind <= static_cast<std::uint8_t>(FrameKind::seal);
  const bool skippable = (header.kind & kSkippableKind) != 0;
  const unsigned flags = header.is(FrameKind::entries) ? kFlagsKnown : 0u;
  return (known_kind || skippable) && (header.flags & ~flags) == 0;
}

namespace {

Error newer(std::string what) {
  return {.code = Errc::incompatible,
          .message = std::move(what) + " is not known to this walkit",
          .next_step = "open it with the walkit that wrote it, or a newer one"};
}

// Algorithm and length, and that it was worth it.
Status take_compression(BodyParts& parts) {
  const Error cut{.code = Errc::decode, .message = "compressed entries cut short"};
  const std::size_t body_bytes = parts.stored.size();
  if (parts.stored.empty()) return cut;
  const auto algorithm = std::to_integer<std::uint8_t>(parts.stored.front());
  parts.stored = parts.stored.subspan(1);
  parts.compression = static_cast<Compression>(algorithm);
  if (parts.compression != Compression::lz4 && parts.compression != Compression::zstd) {
    return newer("compression of kind " + std::to_string(algorithm));
  }
  const auto bytes = take_varint(parts.stored);
  if (!bytes) return cut;
  if (*bytes > kCompressedEntriesMax) {
    return Error{.code = Errc::decode, .message = "compressed entries of more than a frame"};
  }
  parts.entries_bytes = *bytes;
  if (body_bytes < parts.entries_bytes) return {};
  return Error{.code = Errc::decode, .message = "compressed entries larger than plain ones"};
}

}  // namespace

Result<BodyParts> split_body(const FrameHeader& header, BytesView body) {
  if (!is_known(header)) {
    return newer("frame of kind " + std::to_string(header.kind) + " with flags " +
                 std::to_string(header.flags));
  }
  BodyParts parts{.stored = body};
  const Error cut{.code = Errc::decode, .message = "frame body cut short"};
  if ((header.flags & kFlagSchema) != 0) {
    const auto schema = take_varint(parts.stored);
    if (!schema || *schema == 0 || *schema > 0xffffffffu) return cut;
    parts.extras.schema = static_cast<std::uint32_t>(*schema);
  }
  if ((header.flags & kFlagRehomed) != 0) {
    const auto epoch = take_varint(parts.stored);
    if (!epoch) return cut;
    parts.extras.original_epoch = *epoch;
  }
  parts.extras_bytes = body.size() - parts.stored.size();
  parts.entries_bytes = parts.stored.size();
  if ((header.flags & kFlagCompressed) != 0) {
    if (Status ok = take_compression(parts); !ok) return ok.error();
  }
  return parts;
}

std::optional<BytesView> PayloadCursor::next_long() noexcept {
  const auto bytes = take_varint(rest_);
  if (!bytes || *bytes > rest_.size()) return std::nullopt;
  const BytesView payload = rest_.first(*bytes);
  rest_ = rest_.subspan(*bytes);
  return payload;
}

Status check_entries(const FrameHeader& header, BytesView entries, std::uint64_t entry_bytes_max) {
  if (!header.is(FrameKind::entries)) return {};
  PayloadCursor cursor(entries);
  for (std::uint32_t i = 0; i < header.count; ++i) {
    const auto payload = cursor.next();
    if (payload && payload->size() > entry_bytes_max) {
      return Error{.code = Errc::decode, .message = "an entry above the log's max_entry_bytes"};
    }
    if (!payload) {
      return Error{.code = Errc::decode,
                   .message = "frame body holds fewer entries than its header says"};
    }
  }
  if (!cursor.at_end()) {
    return Error{.code = Errc::decode, .message = "frame body goes on behind its last entry"};
  }
  return {};
}

Bytes encode_loss(const LossBody& loss) {
  Bytes body(16 + loss.cause.size());
  store_le(body.data(), loss.entries.first.value);
  store_le(body.data() + 8, loss.entries.last.value);
  std::memcpy(body.data() + 16, loss.cause.data(), loss.cause.size());
  return body;
}

std::optional<LossBody> decode_loss(BytesView body) {
  if (body.size() < 16) return std::nullopt;
  LossBody loss{.entries = {EntryId{load_le<std::uint64_t>(body.data())},
                            EntryId{load_le<std::uint64_t>(body.data() + 8)}},
                .cause = std::string(as_text(body.subspan(16)))};
  if (loss.entries.empty() || loss.entries.last == EntryId::max()) return std::nullopt;
  return loss;
}

void encode_seal(const std::vector<IndexEntry>& index, std::byte* into) noexcept {
  store_le(into, static_cast<std::uint64_t>(index.size()));
  into += 8;
  for (const IndexEntry& entry : index) {
    store_le(into, entry.first.value);
    store_le(into + 8, entry.offset);
    store_le(into + 16, entry.time_ns);
    into += kIndexEntryBytes;
  }
}

std::optional<std::vector<IndexEntry>> decode_seal(BytesView body) {
  if (body.size() < 8) return std::nullopt;
  const auto count = load_le<std::uint64_t>(body.data());
  if (count > body.size() / kIndexEntryBytes || body.size() != seal_body_bytes(count)) {
    return std::nullopt;
  }
  std::vector<IndexEntry> index(count);
  const std::byte* at = body.data() + 8;
  for (IndexEntry& entry : index) {
    entry = {EntryId{load_le<std::uint64_t>(at)}, load_le<std::uint64_t>(at + 8),
             load_le<std::uint64_t>(at + 16)};
    at += kIndexEntryBytes;
  }
  return index;
}

}  // namespace walkit::log
