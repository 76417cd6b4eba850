#pragma once

// One frame: a header of 64 bytes and a body. See docs/format.md.

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "log/format.hpp"
#include "walkit/base/bytes.hpp"
#include "walkit/base/types.hpp"
#include "walkit/log/frame_entries.hpp"

namespace walkit::log {

enum class FrameKind : std::uint8_t { entries = 1, marker = 2, loss = 3, close = 4, seal = 5 };
/// What flags may put before the entries, beyond max_frame_bytes: two varints.
inline constexpr std::uint64_t kFrameExtraBytesMax = 32;
/// Control frames may be this large, however small the log's frames are.
inline constexpr std::uint64_t kControlFrameBytesMax = 64 << 10;
/// Set in the kind of a control frame that a reader who does not know it may pass over.
inline constexpr std::uint8_t kSkippableKind = 0x80;

// Frame flags. Those without a name here make the frame `incompatible`.
inline constexpr std::uint16_t kFlagSchema = 1u << 0;   // body begins with a schema number (varint)
inline constexpr std::uint16_t kFlagRehomed = 1u << 1;  // then the epoch it was first written in
inline constexpr std::uint16_t kFlagCompressed = 1u << 2;  // then how the entries are compressed
/// The most that entries may be before they are compressed: that of a frame.
inline constexpr std::uint64_t kCompressedEntriesMax = 1u << 30;
inline constexpr std::uint16_t kFlagsKnown = kFlagSchema | kFlagRehomed | kFlagCompressed;

struct FrameHeader {
  std::uint32_t stored_bytes = 0;  // body and zero padding; the next frame begins behind them
  std::uint32_t body_bytes = 0;
  EntryId first{};            // of a control frame: the id expected next
  EntryId durable_through{};  // the watermark, when the frame was handed to the kernel
  std::uint64_t offset = 0;   // its own place
  std::uint64_t time_ns = 0;  // never falls; information only
  std::uint32_t chain = 0;    // checksum of the previous header
  std::uint32_t body_crc = 0;
  std::uint32_t count = 0;  // of entries; 0: a control frame
  std::uint8_t kind = static_cast<std::uint8_t>(FrameKind::entries);
  std::uint16_t flags = 0;

  /// Of this header as it was read or written: the next frame's chain.
  std::uint32_t crc = 0;

  [[nodiscard]] EntryId last() const { return first + count - 1; }
  [[nodiscard]] bool is(FrameKind k) const { return kind == static_cast<std::uint8_t>(k); }
  [[nodiscard]] std::uint64_t end() const { return offset + kFrameHeaderBytes + stored_bytes; }
};

using FrameHeaderBytes = std::array<std::byte, kFrameHeaderBytes>;

/// The checksum seed of a segment's frames.
[[nodiscard]] std::uint32_t frame_seed(std::uint64_t salt) noexcept;

/// Sets header.crc. `into` takes kFrameHeaderBytes.
void encode_frame_header(FrameHeader& header, std::uint32_t seed, std::byte* into) noexcept;

/// The header at `offset`, if these bytes are one: magic, checksum, place, end mark, possible
/// lengths.
[[nodiscard]] std::optional<FrameHeader> decode_frame_header(BytesView bytes, std::uint32_t seed,
                                                             std::uint64_t offset) noexcept;

/// A kind and flags that this walkit reads, or may pass over.
[[nodiscard]] bool is_known(const FrameHeader& header) noexcept;

[[nodiscard]] inline bool frame_magic_at(const std::byte* at) noexcept {
  return at[0] == std::byte{0xF7} && at[1] == std::byte{'W'} && at[2] == std::byte{'f'} &&
         at[3] == std::byte{'r'};
}

/// What stands before the entries of a body, by flags.
struct FrameExtras {
  std::uint32_t schema = 0;          // 0: the segment's
  std::uint64_t original_epoch = 0;  // 0: written in the segment's own epoch
};

/// A body taken apart as its header's flags say. Three steps lead from a body whose checksum holds
/// to its entries: split_body, Decompressor::entries_of (compression.hpp), check_entries.
struct BodyParts {
  FrameExtras extras{};
  std::size_t extras_bytes = 0;
  Compression compression = Compression::none;
  std::uint64_t entries_bytes = 0;  // as a compressed body says, not yet known to be so
  BytesView stored{};               // the entries, or what they were compressed to

  /// Of the body if it were not compressed.
  [[nodiscard]] std::uint64_t plain_bytes() const { return extras_bytes + entries_bytes; }
};
/// decode: the extras do not fit, or compressing saved nothing; incompatible: a kind, flag or
/// algorithm that this walkit does not know. Of a control frame: the body as it is.
[[nodiscard]] Result<BodyParts> split_body(const FrameHeader& header, BytesView body);

/// decode: not exactly the entries that a frame of entries counts, or one above the log's limit.
[[nodiscard]] Status check_entries(const FrameHeader& header, BytesView entries,
                                   std::uint64_t entry_bytes_max = ~std::uint64_t{0});

inline constexpr std::size_t kVarintBytesMax = 10;
/// LEB128. The bytes written.
inline std::size_t store_varint(std::uint64_t value, std::byte* into) noexcept {
  std::size_t n = 0;
  for (; value >= 0x80; value >>= 7) into[n++] = static_cast<std::byte>((value & 0x7f) | 0x80);
  into[n++] = static_cast<std::byte>(value);
  return n;
}
[[nodiscard]] constexpr std::size_t varint_bytes(std::uint64_t value) noexcept {
  return (static_cast<unsigned>(std::bit_width(value | 1)) + 6) / 7;
}
/// Takes a varint off the front; none: cut short, longer than it need be, or over 64 bits.
[[nodiscard]] std::optional<std::uint64_t> take_varint(BytesView& from) noexcept;

/// Body of a loss frame: entries that are gone, accepted by who repaired the log.
struct LossBody {
  EntryIdRange entries{};
  std::string cause{};
};
[[nodiscard]] Bytes encode_loss(const LossBody& loss);
[[nodiscard]] std::optional<LossBody> decode_loss(BytesView body);

/// One line of a seal's sparse index: the frame at `offset` begins with `first`.
struct IndexEntry {
  EntryId first{};
  std::uint64_t offset = 0, time_ns = 0;
  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};
/// `into` takes seal_body_bytes(index.size()).
void encode_seal(const std::vector<IndexEntry>& index, std::byte* into) noexcept;
[[nodiscard]] std::optional<std::vector<IndexEntry>> decode_seal(BytesView body);
[[nodiscard]] constexpr std::size_t seal_body_bytes(std::size_t index_entries) {
  return 8 + index_entries * kIndexEntryBytes;
}

}  // namespace walkit::log
