#pragma once

#include <optional>

#include "log/frame_scanner.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::log {

/// What stands behind the last good frame of the newest segment.
enum class TailShape {
  zeros,        // nothing, or only zeros: a clean end
  explained,    // what a legal crash leaves of a write: sectors old, new, or a prefix of new
  unexplained,  // anything else
  unknown       // a frame whose checksums hold and whose kind or flags are of a newer walkit
};

/// Where the proven part of a segment ends: behind its last frame of entries at or below `proven`,
/// or behind its header.
struct ProvenEnd {
  std::uint64_t offset = 0;
  std::uint32_t chain = 0;
  EntryId last{};
};

/// Where the frame ends that holds the entry `last`, all up to it checked. Its `last` is less where
/// a frame does not hold. Errors are the device's.
Result<ProvenEnd> check_through(File& file, const SegmentHeader& header,
                                std::uint64_t frame_bytes_max, EntryId last);

/// The newest segment read to its end, nothing judged yet. Ids in half of it may be proven by
/// evidence that stands elsewhere; see recovery_table.hpp.
struct Tail {
  TailShape shape = TailShape::zeros;
  std::uint64_t offset = 0;       // the first bad position
  EntryId expected{};             // the id that would stand there
  std::uint64_t dirty_bytes = 0;  // from there to the last byte that is not zero
  EntryId watermark{};            // highest in any header that holds, before or behind the offset
  std::uint32_t chain = 0;        // of the last good frame
  std::uint64_t time_ns = 0;      // of the last frame
  ProvenEnd proven{};             // as far as the watermark and what else is known say
  // The last good frame is a seal and ends the file.
  std::optional<SegmentEnd> sealed{};

  [[nodiscard]] EntryId last() const { return expected - 1; }
};

/// Reads the segment from its first frame to the end of the file, once, in constant memory.
/// known_durable: what stands elsewhere. Errors are the device's.
Result<Tail> read_tail(File& file, const SegmentHeader& header, std::uint64_t frame_bytes_max,
                       EntryId known_durable);

/// The tail of a segment that a close behind `last` ended, read from the end of the file alone;
/// none: it does not end so. Nothing is said of what stands before the close.
Result<std::optional<Tail>> read_closed_tail(File& file, const SegmentHeader& header, EntryId last);

}  // namespace walkit::log
