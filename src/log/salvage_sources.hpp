#pragma once

// What of a folder in any state can be taken for segments of one log, and what bounds each of them.

#include "log/patient_file.hpp"
#include "log/survey.hpp"

namespace walkit::log {

/// One file taken for a segment.
struct SalvageSource {
  std::string file{};
  SegmentHeader header{};    // as it stands; where that is damaged, pieced together
  bool header_holds = true;  // false: chain, predecessor and times are not known
  bool readable = true;      // false: nothing tells how its frames would verify
  Error why{};               // if one of the two is false
  /// Where it ends. Ids above `through` and frames behind `end` are not the log's: a tail that a
  /// crash left and that was written again.
  EntryId through = EntryId::max();
  std::uint64_t end = ~std::uint64_t{0};
  /// Behind a hole only frames through this id count: above it, what reads may be such a tail.
  EntryId trusted{};
  /// No segment came after it, so that nothing in it was written again: behind a hole whose ids are
  /// known to have been durable all counts.
  bool is_newest = false;
};

/// The files, judged by what they hold and not only by their names. Changes nothing.
struct SalvageSources {
  std::vector<SalvageSource> segments{};  // numbers rise
  Listing listing{};                      // by name; manifest as far as it reads
  std::optional<LockRecord> lock{};       // of this log
  LogIdentity log{};
  EntryId begin{1};            // where the log begins
  bool begin_missing = false;  // there is no segment that begins there
  EntryId watermark{};         // the highest outside frames
  std::uint64_t epoch = 0;     // the highest seen
  std::vector<Error> damage{};
  bool only_names = true;  // all damage so far is in MANIFEST and in files that are not used
  std::vector<std::string> unused_files{};    // foreign, doubled, or nothing in them reads
  std::vector<std::string> replaced_files{};  // older than the segment the log begins with
  std::optional<Error> newer{};               // of a format this walkit does not know

  /// The newest slot, if it is of this log.
  [[nodiscard]] const ManifestSlot* slot() const;
};

/// Errors: only what hides the whole folder.
Result<SalvageSources> find_sources(Directory& directory, EntryId floor);

Result<std::unique_ptr<PatientFile>> open_patiently(Directory& directory, const std::string& name);

/// What a segment of this name would be in, taken from `like`; none: no frame in the file verifies.
std::optional<SegmentHeader> piece_together(File& file, const SegmentName& name,
                                            const SegmentHeader& like,
                                            std::pair<std::uint64_t, std::uint64_t> epochs);

/// The header with the one bit turned back that makes its checksum fit, if there is one.
std::optional<SegmentHeader> mend_header(Bytes bytes);

}  // namespace walkit::log
