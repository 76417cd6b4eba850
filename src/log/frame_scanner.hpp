#pragma once

#include <cstdint>
#include <optional>

#include "log/compression.hpp"
#include "log/file_window.hpp"
#include "log/frame.hpp"

namespace walkit::log {

/// Why a scan stopped.
enum class FrameFault {
  no_header,  // none, or one whose checksum or place is wrong
  body,       // the header holds, the body's checksum does not, or the file ends inside it
  structure,  // checksums hold, and yet: wrong chain, wrong id, padding not zero, entries that do
              // not fit or decompress, more than the limit. No crash leaves that.
  unknown     // checksums hold; a kind, flag or compression of a newer walkit
};

/// A frame in its place, its checksums verified. Views live until the next call of the scanner.
struct FrameView {
  FrameHeader header{};
  BytesView body{};      // as it is stored
  FrameExtras extras{};  // of a frame of entries
  BytesView entries{};   // and its payloads, decompressed and checked, for a PayloadCursor
};

/// Walks the frames of one segment in order and stops at the first that does not hold. Its memory
/// is twice the largest frame: one as it is stored, one decompressed. One thread.
class FrameScanner {
 public:
  /// frame_bytes_max: a reader's own cap on a frame, stored and decompressed, whatever the header
  /// says.
  FrameScanner(File& file, const SegmentHeader& segment, std::uint64_t frame_bytes_max,
               std::size_t step_bytes = FileWindow::kStepBytes);

  /// Looks at the file in place, if its directory can: for a sealed segment.
  void map() { window_.map(); }

  /// The next frame; none: position() holds no frame that continues the chain, see fault().
  Result<std::optional<FrameView>> next();
  /// The same, with the body passed over unread, so that nobody vouches for it; but for a loss,
  /// whose body says which id comes next.
  Result<std::optional<FrameHeader>> next_header();
  /// Goes on at `offset`, where a frame is to begin with `expected`. Without its chain that frame's
  /// own checksum, salt and place vouch for it; from there on the chain is checked.
  void seek(std::uint64_t offset, EntryId expected, std::optional<std::uint32_t> chain = {});
  /// Goes behind a frame that another scanner of this segment found where this one stands.
  void pass(const FrameHeader& header, EntryId next);
  /// The last frame's decompressed entries stay, in memory that is the caller's from now on, in
  /// exchange for other.
  void keep_unpacked(Decompressor::Memory& memory) { decompressor_.swap_memory(memory); }
  /// Reads the place of a fault anew: beside a writer the first look may be the older one.
  void refresh() noexcept { window_.refresh(); }

  [[nodiscard]] std::uint64_t position() const { return position_; }  // behind the last good frame
  [[nodiscard]] EntryId expected() const { return expected_; }        // the id that comes there
  /// Of the last good frame; behind a seek() without one, not before there is such a frame.
  [[nodiscard]] std::uint32_t chain() const { return chain_; }
  [[nodiscard]] std::uint64_t time_ns() const { return time_ns_; }
  [[nodiscard]] FrameFault fault() const { return fault_; }
  /// The header at position() if it holds, after a fault other than no_header.
  [[nodiscard]] const std::optional<FrameHeader>& fault_header() const { return fault_header_; }
  /// The fault is a frame that the log allows and the reader's own cap does not.
  [[nodiscard]] bool over_readers_cap() const;
  /// too_large, for that case; the caller adds the file.
  [[nodiscard]] Error cap_error() const;
  [[nodiscard]] FileWindow& window() { return window_; }
  [[nodiscard]] std::uint32_t seed() const { return seed_; }

 private:
  std::optional<FrameView> stop(FrameFault fault, std::optional<FrameHeader> header = {});

  Result<std::optional<FrameHeader>> header_here();
  static std::uint64_t limit_of(const FrameHeader& header, std::uint64_t frame_bytes_max);
  Result<BytesView> stored_part(const FrameHeader& header);
  Status open_body(FrameView& view);

  File* file_;
  FileWindow window_;
  Decompressor decompressor_{};
  std::uint32_t seed_;
  std::uint64_t entry_bytes_max_, log_bytes_max_, frame_bytes_max_;
  std::uint64_t position_;
  EntryId expected_;
  std::uint32_t chain_;
  bool chain_known_ = true;
  std::uint64_t time_ns_;
  FrameFault fault_ = FrameFault::no_header;
  std::optional<FrameHeader> fault_header_{};
  std::uint64_t frame_bytes_ = 0;  // of the last header seen; decompressed, if that is known
};

}  // namespace walkit::log
