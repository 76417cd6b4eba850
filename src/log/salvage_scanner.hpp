#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "log/frame_scanner.hpp"
#include "log/read_ahead.hpp"
#include "log/salvage_sources.hpp"

namespace walkit::log {

/// Pulls what is readable out of a log in any state, in the order of ids, and tells each hole.
/// A frame is given only if it verifies in its own place with its segment's salt, and only where
/// its ids come next or later: nothing stale, foreign or twice. Changes nothing. Memory is one
/// window, one frame and what is told. One thread; no writer, unless `end` bounds it.
class SalvageScanner {
 public:
  struct Limits {
    std::uint64_t frame_bytes_max = ~std::uint64_t{0};
    EntryId end = EntryId::max();  // beside a writer: what is durable
    unsigned threads = 1;          // see ReadAhead
  };
  /// A frame of entries. Views live until the next call.
  struct Piece {
    FrameView frame{};
    const SegmentHeader* segment = nullptr;
    std::string_view file{};
  };

  SalvageScanner(Directory& directory, SalvageSources sources, Limits limits);

  /// none: that was all. Errors are of memory or of the folder, not of what stands in it.
  Result<std::optional<Piece>> next();

  /// The holes so far, recorded losses too: file, offset, what is wrong there, the ids in `lost`.
  [[nodiscard]] const std::vector<Error>& gaps() const { return gaps_; }
  /// All that strict replay would refuse, recorded losses excepted; holes in ids too.
  [[nodiscard]] const std::vector<Error>& damage() const { return sources_.damage; }
  /// How many of gaps() are recorded losses, by the same index.
  [[nodiscard]] bool is_recorded(std::size_t gap) const { return recorded_[gap]; }
  /// The segments that are used are whole: only names, MANIFEST or files of others are wrong.
  [[nodiscard]] bool segments_are_whole() const { return whole_ && sources_.only_names; }
  [[nodiscard]] EntryId expected() const { return expected_; }
  [[nodiscard]] EntryId watermark() const { return watermark_; }
  [[nodiscard]] const SalvageSources& sources() const { return sources_; }

 private:
  struct Hole {
    Error error{};
    bool told = false;  // as damage
  };
  enum class Walk { given, on, left };
  enum class From { reading, record };

  Status enter();
  Status leave();
  void finish();
  void read_ahead();
  std::optional<Walk> take_known(std::optional<Piece>& piece);
  Result<Walk> step(std::optional<Piece>& piece);
  Result<Walk> take(const FrameHeader& header, std::optional<Piece>& piece);
  Status open_body(FrameView& view);
  Walk take_whole(const FrameView& view, std::optional<Piece>& piece);
  Walk take_loss(const FrameHeader& header, BytesView body);
  Result<Walk> search();
  Result<bool> only_zeros_follow();
  Status look_for_watermarks();
  Status check_end(const SegmentHeader& next);

  [[nodiscard]] bool was_trimmed(const SalvageSource& source) const;
  [[nodiscard]] bool counts(const FrameHeader& header) const;
  void see_watermark(const FrameHeader& header);
  [[nodiscard]] std::string why_not_read(const FrameHeader& header, std::uint64_t body_bytes) const;
  EntryId end_unknown();
  void open_hole(std::string message);
  void tell(Error error);
  void settle(EntryId through);
  void add_gap(Error gap, From from);
  [[nodiscard]] const SalvageSource& here() const { return sources_.segments[index_]; }

  Directory& directory_;
  SalvageSources sources_;
  Limits limits_;
  std::vector<Error> gaps_{};
  std::vector<bool> recorded_{};
  bool whole_ = true;
  std::size_t index_ = 0;
  EntryId expected_{1};
  EntryId watermark_{};
  std::optional<Hole> hole_{};
  bool finished_ = false;

  // Of the segment that is open.
  std::unique_ptr<ReadAhead> ahead_{};
  std::unique_ptr<PatientFile> file_{};
  std::unique_ptr<FileWindow> window_{};
  std::uint32_t seed_ = 0;
  std::uint64_t position_ = 0;
  std::optional<std::uint32_t> chain_{};  // none: behind a hole
  bool broken_ = false;                   // there was a hole in this segment
  bool watermarks_read_ = false;
  Decompressor decompressor_{};
  EntryId trusted_{};
  std::optional<Error> refusal_{};
};

}  // namespace walkit::log
