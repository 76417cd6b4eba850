#pragma once

// Every number that stands on disk. docs/format.md is the description; this is its arithmetic.

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/file_header.hpp"
#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/log/options.hpp"
#include "walkit/log/reports.hpp"

namespace walkit::log {

inline constexpr std::size_t kBlockBytes = 4096;  // what Layout::whole_blocks aligns to

inline constexpr std::size_t kSegmentHeaderBytes = 512;
inline constexpr std::size_t kLockRecordBytes = 512;
inline constexpr std::size_t kPinRecordBytes = 512;
inline constexpr std::size_t kManifestSlotBytes = 4096;
inline constexpr std::size_t kManifestBytes = 2 * kManifestSlotBytes;

inline constexpr std::size_t kFrameHeaderBytes = 64;
inline constexpr std::size_t kFrameAlignment = 8;
inline constexpr std::size_t kIndexEntryBytes = 24;
inline constexpr std::uint32_t kFrameBytesMax = 1u << 30;  // of entries, its header included

static_assert(kSectorBytes % kFrameHeaderBytes == 0, "headers that follow each other fill sectors");
static_assert(kFrameHeaderBytes % kFrameAlignment == 0);
static_assert(kBlockBytes % kSectorBytes == 0);
static_assert(kSegmentHeaderBytes == kSectorBytes, "a torn segment header is old or new");
static_assert(kLockRecordBytes == kSectorBytes, "a torn lock record is old or new");
static_assert(kPinRecordBytes == kSectorBytes);
static_assert(kManifestSlotBytes % kBlockBytes == 0, "slots share no block");

inline constexpr FileMagic kSegmentMagic = {'\x89', 'W', 'A', 'L', 'K', 'S', 'E', 'G'};
inline constexpr FileMagic kManifestMagic = {'\x89', 'W', 'A', 'L', 'K', 'M', 'A', 'N'};
inline constexpr FileMagic kLockMagic = {'\x89', 'W', 'A', 'L', 'K', 'L', 'O', 'K'};
inline constexpr FileMagic kPinMagic = {'\x89', 'W', 'A', 'L', 'K', 'P', 'I', 'N'};

using walkit::LogIdentity;

/// The 64-bit salt of one segment in one life of one log. It seeds every checksum in the segment,
/// so that frames of another log, segment or life never pass.
[[nodiscard]] inline std::uint64_t segment_salt(const LogIdentity& log, std::uint64_t segment,
                                                std::uint64_t epoch) noexcept {
  return salt_of(log, segment, epoch);
}

/// Where frames begin: behind the header, on a block of their own if the layout asks for it.
[[nodiscard]] constexpr std::uint64_t first_frame_offset(Layout layout) {
  return layout == Layout::whole_blocks ? kBlockBytes : kSegmentHeaderBytes;
}

/// The first place at or behind `offset` where a frame may begin: on 8 bytes, with its header
/// inside one sector.
[[nodiscard]] constexpr std::uint64_t next_frame_offset(std::uint64_t offset) {
  const std::uint64_t aligned = (offset + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
  const std::uint64_t left = kSectorBytes - aligned % kSectorBytes;
  return left < kFrameHeaderBytes ? aligned + left : aligned;
}
static_assert(next_frame_offset(512) == 512 && next_frame_offset(961) == 1024);
/// The most that next_frame_offset() skips, and a little more.
inline constexpr std::uint64_t kFramePaddingMax = kFrameHeaderBytes + kFrameAlignment;

[[nodiscard]] constexpr std::uint64_t next_block_offset(std::uint64_t offset) {
  return (offset + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

/// Where a segment ends, as its successor's header says it. end 0: there is none, and `number` is
/// the one before that of the log's first.
struct SegmentEnd {
  std::uint64_t number = 0;
  EntryId last{};
  std::uint64_t end = 0;       // of its last frame that counts
  std::uint64_t seal_end = 0;  // 0: never sealed; bytes behind `end` are not judged
  std::uint32_t chain = 0;     // at `end`
};

/// The header of a segment: one sector, written once, before the file has its name.
struct SegmentHeader {
  LogIdentity log{};
  std::uint64_t number = 0;
  EntryId first{};
  std::uint64_t epoch = 0;
  EntryId durable_through{};  // when the segment was made
  EntryId rehomed_through{};  // its first entries up to this one were moved here; 0: none
  std::uint64_t created_ns = 0;
  // Predecessor. number 0: none.
  std::uint64_t prev_number = 0;
  EntryId prev_last{};
  std::uint64_t prev_end = 0;       // end of its last frame that counts
  std::uint64_t prev_seal_end = 0;  // 0: never sealed; bytes behind prev_end are not judged
  std::uint32_t prev_chain = 0;
  // How its frames are written.
  Layout layout = Layout::packed;
  std::uint32_t codec = 0;
  std::uint32_t schema = 1;
  std::uint32_t max_entry_bytes = 0;
  std::uint32_t max_frame_bytes = 0;
  std::string type_name{};

  /// Of the header as it was read or written: the chain begins with it. Not a field of its own.
  std::uint32_t crc = 0;

  [[nodiscard]] std::uint64_t salt() const noexcept { return segment_salt(log, number, epoch); }
  [[nodiscard]] SegmentEnd previous() const noexcept {
    return {prev_number, prev_last, prev_end, prev_seal_end, prev_chain};
  }
};

/// One of the two slots of MANIFEST: evidence of what the log was at some moment.
struct ManifestSlot {
  LogIdentity log{};
  std::uint64_t generation = 0;  // slot = generation % 2
  std::uint64_t epoch = 0;
  /// last 0: none yet, and then first is the number that the first one will have (0: 1).
  std::uint64_t first_segment = 0, last_segment = 0;
  std::uint64_t first_salt = 0, last_salt = 0;
  EntryId last_segment_first{};
  EntryId durable_through{};
  bool clean = true;       // closed, or born and never written
  EntryId begins_after{};  // ids up to it are not in this log

  [[nodiscard]] EntryId oldest() const { return begins_after + 1; }

  void set_last(const SegmentHeader& newest) {
    last_segment = newest.number;
    last_salt = newest.salt();
    last_segment_first = newest.first;
  }
};

/// What the writer keeps in LOCK, rewritten without a sync: every value that ever stood there was
/// true.
struct LockRecord {
  LogIdentity log{};
  std::uint64_t process = 0;
  std::uint64_t epoch = 0;
  EntryId durable_through{};
  friend bool operator==(const LockRecord&, const LockRecord&) = default;
};

/// A named pin: entries from `from` on are not trimmed.
struct PinRecord {
  LogIdentity log{};
  EntryId from{};
  std::uint64_t bytes_max = 0;  // of log from there to its end; above it the pin holds no more
  std::uint64_t created_ns = 0;
};

using SegmentHeaderBytes = std::array<std::byte, kSegmentHeaderBytes>;
using ManifestSlotBytes = std::array<std::byte, kManifestSlotBytes>;
using LockRecordBytes = std::array<std::byte, kLockRecordBytes>;
using PinRecordBytes = std::array<std::byte, kPinRecordBytes>;

/// Sets header.crc too.
[[nodiscard]] SegmentHeaderBytes encode(SegmentHeader& header) noexcept;
[[nodiscard]] ManifestSlotBytes encode(const ManifestSlot& slot) noexcept;
[[nodiscard]] LockRecordBytes encode(const LockRecord& record) noexcept;
[[nodiscard]] PinRecordBytes encode(const PinRecord& record) noexcept;

// Errors are those of check_file_header(); they name no file.
[[nodiscard]] Result<SegmentHeader> decode_segment_header(BytesView bytes);
/// What stands in the places of a header's fields, with nothing verified; for who pieces a damaged
/// one together. none: too few bytes.
[[nodiscard]] std::optional<SegmentHeader> unverified_segment_header(BytesView bytes);
[[nodiscard]] Result<ManifestSlot> decode_manifest_slot(BytesView bytes);
[[nodiscard]] Result<LockRecord> decode_lock_record(BytesView bytes);
[[nodiscard]] Result<PinRecord> decode_pin_record(BytesView bytes);

}  // namespace walkit::log
