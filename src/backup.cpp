#include "walkit/backup.hpp"

#include <algorithm>
#include <new>

#include "io/copy_file.hpp"
#include "log/backup.hpp"

namespace walkit {
namespace {

Error no_memory() noexcept { return {.code = Errc::no_memory, .message = "out of memory"}; }

// Whether the state can be had: the checkpoint, and all entries above it.
Status check_fit(const EntryIdRange& entries, EntryId checkpoint) {
  Error error{.code = Errc::gap,
              .lost = {checkpoint + 1, entries.first - 1},
              .next_step = "take another backup; a named pin keeps the log meanwhile"};
  if (checkpoint + 1 < entries.first) {
    error.message = "the log begins at entry " + to_string(entries.first) +
                    ", and the newest checkpoint ends at " + to_string(checkpoint);
    return error;
  }
  if (checkpoint <= entries.last) return {};
  error.lost = {entries.last + 1, checkpoint};
  error.message = "the newest checkpoint ends at entry " + to_string(checkpoint) +
                  ", and the log at " + to_string(entries.last);
  return error;
}

// Into the list of the log's files. It is whole without: but a checkpoint that got lost later would
// not be missed.
Status list_checkpoints(Directory& target, const std::string& wal, const std::string& checkpoints,
                        const std::vector<CheckpointInfo>& copied) {
  const auto home = target.subdirectory(wal, OpenMode::write);
  if (!home) return home.error();
  const auto folder = target.subdirectory(checkpoints, OpenMode::read);
  if (!folder) return folder.error();
  const auto lock = (*home)->lock();
  if (!lock) return lock.error();
  auto list = log::read_backup_list(**home);
  if (!list) return list.error();
  for (const CheckpointInfo& info : copied) {
    const auto file = (*folder)->open(info.file, OpenMode::read);
    if (!file) return file.error();
    const auto sum = io::copy_bytes(**file, nullptr);
    if (!sum) return sum.error();
    list->files.push_back({checkpoints + "/" + info.file, sum->bytes, sum->crc});
  }
  return log::write_backup_list(**home, *list);
}

// The files of the list that are in the folder of that name.
Status check_listed(Directory& target, const std::string& name, const log::BackupList& list,
                    std::vector<Error>& damage) {
  for (const log::BackupFile& file : list.files) {
    if (!file.name.starts_with(name + "/")) continue;
    const auto folder = target.subdirectory(name, OpenMode::read);
    if (!folder) {
      damage.push_back(folder.error());
      return {};
    }
    auto fault =
        log::check_file(**folder, {file.name.substr(name.size() + 1), file.bytes, file.crc});
    if (!fault) return fault.error();
    if (*fault) damage.push_back(std::move(**fault));
  }
  return {};
}

}  // namespace

std::string to_string(const StateBackupReport& report) {
  return to_string(report.wal) + "; checkpoints: " + std::to_string(report.checkpoints.size());
}

Result<StateBackupReport> back_up(const WalMaintenance& log, const CheckpointFiles& checkpoints,
                                  std::shared_ptr<Directory> empty_target) try {
  if (!empty_target) {
    return Error{.code = Errc::invalid_argument, .message = "the directory is a null pointer"};
  }
  // What the oldest checkpoint needs stays until it is copied. There may be no log to hold.
  const auto pinned = log.pin(EntryId{});
  auto copied = checkpoints.copy_to(empty_target);
  if (!copied) return std::move(copied).error();
  auto wal = log.backup(empty_target);
  if (!wal) return std::move(wal).error();
  if (!copied->empty()) {
    if (Status ok = check_fit(wal->entries, copied->back().entry_id); !ok) return ok.error();
    Status ok = list_checkpoints(*empty_target, log.subdirectory(),
                                 checkpoints.options().subdirectory, *copied);
    if (!ok) return ok.error();
  }
  return StateBackupReport{*wal, std::move(*copied)};
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<VerifyReport> verify_backup(std::shared_ptr<Directory> target, ReadOptions wal,
                                   CheckpointOptions checkpoints) try {
  auto report = WalMaintenance::verify_backup(target, wal);
  if (!report) return report;
  const auto folder = target->subdirectory(wal.subdirectory, OpenMode::read);
  if (!folder) return folder.error();
  const auto list = log::read_backup_list(**folder);
  if (!list) return list.error();
  Status ok = check_listed(*target, checkpoints.subdirectory, *list, report->damage);
  if (!ok) return ok.error();
  checkpoints.max_bytes = ~std::uint64_t{0};
  const auto store = CheckpointFiles::open(std::move(target), std::move(checkpoints), std::nullopt);
  if (!store) return store.error();
  const auto infos = store->list();
  if (!infos) return infos.error();
  EntryId newest_good{};
  for (const CheckpointInfo& info : *infos) {
    const auto read = store->read(info.entry_id, [](BytesView) { return Status{}; });
    if (read) newest_good = info.entry_id;
    if (!read && read.error().code == Errc::no_memory) return read.error();
    const auto is_told = [&](const Error& told) { return told.file == info.file; };
    if (!read && std::none_of(report->damage.begin(), report->damage.end(), is_told)) {
      report->damage.push_back(read.error());
    }
  }
  if (infos->empty()) return report;
  Status fits = check_fit(list->entries, newest_good);
  if (!fits) report->damage.push_back(std::move(fits).error());
  return report;
} catch (const std::bad_alloc&) {
  return no_memory();
}

}  // namespace walkit
