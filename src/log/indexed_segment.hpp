#pragma once

#include "log/segment_index.hpp"
#include "log/stored_type.hpp"
#include "log/survey.hpp"

namespace walkit::log {

/// One segment open for reading at any place: file, header, where it ends, and its index. One
/// thread; the index learns while it is read.
class IndexedSegment {
 public:
  /// What a segment is checked against: its neighbour, the manifest, the reader.
  struct Context {
    const SegmentFile* next = nullptr;       // its successor; none: the newest
    const ManifestSlot* manifest = nullptr;  // none: nothing good is there
    const StoredType* type = nullptr;        // none: any codec and type
    std::uint64_t frame_bytes_max = 0;
  };
  /// Which entries are known to be in it. Behind that, with `whole_frames`, all that reads.
  struct Reach {
    EntryId through{};
    bool whole_frames = false;
  };

  /// not_found: the file is gone. incompatible, corrupt: header, type or link.
  static Result<std::unique_ptr<IndexedSegment>> open(Directory& directory, const SegmentFile& file,
                                                      const Context& context);

  [[nodiscard]] const std::string& file() const { return name_; }
  [[nodiscard]] const SegmentHeader& header() const { return segment_.header; }
  /// Where its frames begin.
  [[nodiscard]] FramePlace begin() const;
  /// Where the frames that count end, as the successor says; none: the newest.
  [[nodiscard]] std::optional<FramePlace> end() const;
  /// corrupt: its successor says that it was sealed, and here is no such seal.
  Status check_seal();
  /// Reads a little at a time, from the file as it is now.
  [[nodiscard]] FrameScanner scanner();

  /// Brings the scanner behind the frame, or the loss, that holds `id`, which is not below the
  /// segment's first, and answers its header. Its body was not looked at. corrupt: the ids that are
  /// gone with it; not_found: `id` is beyond what must be there, and not there.
  Result<FrameHeader> pass(FrameScanner& scanner, EntryId id, const Reach& reach);
  /// The last id of the whole frames, and what watermark they know of. Not for one with a
  /// successor.
  struct Whole {
    EntryId last{}, watermark{};
  };
  Result<Whole> last_whole();
  /// The same for entries: corrupt where `id` lies in a recorded loss.
  Result<FrameHeader> find(FrameScanner& scanner, EntryId id, const Reach& reach);
  /// The frame of a header that was read a moment ago, its body checked. corrupt.
  Result<FrameView> read(FrameScanner& scanner, const FrameHeader& header);
  /// The first frame of entries at or after that time; none: not here. Errors as pass().
  Result<std::optional<FrameHeader>> find_since(FrameScanner& scanner, std::uint64_t time_ns,
                                                const Reach& reach);
  /// Headers that end at `upper`, in order, from the highest line below it, or as many of them as
  /// memory is kept for; and in `upper` the place where they begin. Empty: the segment begins
  /// there.
  Result<std::vector<FrameHeader>> step_below(FrameScanner& scanner, FramePlace& upper);

 private:
  IndexedSegment(std::string name, OpenSegment segment, const Context& context)
      : name_(std::move(name)),
        segment_(std::move(segment)),
        index_(segment_.header),
        frame_bytes_max_(context.frame_bytes_max) {}

  [[nodiscard]] Reach here(const Reach& log) const;
  Result<std::optional<FrameHeader>> next_header(FrameScanner& scanner, const Reach& reach);
  void seek_line(FrameScanner& scanner, const std::optional<IndexEntry>& line) const;
  Error fault(FrameScanner& scanner, EntryId id, const Reach& reach);
  Result<EntryId> last_gone(EntryId id, EntryId through);

  std::string name_;
  OpenSegment segment_;
  std::optional<SegmentHeader> next_{};
  SegmentIndex index_;
  std::uint64_t frame_bytes_max_;
};

}  // namespace walkit::log
