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

/// The scanner stands where a segment's seal has to be if its successor says that it was sealed.
/// corrupt: none is there, or not at the end of the file.
Status check_seal(FrameScanner& scanner, File& file, std::string_view name,
                  const SegmentHeader& next);

/// corrupt: the entry `id` of the frame at `offset` is not there.
[[nodiscard]] Error misfit(std::string_view file, EntryId id, std::uint64_t offset);

/// The entries of a frame, one after the other.
class FrameEntries {
 public:
  FrameEntries() = default;  // none are left
  /// The frame's views live as long as the entries are taken. file: the segment's name.
  FrameEntries(const FrameView& frame, const SegmentHeader& segment, std::string_view file);

  [[nodiscard]] bool empty() const { return left_ == 0; }
  [[nodiscard]] EntryId next_id() const { return next_; }
  /// Not where it is empty. The entry is this object's and changes with the next call; none: the
  /// body does not hold what its header counts, which checked frames do.
  [[nodiscard]] const EntryView* take() noexcept {
    const auto payload = payloads_.next();
    if (!payload) return nullptr;
    entry_.payload = *payload;
    entry_.entry_id = next_;
    ++next_;
    --left_;
    return &entry_;
  }

 private:
  PayloadCursor payloads_{BytesView{}};
  std::uint32_t left_ = 0;
  EntryId next_{};
  EntryView entry_{};
};

}  // namespace walkit::log
