#pragma once

#include <optional>

#include "log/frame_scanner.hpp"
#include "log/sparse_index.hpp"

namespace walkit::log {

/// Where frames may be read on: their place, the id that comes there, the frame before.
struct FramePlace {
  std::uint64_t offset = 0;
  EntryId expected{};
  std::optional<std::uint32_t> chain{};  // none: not known
};

/// What is known of the places in one segment: the lines of its seal where that verifies, else
/// those of a scan of its headers, which goes only as far as it is asked to. A cache: lines that
/// are lost, stale or wrong never change an answer, since who uses one looks for a frame with that
/// id in that place, and drops a line that does not lead to one; from then on the headers are
/// scanned. One thread.
class SegmentIndex {
 public:
  explicit SegmentIndex(const SegmentHeader& segment);

  /// Looks for the seal without reading the segment: at its place as the successor says, or, with
  /// none, as a frame that ends where the file ends. Errors are the device's.
  Status load_seal(File& file, const SegmentHeader& segment, const SegmentHeader* next);
  /// Where it stands; none: not found, or a line of it was wrong.
  [[nodiscard]] const std::optional<FramePlace>& seal() const { return seal_; }

  /// Scans as far as needed for a line near `id`. Ids up to `header_only` are known to be there:
  /// of their frames only the headers are read. Errors are the device's; a scan that meets a fault
  /// ends there, and the next call looks at that place again.
  Status extend(FrameScanner& scanner, EntryId id, EntryId header_only);
  /// Where the scan stands, and the highest watermark that it met.
  [[nodiscard]] const FramePlace& scanned() const { return scanned_; }
  [[nodiscard]] EntryId watermark() const { return watermark_; }

  [[nodiscard]] std::optional<IndexEntry> floor(EntryId id) const;
  [[nodiscard]] std::optional<IndexEntry> above(EntryId id) const;
  [[nodiscard]] std::optional<IndexEntry> before_time(std::uint64_t time_ns) const;
  /// No frame of that id and time stands there.
  void drop(const IndexEntry& line);

 private:
  std::optional<FramePlace> seal_{};
  SparseIndex sealed_{}, own_{};
  FramePlace scanned_;
  EntryId watermark_;
};

/// Brings the scanner to a place.
inline void seek(FrameScanner& scanner, const FramePlace& place) {
  scanner.seek(place.offset, place.expected, place.chain);
}

}  // namespace walkit::log
