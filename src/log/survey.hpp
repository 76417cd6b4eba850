#pragma once

// What stands in the directory of a log, read and judged, with nothing changed: the plan that
// open-for-write applies and that a reader reports.

#include <optional>
#include <string>
#include <vector>

#include "log/evidence_files.hpp"
#include "log/recovery_table.hpp"
#include "log/segment_name.hpp"
#include "log/tail.hpp"

namespace walkit::log {

/// What every error that tells of damage begins as, its next step included.
[[nodiscard]] Error damage(std::string_view file, std::string message, EntryIdRange lost = {},
                           std::uint64_t offset = 0);

/// invalid_argument, for a null pointer.
[[nodiscard]] Error no_directory();

/// corrupt: no log, and yet a witness of one: "the caller", a file.
[[nodiscard]] Error nothing_there(EntryId known, std::string_view witness);

/// gap: `wanted` stood before the oldest entry that is left.
[[nodiscard]] Error trimmed(EntryId wanted, EntryId oldest);
/// What it says of the oldest entry left.
[[nodiscard]] inline EntryId oldest_left(const Error& gap) { return gap.lost.last + 1; }

/// incompatible: a frame whose checksums hold and whose kind or flags are not known here.
[[nodiscard]] Error newer_frame(std::string_view file, std::uint64_t offset);

struct SegmentFile {
  std::string file{};
  SegmentName name{};
};

/// The names, checked against the manifest: numbers without a hole from its first to its last,
/// first ids not falling.
struct Listing {
  std::vector<SegmentFile> segments{};   // by number
  std::vector<SegmentFile> leftovers{};  // below the log's first: no part of it
  std::optional<ManifestView> manifest{};
  std::vector<std::string> foreign_files{}, temporary_files{};
  std::vector<Error> warnings{};  // one bad manifest slot; no manifest at all

  [[nodiscard]] const ManifestSlot* manifest_slot() const {
    return manifest ? manifest->newest() : nullptr;
  }
  /// The oldest entry; in a log without one, the id that the first will have.
  [[nodiscard]] EntryId oldest() const {
    if (!segments.empty()) return segments.front().name.first;
    const ManifestSlot* slot = manifest_slot();
    return slot != nullptr ? slot->oldest() : EntryId{1};
  }
};

/// A newest file without a valid header holds nothing that was acknowledged if MANIFEST, both slots
/// of it whole, does not name it: headers are durable before a file has its name, and the manifest
/// is written behind that.
[[nodiscard]] bool may_be_unborn(const std::optional<ManifestView>& manifest,
                                 const SegmentName& segment);

/// Sorts names into what is ours and what is not. Names known with wrong content are found later.
Status classify_names(Directory& directory, Listing& listing);

/// not_found: neither MANIFEST nor a segment. corrupt: a segment is missing or twice there, and no
/// trim moved the log's begin meanwhile.
Result<Listing> list_log(Directory& directory);

/// Opens a segment and reads its header; both agree with the file's name. corrupt, incompatible.
/// gap: MANIFEST says that it is no part of the log any more; not_found: it does not.
struct OpenSegment {
  std::unique_ptr<File> file{};
  SegmentHeader header{};
};
Result<OpenSegment> open_segment(Directory& directory, const SegmentFile& segment);
/// Of the file. Errors as open_segment().
Result<std::uint64_t> size_of(Directory& directory, const SegmentFile& segment);
/// Why a segment that was listed is not there: `missing`, or gap, if it was trimmed since.
[[nodiscard]] Error missing_segment(Directory& directory, const SegmentFile& segment,
                                    Error missing);

/// Takes a newest file off the listing that MANIFEST does not name and whose header did not get to
/// the device.
Status drop_unborn(Directory& directory, Listing& listing);
/// list_log() without such a file.
Result<Listing> list_born(Directory& directory);

/// corrupt: `next` does not follow `previous`.
Status check_link(const SegmentHeader& previous, const SegmentHeader& next, std::string_view file);

/// The evidence that stands outside the segments.
struct Witnesses {
  std::optional<LockRecord> lock{};
  EntryId floor{};  // the caller's expect_durable_through
};

/// The newest segment, judged.
struct Survey {
  std::optional<SegmentFile> unborn{};  // newer than it, without a valid header
  std::optional<SegmentHeader> newest{};
  std::string newest_file{};
  Tail tail{};  // without a segment: expected is 1
  EntryId proven{};
  Decision decision{};
  bool ended_cleanly = false;  // the manifest says that the log was closed, and here it ends
  /// And the seal fits: by the writer of this segment. What stands before the close may not have
  /// been read: it is judged as that of a segment with a successor is, by who reads it.
  bool closed = false;
  std::uint64_t epoch = 0;  // the highest seen
  LogIdentity log{};
};

/// Errors: io, incompatible, and corrupt for headers and links. What is wrong with the tail is in
/// the decision; see tail_error().
Result<Survey> survey(Directory& directory, const Listing& listing, const Witnesses& witnesses,
                      std::uint64_t frame_bytes_max);

/// What the decision says to a reader or writer: an error for all that is neither clean, torn nor
/// suspect.
[[nodiscard]] Status tail_error(const Survey& survey);

}  // namespace walkit::log
