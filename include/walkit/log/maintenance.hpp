#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/maintenance_reports.hpp"
#include "walkit/log/options.hpp"
#include "walkit/log/pins.hpp"
#include "walkit/log/reports.hpp"

namespace walkit {

namespace log {
class LogCore;
struct CarePlace;
}  // namespace log

/// Care of a log whatever its entries are: beside a writer by WalWriter::maintenance(), else by
/// open(), where calls that change something take the writer's lock and answer `locked` if a writer
/// has it. By the first, calls answer `closed` once the writer is closed, if they change something.
/// Memory is bounded by the largest frame and by what is told. Copies care for the same log. Any
/// thread.
class WalMaintenance {
 public:
  /// not_found: no such folder. The log in it may be in any state. Of the options subdirectory,
  /// expect_durable_through, frame_bytes_max and threads count.
  static Result<WalMaintenance> open(std::shared_ptr<Directory> directory,
                                     ReadOptions options = {});

  /// Ends the log there, in whatever state it is, and begins an empty one in its place, whose first
  /// entry is the one behind `through`. log: its identity, that of the checkpoint; zeros: a new
  /// one. For who has a checkpoint that is ahead of the log, or has lost the log: the log must not
  /// give ids that the checkpoint covers a second time. The old files go whole into quarantine/; a
  /// missing folder is made. Durable on return. After an error or a crash the log is the old one or
  /// the new one, and the same call finishes; where it is so already, it does nothing.
  ///
  /// invalid_argument: the log holds entries above `through`, or a witness says that some were
  /// durable there. What left no witness is given up. locked: a writer has it. incompatible: a
  /// newer walkit wrote part of it.
  static Status continue_after(std::shared_ptr<Directory> directory, EntryId through,
                               ReadOptions options = {}, LogIdentity log = {});

  /// The files, oldest first. corrupt: see verify().
  Result<std::vector<SegmentInfo>> segment_ranges() const;

  /// Removes whole segments whose entries are all below `keep`, oldest first; never the newest, and
  /// none that a pin holds. Gives the oldest entry left. Durable on return. Costs a look at the
  /// names, and where something goes two syncs, during which appends wait, and one more. Which
  /// entries a segment has is known from the names: none is read.
  ///
  /// locked: a writer has the log; ask WalWriter::maintenance(). corrupt: see verify(). io,
  /// no_memory: before MANIFEST was written nothing is gone, and a writer whose write of it failed
  /// is done for, as after every failed write; behind that some files may be left, which
  /// this call, asked again, or the next open for writing removes.
  Result<EntryId> trim_before(EntryId keep, Retention retention = {}) const;
  /// What trim_before() would do. Changes nothing.
  Result<TrimPlan> plan_trim(EntryId keep, Retention retention = {}) const;

  /// Holds entries from `from` on (EntryId{}: the oldest) against trims of this object and its
  /// copies, while the pin lives. gap: `from` is trimmed already.
  Result<RetentionPin> pin(EntryId from) const;
  /// Holds them against every trim, in any process, until released: for followers and backups that
  /// come and go. A file in the log's folder; durable on return, and in place of one of that name.
  /// As long as the log from there on is no larger than bytes_max: a reader that died must not fill
  /// the disk. Gives the first entry that is held. Costs two syncs, so it is not for each entry.
  /// invalid_argument: the name is not 1 to 64 of a-z, 0-9, _ and -. gap: trimmed already. io,
  /// invalid_argument: the folder cannot be written, as on a read-only file system. locked: others
  /// pin or trim and do not come to an end.
  Result<EntryId> pin(std::string_view name, EntryId from, std::uint64_t bytes_max) const;
  /// The same name and bytes_max, from another entry on. not_found: no such pin. Else as pin(); an
  /// error leaves the pin where it was.
  Result<EntryId> move_pin(std::string_view name, EntryId from) const;
  /// Durable on return. not_found: no such pin.
  Status release_pin(std::string_view name) const;
  /// The named ones, by name. One that cannot be read is among them.
  Result<std::vector<PinInfo>> pins() const;

  /// Reads every byte that counts, and goes on behind damage. Beside a writer it ends at what is
  /// durable. Errors are those of the folder; what is wrong with the log is in the report.
  Result<VerifyReport> verify() const;

  /// Copies all that verifies into a new log of its own identity in the same subdirectory of
  /// `empty_target`. Ids, payloads, times and schemas stay; holes become recorded losses, so that
  /// strict replay of the copy needs RecordedLoss::accept. The copy is durable on return and opens
  /// for writing. already_exists: something is there. An error leaves files there that no writer
  /// opens, to be deleted before the next try. Beside a writer it ends at what is durable.
  Result<SalvageReport> salvage(std::shared_ptr<Directory> empty_target) const;

  /// Copies the entries up to `behind` into a new log of its own identity in the same subdirectory
  /// of `empty_target`, whose first frame, a marker, names its parent: see LogReader::parent().
  /// Ids, payloads, times and schemas stay; the next entry of the fork is the one behind `behind`,
  /// in both logs, and never the same. Durable on return; opens for writing. Reads and writes all
  /// of those entries. Beside a writer: what is durable.
  ///
  /// already_exists: something is there. gap: trimmed already. not_found: the log ends before.
  /// corrupt: damage on the way; see salvage(). An error leaves files there that no writer opens,
  /// to be deleted before the next try.
  Result<SalvageReport> fork(std::shared_ptr<Directory> empty_target, EntryId behind) const;

  /// Copies a log (beside a writer what is durable now, else all that reads) into the subdirectory
  /// of its name in `empty_target`, and then BACKUP, with the bytes and the checksum of each of the
  /// others. The copy is the same log, of the same identity: it opens for reading and writing.
  /// Segments that are written no more are hard links where the directory can (another device:
  /// copies), and the copy never writes into them; the rest is copied. Durable on return. Beside
  /// a writer ask its maintenance(), which holds the log against trims meanwhile; else one that is
  /// trimmed makes the backup begin again, and at last answer gap. Reads every byte, changes none.
  ///
  /// already_exists: something is there. corrupt: the log is damaged at its end, or has no
  /// MANIFEST; see plan_repair(). An error or a crash leaves files without BACKUP, to be deleted
  /// before the next try.
  Result<BackupReport> backup(std::shared_ptr<Directory> empty_target) const;
  /// Whether a backup is what was copied, by its checksums, and a whole log: `damage` says what is
  /// not. not_found: no BACKUP, so that it was interrupted. One that was opened for writing since
  /// is a log of its own and no backup any more.
  static Result<VerifyReport> verify_backup(std::shared_ptr<Directory> target,
                                            ReadOptions options = {});

  /// What it takes so that the log can be opened for writing and replayed again. Empty for a log
  /// that is healthy, or that open-for-write settles itself (a torn tail). locked: a writer is
  /// there. incompatible: a newer walkit wrote part of it, and must repair it. Reads the whole log.
  Result<RepairPlan> plan_repair() const;

  /// Does what the plan says, under the writer's lock, and is durable on return. Old files go
  /// whole into quarantine/; none is edited or deleted but temporary ones. A log with damaged
  /// segments is written anew, so there must be room for it twice: no_space comes before
  /// anything is changed. After any other error or a crash make a new plan: the log is as before,
  /// as after, or the new plan finishes. locked: a writer is there. invalid_argument: the log
  /// changed since, or `accepted` does not cover plan.lost.
  Status apply(const RepairPlan& plan, EntryIdRange accepted = {}) const;

  /// Of the log, in the directory that it was opened in.
  [[nodiscard]] const std::string& subdirectory() const;

 private:
  friend class LogWriter;
  WalMaintenance(std::shared_ptr<const log::CarePlace> place, std::shared_ptr<log::LogCore> core)
      : place_(std::move(place)), core_(std::move(core)) {}
  Result<std::shared_ptr<Directory>> home(OpenMode mode) const;

  std::shared_ptr<const log::CarePlace> place_;  // none: of a writer that was moved from
  std::shared_ptr<log::LogCore> core_;           // none: by open()
};

}  // namespace walkit
