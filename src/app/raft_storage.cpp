#include "walkit/app/raft_storage.hpp"

#include <new>
#include <utility>

#include "app/raft_group.hpp"
#include "app/shared_log.hpp"

namespace walkit::raft {

struct SnapshotWriter::Work {
  std::shared_ptr<Group> group;
  SnapshotInfo info;
  bool install;
  CheckpointFiles::Saving saving;
};

SnapshotWriter::SnapshotWriter(std::unique_ptr<Work> work) : work_(std::move(work)) {}
SnapshotWriter::SnapshotWriter(SnapshotWriter&&) noexcept = default;
SnapshotWriter& SnapshotWriter::operator=(SnapshotWriter&&) noexcept = default;
SnapshotWriter::~SnapshotWriter() = default;

namespace {

Error is_over() {
  return {.code = Errc::closed, .message = "this snapshot was committed, or moved from"};
}

}  // namespace

Status SnapshotWriter::write(BytesView chunk) try {
  if (!work_) return is_over();
  work_->saving.out().write(chunk);
  return work_->saving.failure();
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status SnapshotWriter::commit() {
  if (!work_) return is_over();
  const std::unique_ptr<Work> work = std::move(work_);
  return work->group->commit_snapshot(work->info, work->install, work->saving);
}

Result<RaftStorage> RaftStorage::open(std::shared_ptr<Directory> directory, RaftOptions options,
                                      Commands commands) {
  auto log = RaftLogGroup::open(std::move(directory), std::move(options));
  if (!log) return std::move(log).error();
  auto storage = log->storage(0, commands);
  if (storage) storage->owns_log_ = true;
  return storage;
}

Status RaftStorage::save(const std::optional<HardState>& hard_state,
                         std::span<const EntryBytes> entries) {
  return group_->save(hard_state, entries);
}

Result<Ticket> RaftStorage::save_async(const std::optional<HardState>& hard_state,
                                       std::span<const EntryBytes> entries) {
  return group_->submit(hard_state, entries);
}

Status RaftStorage::truncate(std::uint64_t from) { return group_->truncate(from); }
Status RaftStorage::stage_commit(std::uint64_t index) { return group_->stage_commit(index); }
Status RaftStorage::stage_applied(std::uint64_t index) { return group_->stage_applied(index); }
Status RaftStorage::sync() { return group_->sync(); }
Status RaftStorage::close() { return owns_log_ ? group_->log().close() : group_->close(); }

Result<Leadership> RaftStorage::lead(std::uint64_t term) const {
  return group_->lead(group_, term);
}

HardState RaftStorage::hard_state() const { return group_->hard_state(); }
std::uint64_t RaftStorage::commit_index() const { return group_->progress().commit; }
std::uint64_t RaftStorage::applied_index() const { return group_->progress().applied; }
std::uint64_t RaftStorage::first_index() const { return group_->first_index(); }
std::uint64_t RaftStorage::last_index() const { return group_->last_index(); }
std::uint64_t RaftStorage::last_term() const { return group_->last_term(); }

Result<std::uint64_t> RaftStorage::term_at(std::uint64_t index) const {
  return group_->term_at(index);
}

Result<std::vector<OwnedEntryBytes>> RaftStorage::entries(std::uint64_t first, std::uint64_t last,
                                                          std::uint64_t bytes_max) const {
  return group_->entries(first, last, bytes_max);
}

std::vector<std::uint64_t> RaftStorage::configurations() const { return group_->configurations(); }
std::optional<SnapshotInfo> RaftStorage::snapshot_info() const { return group_->snapshot_info(); }

Result<SnapshotWriter> RaftStorage::begin(const SnapshotInfo& info, bool install) try {
  auto saving = group_->begin_snapshot(info, install);
  if (!saving) return std::move(saving).error();
  return SnapshotWriter(std::unique_ptr<SnapshotWriter::Work>(
      new SnapshotWriter::Work{group_, info, install, std::move(*saving)}));
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<SnapshotWriter> RaftStorage::begin_snapshot(const SnapshotInfo& info) {
  return begin(info, false);
}

Result<SnapshotWriter> RaftStorage::begin_install(const SnapshotInfo& info) {
  return begin(info, true);
}

Result<SnapshotInfo> RaftStorage::read_snapshot(
    const std::function<Status(BytesView)>& take) const {
  return group_->read_snapshot(take);
}

WalStats RaftStorage::stats() const { return group_->log().writer().stats(); }
RecoveryReport RaftStorage::recovery() const {
  RecoveryReport report = group_->log().writer().recovery();
  for (Error& skipped : group_->skipped_snapshots()) report.warnings.push_back(std::move(skipped));
  return report;
}
std::uint32_t RaftStorage::max_command_bytes() const { return group_->max_command_bytes(); }

Result<RaftLogGroup> RaftLogGroup::open(std::shared_ptr<Directory> directory, RaftOptions options) {
  auto log = SharedLog::open(std::move(directory), std::move(options));
  if (!log) return std::move(log).error();
  return RaftLogGroup(std::move(*log));
}

Result<RaftStorage> RaftLogGroup::storage(std::uint64_t group,
                                          RaftStorage::Commands commands) const {
  auto found = log_->group(group, commands);
  if (!found) return std::move(found).error();
  return RaftStorage(std::shared_ptr<Group>(log_, *found));
}

std::vector<std::uint64_t> RaftLogGroup::groups() const { return log_->born(); }
Status RaftLogGroup::close() { return log_->close(); }
WalStats RaftLogGroup::stats() const { return log_->writer().stats(); }

}  // namespace walkit::raft
