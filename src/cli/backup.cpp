#include <fmt/format.h>

#include "cli/judge.hpp"
#include "cli/place.hpp"
#include "cli/text.hpp"
#include "walkit/backup.hpp"

namespace walkit::cli {
namespace {

// What it says of a backup, checked; the exit code for it.
ExitCode judge_backup(Report& report, const std::shared_ptr<Directory>& target,
                      const std::string& subdirectory) {
  const auto found = verify_backup(target, {.subdirectory = subdirectory});
  if (!found) return report.fail(found.error());
  Json& damage = report["damage"] = Json::array();
  ExitCode code = kIntact;
  for (const Error& error : found->damage) {
    damage.push_back(json_of(error));
    report.fail(error);
    code = kDamage;
  }
  report["entries"] = json_of(found->entries);
  return code;
}

ExitCode check(Report& report, const BackupOptions& options) {
  const auto place = find_log(options.directory, FsAccess::read_only);
  if (!place) return report.finish(report.fail(place.error()));
  const ExitCode code = judge_backup(report, place->parent, place->subdirectory);
  return report.finish(code, code == kIntact ? "a whole backup\n" : "");
}

ExitCode take(Report& report, const BackupOptions& options) {
  report["target"] = options.target;
  const auto give_up = [&](const Error& error) { return report.finish(report.fail(error)); };
  const auto place = find_log(options.directory, FsAccess::read_only);
  if (!place) return give_up(place.error());
  if (Status ok = check_new_target(options.directory, options.target); !ok) {
    return give_up(ok.error());
  }
  if (Status ok = tell_writer(report, *place, ": copied up to what is durable"); !ok) {
    return give_up(ok.error());
  }
  const auto log = WalMaintenance::open(place->parent, {.subdirectory = place->subdirectory});
  if (!log) return give_up(log.error());
  const auto checkpoints = CheckpointFiles::open(place->parent, {}, std::nullopt);
  if (!checkpoints) return give_up(checkpoints.error());
  const auto target = FsDirectory::open(options.target);
  if (!target) return give_up(target.error());
  const auto copied = back_up(*log, *checkpoints, *target);
  if (!copied) return give_up(copied.error());
  report["bytes"] = copied->wal.bytes;
  report["linked_segments"] = copied->wal.linked_files;
  report["copied_segments"] = copied->wal.copied_files;
  report["checkpoints"] = copied->checkpoints.size();
  const ExitCode code = judge_backup(report, *target, place->subdirectory);
  report["entries"] = json_of(copied->wal.entries);
  return report.finish(
      code, fmt::format("entries: {}\nbytes: {}\nsegments: {} linked, {} copied\ncheckpoints: "
                        "{}\nbackup: {}, {}\n",
                        to_string(copied->wal.entries), copied->wal.bytes, copied->wal.linked_files,
                        copied->wal.copied_files, copied->checkpoints.size(),
                        escape(options.target), code == kIntact ? "verified" : "NOT whole"));
}

}  // namespace

ExitCode backup(const BackupOptions& options) {
  Report report("backup", options.json ? Report::Form::json : Report::Form::lines);
  report["directory"] = options.directory;
  return options.target.empty() ? check(report, options) : take(report, options);
}

}  // namespace walkit::cli
