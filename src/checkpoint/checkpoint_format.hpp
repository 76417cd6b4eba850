#pragma once

// The bytes of a checkpoint. docs/format.md is the description; this is its arithmetic.

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/file_header.hpp"
#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

namespace walkit::checkpoint {

inline constexpr FileMagic kCheckpointMagic = {'\x89', 'W', 'A', 'L', 'K', 'C', 'K', 'P'};
inline constexpr std::size_t kCheckpointHeaderBytes = 512;
inline constexpr std::size_t kPieceHeaderBytes = 32;
inline constexpr std::size_t kEndBytes = 24;                // body of the last piece
inline constexpr std::uint32_t kPieceBytes = 1u << 20;      // of state, in each piece but the last
inline constexpr std::uint32_t kPieceBytesMax = 16u << 20;  // that a reader takes

static_assert(kCheckpointHeaderBytes == kSectorBytes, "a torn header is old or new");

/// The header of a checkpoint: one sector.
struct CheckpointHeader {
  LogIdentity log{};  // zeros: whose state it is was not known
  EntryId entry_id{};
  std::uint64_t created_ns = 0;
  std::uint32_t codec = 0;
  std::uint32_t schema = 1;
  std::uint32_t piece_bytes = kPieceBytes;
  std::string type_name{};

  /// Seeds every checksum in the file. The same for the same log and entry, so that equal states
  /// give equal bytes behind the header.
  [[nodiscard]] std::uint32_t seed() const noexcept;
};

/// In front of each piece of the state, and of the end.
struct PieceHeader {
  enum class Kind : std::uint8_t { state = 1, end = 2 };

  std::uint32_t stored_bytes = 0;  // behind it
  std::uint32_t plain_bytes = 0;   // decompressed
  std::uint64_t index = 0;         // 0 in front
  std::uint32_t body_crc = 0;      // of what is stored
  Kind kind = Kind::state;
  Compression compression = Compression::none;
};

/// What the last piece says of all of them.
struct CheckpointEnd {
  std::uint64_t state_bytes = 0;
  std::uint64_t pieces = 0;
  std::uint32_t state_crc = 0;  // of the state's bytes, with no seed
  friend bool operator==(const CheckpointEnd&, const CheckpointEnd&) = default;
};

using CheckpointHeaderBytes = std::array<std::byte, kCheckpointHeaderBytes>;
using PieceHeaderBytes = std::array<std::byte, kPieceHeaderBytes>;
using EndBytes = std::array<std::byte, kEndBytes>;

[[nodiscard]] CheckpointHeaderBytes encode(const CheckpointHeader& header) noexcept;
[[nodiscard]] PieceHeaderBytes encode(const PieceHeader& header, std::uint32_t seed) noexcept;
[[nodiscard]] EndBytes encode(const CheckpointEnd& end) noexcept;

/// Errors are those of check_file_header(); they name no file.
[[nodiscard]] Result<CheckpointHeader> decode_checkpoint_header(BytesView bytes);
/// none: magic, checksum, end mark, a kind or lengths are not those of a piece.
[[nodiscard]] std::optional<PieceHeader> decode_piece_header(BytesView bytes,
                                                             std::uint32_t seed) noexcept;
[[nodiscard]] std::optional<CheckpointEnd> decode_end(BytesView body) noexcept;

/// "<entry id, 20 digits>.ckpt"
[[nodiscard]] std::string checkpoint_name(EntryId id);
[[nodiscard]] std::optional<EntryId> parse_checkpoint_name(std::string_view name) noexcept;
[[nodiscard]] std::string temporary_name(EntryId id);
/// A file that was never finished.
[[nodiscard]] bool is_temporary_name(std::string_view name) noexcept;

}  // namespace walkit::checkpoint
