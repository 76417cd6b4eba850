#include "log/backup.hpp"

#include <algorithm>

#include "base/mutation.hpp"
#include "io/copy_file.hpp"
#include "log/log_builder.hpp"
#include "log/snapshot.hpp"
#include "log/tail.hpp"

namespace walkit::log {
namespace {

constexpr int kLooksMax = 100;

class Backup {
 public:
  Backup(Directory& home, Directory& copy, const ReadOptions& options)
      : home_(home), copy_(copy), options_(options) {}

  Result<BackupReport> run() {
    for (int looks = 1;; ++looks) {
      Status taken = take_segments();
      if (taken) break;
      const bool trimmed_meanwhile = taken.error().code == Errc::gap && looks < kLooksMax;
      if (!trimmed_meanwhile) return taken.error();
      if (Status ok = start_again(); !ok) return ok.error();
    }
    if (mutated(Mutation::backup_list_first)) {
      if (Status ok = write_backup_list(copy_, list_); !ok) return ok.error();
    }
    if (Status ok = copy_.sync(); !ok) return ok.error();
    if (Status ok = put_manifest(); !ok) return ok.error();
    if (!mutated(Mutation::backup_list_first)) {
      if (Status ok = write_backup_list(copy_, list_); !ok) return ok.error();
    }
    report_.entries = list_.entries;
    for (const BackupFile& file : list_.files) report_.bytes += file.bytes;
    return report_;
  }

 private:
  // What is durable now, and where it stands.
  Status look() {
    auto snapshot = take_snapshot(home_, options_.expect_durable_through, options_.frame_bytes_max);
    if (!snapshot) return snapshot.error();
    snapshot_ = std::move(*snapshot);
    if (snapshot_.listing.manifest_slot() == nullptr) return snapshot_.listing.warnings.front();
    if (!snapshot_.live) {
      // What reads and is not proven may have been acknowledged. In the copy it is durable.
      if (Status ok = tail_error(snapshot_.survey); !ok) return ok;
    }
    end_ = snapshot_.end;
    const EntryId oldest = snapshot_.listing.oldest();
    list_.log = snapshot_.listing.manifest_slot()->log;
    list_.entries = {oldest, std::max(end_, oldest - 1)};
    return {};
  }

  Status take_segments() {
    if (Status ok = look(); !ok) return ok;
    const auto& segments = snapshot_.listing.segments;
    for (const SegmentFile& segment : segments) {
      // What has a successor, or was closed, is never written again. The active one is.
      const bool is_final = &segment != &segments.back() || snapshot_.survey.closed;
      if (Status ok = is_final ? share(segment) : copy_durable(segment); !ok) return ok;
    }
    return {};
  }

  Status start_again() {
    for (const BackupFile& file : list_.files) {
      if (Status ok = copy_.remove(file.name); !ok) return ok;
    }
    list_ = {};
    report_ = {};
    return {};
  }

  void note(std::string_view name, const io::FileSum& sum) {
    list_.files.push_back({std::string(name), sum.bytes, sum.crc});
  }

  Status share(const SegmentFile& segment) {
    Status linked = home_.link(segment.file, copy_, segment.file);
    if (!linked && linked.error().code == Errc::not_found) {
      return missing_segment(home_, segment, linked.error());
    }
    if (!linked && linked.error().code == Errc::not_supported) {
      return copy(segment, ~std::uint64_t{0});
    }
    if (!linked) return linked;
    const auto file = copy_.open(segment.file, OpenMode::read);
    if (!file) return file.error();
    // A killed writer may have left behind its end what no sync was for; the list has it too.
    if (Status ok = (*file)->sync(); !ok) return ok;
    const auto read = io::copy_bytes(**file, nullptr);
    if (!read) return read.error();
    note(segment.file, *read);
    ++report_.linked_files;
    return {};
  }

  // Bytes of frames that are durable are never written over.
  Status copy_durable(const SegmentFile& segment) {
    const auto opened = open_segment(home_, segment);
    if (!opened) return opened.error();
    const auto end = check_through(*opened->file, opened->header, options_.frame_bytes_max, end_);
    if (!end) return end.error();
    // LOCK may be older than the names: what is before the newest segment is durable.
    list_.entries.last = end_ = std::max(end_, end->last);
    if (end->last == end_) return copy(segment, end->offset);
    return damage(segment.file, "no valid frame where acknowledged entries were",
                  {end->last + 1, end_}, end->offset);
  }

  Status copy(const SegmentFile& segment, std::uint64_t bytes) {
    const auto opened = open_segment(home_, segment);
    if (!opened) return opened.error();
    const auto file = copy_.open(segment.file, OpenMode::create);
    if (!file) return file.error();
    const auto copied = io::copy_bytes(*opened->file, file->get(), bytes);
    if (!copied) return copied.error();
    if (!mutated(Mutation::backup_without_sync)) {
      if (Status ok = (*file)->sync(); !ok) return ok;
    }
    note(segment.file, *copied);
    ++report_.copied_files;
    return {};
  }

  Status put_manifest() {
    ManifestSlot slot = *snapshot_.listing.manifest_slot();
    const auto& segments = snapshot_.listing.segments;
    slot.begins_after = list_.entries.first - 1;
    slot.durable_through = list_.entries.last;
    if (!segments.empty()) {
      const auto first = open_segment(copy_, segments.front());
      if (!first) return first.error();
      const auto last = open_segment(copy_, segments.back());
      if (!last) return last.error();
      slot.first_segment = first->header.number;
      slot.first_salt = first->header.salt();
      slot.set_last(last->header);
      slot.epoch = std::max(slot.epoch, last->header.epoch);
      slot.clean = snapshot_.survey.closed;
    }
    if (Status ok = write_temporary_manifest(copy_, slot); !ok) return ok;
    if (Status ok = publish_temporary_manifest(copy_); !ok) return ok;
    const auto file = copy_.open(kManifestName, OpenMode::read);
    if (!file) return file.error();
    const auto read = io::copy_bytes(**file, nullptr);
    if (!read) return read.error();
    note(kManifestName, *read);
    return {};
  }

  Directory &home_, &copy_;
  const ReadOptions& options_;
  Snapshot snapshot_{};
  EntryId end_{};
  BackupList list_{};
  BackupReport report_{};
};

Error differs(std::string file, std::string message) {
  return {.code = Errc::corrupt,
          .message = std::move(message),
          .file = std::move(file),
          .next_step = "it was damaged, or opened for writing since; take another backup"};
}

}  // namespace

Result<std::optional<Error>> check_file(Directory& copy, const BackupFile& file) {
  const auto opened = copy.open(file.name, OpenMode::read);
  const auto read =
      opened ? io::copy_bytes(**opened, nullptr) : Result<io::FileSum>(opened.error());
  if (!read && read.error().code == Errc::no_memory) return read.error();
  if (!read) return std::optional(differs(file.name, "cannot be read: " + read.error().message));
  if (read->bytes == file.bytes && read->crc == file.crc) return std::optional<Error>{};
  const std::string how =
      read->bytes == file.bytes
          ? "its checksum differs"
          : std::to_string(read->bytes) + " bytes, copied were " + std::to_string(file.bytes);
  return std::optional(differs(file.name, "is not what was copied: " + how));
}

Result<BackupReport> back_up(Directory& home, Directory& copy, const ReadOptions& options) {
  return Backup(home, copy, options).run();
}

Status check_backup_files(Directory& copy, const BackupList& list, std::vector<Error>& damage) {
  for (const BackupFile& file : list.files) {
    if (!is_file_name(file.name)) continue;  // in another folder: of who put it there
    auto fault = check_file(copy, file);
    if (!fault) return fault.error();
    if (*fault) damage.push_back(std::move(**fault));
  }
  Listing there;
  if (Status ok = classify_names(copy, there); !ok) return ok;
  for (const SegmentFile& segment : there.segments) {
    const bool listed =
        std::any_of(list.files.begin(), list.files.end(),
                    [&](const BackupFile& file) { return file.name == segment.file; });
    if (!listed) damage.push_back(differs(segment.file, "is not of this backup"));
  }
  return {};
}

}  // namespace walkit::log
