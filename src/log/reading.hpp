#pragma once

// What all ways of reading a log have in common.

#include <optional>
#include <string_view>

#include "log/stored_type.hpp"
#include "log/survey.hpp"
#include "walkit/log/log_reader.hpp"

namespace walkit::log {

/// open_segment, and it holds entries of this type (none: any) and of this log.
Result<OpenSegment> open_checked(Directory& directory, const SegmentFile& segment,
                                 const std::optional<StoredType>& type, const ManifestSlot* slot);

/// Fits into the string itself: there is no memory for more.
[[nodiscard]] inline Error no_memory() {
  return {.code = Errc::no_memory, .message = "out of memory"};
}

/// not_found.
[[nodiscard]] Error beyond_the_end(EntryId wanted, EntryId last);

/// corrupt: what a repair wrote down in the frame at `offset`.
[[nodiscard]] Error recorded_loss(std::string_view file, const LossBody& loss,
                                  std::uint64_t offset);

/// Where frames up to the entry `through` have to be, and the scanner found none, twice.
[[nodiscard]] Error fault_error(const FrameScanner& scanner, std::string_view file,
                                EntryId through);

/// The scanner stands where a segment ends. Has it a seal there, if it was sealed? corrupt: none is
/// there, or not at the end of the file.
Status check_seal(FrameScanner& scanner, File& file, std::string_view name, const SegmentEnd& end);

/// corrupt: an entry of a frame that counts it is not there.
[[nodiscard]] Error misfit(const FrameEntries& entries);

/// The entries of a frame, whose views live as long as they are taken. file: the segment's name.
[[nodiscard]] FrameEntries entries_of(const FrameView& frame, const SegmentHeader& segment,
                                      std::string_view file);

}  // namespace walkit::log
