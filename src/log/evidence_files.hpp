#pragma once

// MANIFEST and LOCK: what is known beside the segments. Evidence, never the only way to find data.

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "log/format.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::log {

/// The two slots of MANIFEST as they read.
struct ManifestView {
  std::array<std::optional<ManifestSlot>, 2> slots{};
  std::vector<Error> faults{};  // one for each bad slot

  /// The newest good slot; none: both are bad.
  [[nodiscard]] const ManifestSlot* newest() const;
};

/// not_found: no such file. incompatible: a newer format. io: the device. Read twice before a slot
/// is bad: the writer may have been in the middle of it.
Result<ManifestView> read_manifest(Directory& directory);

/// The one who writes MANIFEST. One thread at a time.
class ManifestWriter {
 public:
  /// Makes MANIFEST of a new log under a temporary name, synced, renamed, its directory synced.
  static Result<ManifestWriter> create(Directory& directory, const LogIdentity& log);
  static Result<ManifestWriter> open(Directory& directory, const ManifestView& view);

  [[nodiscard]] const ManifestSlot& current() const { return current_; }
  /// It was made or written in this life. What was only read may be a page that never got to the
  /// device.
  [[nodiscard]] bool current_is_durable() const { return step_ == kNextStep; }
  /// Where the log begins, if the newest good slot is from before its first segment: the one that
  /// said so was torn.
  void begin_at(std::uint64_t first_segment, std::uint64_t first_salt);
  /// Where the log ends, if that slot is from before its last segment, likewise.
  void end_at(const SegmentHeader& newest);
  /// One write and one sync; durable on return. The generation is set here.
  Status write(ManifestSlot slot);
  /// The log begins with this segment from now on: both slots say so, durable on return, so that
  /// what stands before it may go.
  Status begin_later(const SegmentHeader& first);

 private:
  ManifestWriter(std::unique_ptr<File> file, const ManifestSlot& current, std::uint64_t step)
      : file_(std::move(file)), current_(current), step_(step) {}

  static constexpr std::uint64_t kNextStep = 1;

  std::unique_ptr<File> file_;
  ManifestSlot current_;
  // To the generation written next; its parity picks the slot. Always the slot that is not known to
  // be durable: the older one, but for the first write of a life the newest that reads, since the
  // sync behind it may have failed in the life before.
  std::uint64_t step_;
};

/// none: missing, short, torn or foreign, which is no evidence and never an error. Read twice
/// before that is the answer: the writer may have been in the middle of it.
Result<std::optional<LockRecord>> read_lock_record(Directory& directory);

/// Rewrites LOCK, without a sync. One thread at a time.
class LockRecordWriter {
 public:
  static Result<LockRecordWriter> open(Directory& directory);
  /// A failure costs evidence, not data: the caller need not fail for it.
  Status write(const LockRecord& record);

 private:
  explicit LockRecordWriter(std::unique_ptr<File> file) : file_(std::move(file)) {}
  std::unique_ptr<File> file_;
};

/// Reads up to `bytes` from the start of a file.
Result<Bytes> read_start(Directory& directory, std::string_view name, std::size_t bytes);

}  // namespace walkit::log
