#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "walkit/app/raft_types.hpp"
#include "walkit/base/result.hpp"
#include "walkit/checkpoint/checkpoint_files.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/options.hpp"
#include "walkit/log/reports.hpp"
#include "walkit/log/ticket.hpp"

namespace walkit::raft {

class Group;
class SharedLog;

/// How it is kept.
struct RaftOptions {
  WalOptions wal{};  // its flush policy, durability and entry type are not asked for
  CheckpointOptions snapshots{.max_bytes = std::uint64_t{1} << 40, .subdirectory = "snapshots"};
  /// So many entries below a snapshot stay readable, for followers that are a little behind.
  std::uint64_t trailing_entries = 0;
  /// Newest entries that are kept in memory, payloads counted. What is not durable yet is kept
  /// beyond it.
  std::uint64_t cache_bytes = 16u << 20;

  /// invalid_argument names the field and its legal range.
  [[nodiscard]] Status validate() const;
};

/// A snapshot on its way to disk, chunk by chunk. One that is destroyed before commit() leaves
/// nothing. One thread.
class SnapshotWriter {
 public:
  SnapshotWriter(SnapshotWriter&&) noexcept;
  SnapshotWriter& operator=(SnapshotWriter&&) noexcept;
  ~SnapshotWriter();

  /// too_large, no_space, io: it cannot be committed any more, and nothing has changed.
  Status write(BytesView chunk);
  /// Durable and read back on return; bytes and what is said of them come to be in one moment. Then
  /// entries that it covers go, as RaftOptions::trailing_entries says. One at the index of the
  /// newest replaces it, and no entry is kept for the one before any more. Where it replaces the
  /// log, saves of entries answer `locked` meanwhile. poisoned: the log could not be told; open it
  /// again, and it is there. Other errors: it is not there, or, after io, the next open decides.
  Status commit();

 private:
  friend class RaftStorage;
  struct Work;
  explicit SnapshotWriter(std::unique_ptr<Work> work);
  std::unique_ptr<Work> work_;
};

/// The entries that a leader appends in its term, by any number of threads. Indices are given
/// without a lock; entries become visible in the order of their indices, without holes. It is over,
/// and answers `closed`, when the log takes entries, a truncation, a snapshot that replaces it or a
/// newer term from elsewhere, when another one was begun, and when an entry was refused (no_space),
/// since those behind it would leave a hole: begin again with lead(). A Done that holds the
/// Leadership keeps it alive until it is told. Any thread.
class Leadership {
 public:
  /// Told once: the index, when the entry and all before it are durable; poisoned: in doubt. By the
  /// log's thread, or before the call returns; must not throw or wait.
  using Done = std::function<void(Result<std::uint64_t>)>;

  [[nodiscard]] std::uint64_t term() const;
  /// The index that the next entry will have. It must be completed or abandoned, or all behind it
  /// wait for ever.
  [[nodiscard]] std::uint64_t reserve() const noexcept;
  /// Fills it. Waits until it is durable; may be called in any order. too_large: the index became a
  /// noop instead.
  Result<std::uint64_t> complete(std::uint64_t index, EntryKind kind, BytesView payload) const;
  /// The same, and tells `done` instead of waiting. In memory until all before it are there.
  Status complete_async(std::uint64_t index, EntryKind kind, BytesView payload, Done done) const;
  /// The index becomes a noop.
  void abandon(std::uint64_t index) const noexcept;

 private:
  friend class Group;
  class SharedLog;
  struct Core;
  explicit Leadership(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  std::shared_ptr<Core> core_;
};

/// RaftLog's compiled half: commands are bytes that a codec made. Each call does what the call of
/// the same name there says; an application uses that one. Any thread.
class RaftStorage {
 public:
  /// codec: the four characters that name who made the commands; type: "" is not checked.
  struct Commands {
    std::uint32_t codec = 0;
    EntryType type{};
  };

  static Result<RaftStorage> open(std::shared_ptr<Directory> directory, RaftOptions options,
                                  Commands commands);

  Status save(const std::optional<HardState>& hard_state, std::span<const EntryBytes> entries);
  Result<Ticket> save_async(const std::optional<HardState>& hard_state,
                            std::span<const EntryBytes> entries);
  Status truncate(std::uint64_t from);
  Status stage_commit(std::uint64_t index);
  Status stage_applied(std::uint64_t index);
  Status sync();
  Status close();
  Result<Leadership> lead(std::uint64_t term) const;

  [[nodiscard]] HardState hard_state() const;
  [[nodiscard]] std::uint64_t commit_index() const;
  [[nodiscard]] std::uint64_t applied_index() const;
  [[nodiscard]] std::uint64_t first_index() const;
  [[nodiscard]] std::uint64_t last_index() const;
  [[nodiscard]] std::uint64_t last_term() const;
  Result<std::uint64_t> term_at(std::uint64_t index) const;
  Result<std::vector<OwnedEntryBytes>> entries(std::uint64_t first, std::uint64_t last,
                                               std::uint64_t bytes_max) const;
  [[nodiscard]] std::vector<std::uint64_t> configurations() const;

  [[nodiscard]] std::optional<SnapshotInfo> snapshot_info() const;
  Result<SnapshotWriter> begin_snapshot(const SnapshotInfo& info);
  Result<SnapshotWriter> begin_install(const SnapshotInfo& info);
  Result<SnapshotInfo> read_snapshot(const std::function<Status(BytesView)>& take) const;

  [[nodiscard]] WalStats stats() const;
  [[nodiscard]] RecoveryReport recovery() const;
  [[nodiscard]] std::uint32_t max_command_bytes() const;

 private:
  friend class RaftLogGroup;
  explicit RaftStorage(std::shared_ptr<Group> group) : group_(std::move(group)) {}
  Result<SnapshotWriter> begin(const SnapshotInfo& info, bool install);

  std::shared_ptr<Group> group_;
  bool owns_log_ = false;
};

/// Several groups that share one log and so one sync. What goes wrong with the entries or the
/// snapshots of one is answered by that one alone; a failed write or sync is everybody's. Entries
/// of a group that takes no snapshots hold the log of all, and so do those behind the older of its
/// two; a group that will stand still saves its snapshot twice. No group is ever removed. Any
/// thread.
class RaftLogGroup {
 public:
  /// Opens the log and looks at every group in it.
  static Result<RaftLogGroup> open(std::shared_ptr<Directory> directory, RaftOptions options = {});
  /// The compiled half of a group's log; see RaftLog::open. It may outlive this object.
  Result<RaftStorage> storage(std::uint64_t group, RaftStorage::Commands commands) const;
  /// Those that ever saved something, sorted.
  [[nodiscard]] std::vector<std::uint64_t> groups() const;
  /// Of all groups; they answer `closed` afterwards.
  Status close();
  [[nodiscard]] WalStats stats() const;

 private:
  explicit RaftLogGroup(std::shared_ptr<SharedLog> log) : log_(std::move(log)) {}
  std::shared_ptr<SharedLog> log_;
};

}  // namespace walkit::raft
