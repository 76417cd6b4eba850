#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "log/salvage_scanner.hpp"
#include "log/segment_writer.hpp"
#include "walkit/log/marker.hpp"

namespace walkit::log {

/// Writes what a salvage found as new, cleanly closed segments with a manifest: ids, payloads,
/// times and schemas stay, holes become recorded losses, each source segment one of its own. All of
/// it stands under temporary names until publish_segments(). One thread.
class LogBuilder {
 public:
  struct Place {
    LogIdentity log{};
    std::uint64_t first_number = 1;
    std::uint64_t epoch = 1;
    EntryId begin{1};  // the id the log begins with
    /// By source segment: the last entry that comes from it, where that is known beforehand.
    std::map<std::uint64_t, EntryId> rehomed_through{};
    /// Of a fork: what it comes from, and behind which entry. Entries behind that one stay out, and
    /// a hole before it that nobody recorded is an error.
    std::optional<Marker> parent{};
  };
  /// For a segment that holds losses only, before anything else tells how entries are written.
  LogBuilder(Directory& directory, Place place, SegmentHeader like)
      : directory_(directory),
        place_(std::move(place)),
        like_(std::move(like)),
        expected_(place.begin) {}

  /// All that `scanner` gives, sealed and synced, and MANIFEST under its temporary name.
  Status build(SalvageScanner& scanner);
  /// Gives the segments their names, the first one last, since the log begins where it stands.
  /// Durable on return.
  Status publish_segments();
  /// Puts the manifest in its place; durable on return. There must be none.
  Status publish_manifest();
  /// Removes what is not published.
  void discard() noexcept;

  [[nodiscard]] EntryIdRange entries() const { return entries_; }  // the first and the last
  [[nodiscard]] std::uint64_t entry_count() const { return entry_count_; }

 private:
  [[nodiscard]] EntryId end() const {
    return place_.parent ? place_.parent->entry_id : EntryId::max();
  }
  Status note_gaps(const SalvageScanner& scanner);
  Status add(const SalvageScanner::Piece& piece);
  Status put(FrameHeader header, BytesView body, const SegmentHeader& from);
  Status add_loss(EntryIdRange lost, std::string cause);
  Status write_loss(const LossBody& loss);
  Status begin_segment(const SegmentHeader& like);
  Status end_segment(SegmentWriter::Ending ending);
  Status finish();

  Directory& directory_;
  Place place_;
  SegmentHeader like_;
  EntryId expected_{};
  std::unique_ptr<SegmentWriter> segment_{};
  std::uint64_t source_number_ = 0;   // whose entries are in segment_
  std::size_t told_ = 0;              // of the scanner's gaps
  std::vector<LossBody> waiting_{};   // losses ahead of the first segment
  std::vector<SegmentName> names_{};  // made so far
  SegmentEnd previous_{};
  ManifestSlot slot_{};
  std::uint64_t time_ns_ = 0;
  EntryIdRange entries_{};
  std::uint64_t entry_count_ = 0;
};

/// MANIFEST under its temporary name, this slot in both places; synced, not yet in effect.
Status write_temporary_manifest(Directory& directory, ManifestSlot slot);
/// Puts it in place of none. Durable on return.
Status publish_temporary_manifest(Directory& directory);

}  // namespace walkit::log
