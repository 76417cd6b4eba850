#pragma once

#include <optional>
#include <vector>

#include "log/frame.hpp"

namespace walkit::log {

/// Frames of entries in order, a line for each 64 KiB of file. When 1024 lines are full every
/// second one goes, and half as many are taken from there on. A value.
class SparseIndex {
 public:
  static constexpr std::size_t kLinesMax = 1024;

  /// Takes the memory for all lines, so that note() needs none.
  void reserve() { lines_.reserve(kLinesMax); }
  /// The next frame of entries of the segment.
  void note(const FrameHeader& header);
  /// Takes what a seal says; false: those are no lines of frames between `begin` and `end`.
  bool take(std::vector<IndexEntry> lines, std::uint64_t begin, std::uint64_t end);
  void drop(const IndexEntry& line);

  /// The last line at or below `id`, if there is one.
  [[nodiscard]] std::optional<IndexEntry> floor(EntryId id) const;
  /// The first line above `id`.
  [[nodiscard]] std::optional<IndexEntry> above(EntryId id) const;
  /// The last line of a frame before that time.
  [[nodiscard]] std::optional<IndexEntry> before_time(std::uint64_t time_ns) const;
  [[nodiscard]] const std::vector<IndexEntry>& lines() const { return lines_; }

 private:
  std::vector<IndexEntry> lines_{};
  std::uint64_t step_bytes_ = 0;
};

}  // namespace walkit::log
