#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "walkit/app/raft_storage.hpp"
#include "walkit/app/raft_types.hpp"
#include "walkit/codec.hpp"

namespace walkit {
template <class E>
class CerealCodec;  // walkit/cereal_codec.hpp, for commands that are no bytes
}  // namespace walkit

namespace walkit::raft {

template <class Command>
using CommandCodec =
    typename std::conditional_t<BytesEntry<Command>, std::type_identity<BytesCodec>,
                                std::type_identity<CerealCodec<Command>>>::type;

/// One entry. A value.
template <class Command = Bytes>
struct LogEntry {
  std::uint64_t index = 0, term = 0;
  EntryKind kind = EntryKind::command;
  Command command{};  // of kind command
  Bytes data{};       // of the others: the engine's
  friend bool operator==(const LogEntry&, const LogEntry&) = default;  // where Command has it
};

/// What one step of a Raft engine has to make durable before it answers anybody. A value.
template <class Command = Bytes>
struct Update {
  std::optional<HardState> hard_state{};
  std::vector<LogEntry<Command>> entries{};  // take the place of all from their first index on
};

template <class Command = Bytes, class C = CommandCodec<Command>>
class RaftLeader;

/// What a Raft server keeps: hard state, entries and how far they are committed, in one log, so
/// that a step costs one write and one sync; and snapshots beside it. Opening reads the entries
/// since the snapshot before the newest, and all of the newest snapshot. Memory: the newest entries
/// (RaftOptions::cache_bytes), and 40 bytes for each run of neighbours in the log, which is a term
/// of a group that is alone, or what it saves between two saves of other groups.
///
/// A damaged snapshot is passed over for the one before, if the log reaches back to that;
/// recovery() names it in its warnings. applied_index() may lie above the snapshot: a state machine
/// that is in memory alone begins at snapshot_info().
///
/// Errors: invalid_argument, too_large, no_space, no_memory: nothing has changed. poisoned, io: a
/// write or sync failed, and this server must not go on before it was opened again. corrupt: what a
/// server must not forget is gone; it must not vote. Any thread may call; entries of two threads
/// that do not know of each other belong to lead().
template <class Command = Bytes, class C = CommandCodec<Command>>
class RaftLog {
 public:
  using Entry = LogEntry<Command>;

  /// Creates it, or recovers it: all it shows is durable. locked: another process has it.
  /// incompatible: other commands, or a newer walkit.
  static Result<RaftLog> open(std::shared_ptr<Directory> directory, RaftOptions options = {},
                              C codec = {});
  /// One group of several in one log.
  static Result<RaftLog> open(const RaftLogGroup& log, std::uint64_t group, C codec = {});

  /// All or nothing, in one frame; durable on return, by one sync. Nothing new costs a sync only
  /// where something is not durable yet. invalid_argument: a hole, a term that falls, an entry that
  /// is committed or in the snapshot, another vote in the same term.
  Status save(const Update<Command>& update);
  /// The same; readable at once, and in memory only until somebody asks the ticket, or sync(), or
  /// saves: who asks brings about write and sync.
  Result<Ticket> save_async(const Update<Command>& update);
  /// Entries from there on are gone; durable on return. Beyond the last one: nothing happens.
  /// invalid_argument: one of them is committed or in the snapshot.
  Status truncate(std::uint64_t from) { return storage_.truncate(from); }
  /// How far entries are committed, and applied: written with the next save, or by sync() and
  /// close(), at no cost of its own. After a crash it may be older, never wrong. invalid_argument:
  /// it falls; above the last entry; more applied than committed.
  Status stage_commit(std::uint64_t index) { return storage_.stage_commit(index); }
  Status stage_applied(std::uint64_t index) { return storage_.stage_applied(index); }
  Status sync() { return storage_.sync(); }  // all so far is durable
  Status close() { return storage_.close(); }

  /// Appends as leader of `term`, which must be that of the hard state.
  Result<RaftLeader<Command, C>> lead(std::uint64_t term) const;

  [[nodiscard]] HardState hard_state() const { return storage_.hard_state(); }
  [[nodiscard]] std::uint64_t commit_index() const { return storage_.commit_index(); }
  [[nodiscard]] std::uint64_t applied_index() const { return storage_.applied_index(); }
  /// Of what is there: snapshot's + 1, or trailing_entries below; of the last, or the snapshot's.
  [[nodiscard]] std::uint64_t first_index() const { return storage_.first_index(); }
  [[nodiscard]] std::uint64_t last_index() const { return storage_.last_index(); }
  [[nodiscard]] std::uint64_t last_term() const { return storage_.last_term(); }
  /// Also of the entry before the first. gap: below. not_found: beyond the end.
  Result<std::uint64_t> term_at(std::uint64_t index) const { return storage_.term_at(index); }
  /// From first through last, as many as have bytes_max together, but at least one if there is
  /// any. gap: trimmed, or in the snapshot. not_found: `first` is more than one beyond the end.
  Result<std::vector<Entry>> entries(std::uint64_t first, std::uint64_t last,
                                     std::uint64_t bytes_max) const;
  Result<std::vector<Entry>> entries(std::uint64_t first, std::uint64_t bytes_max) const {
    return entries(first, std::numeric_limits<std::uint64_t>::max(), bytes_max);
  }
  /// gap, not_found.
  Result<Entry> entry(std::uint64_t index) const;
  /// The indices of entries that change the membership, behind first_index().
  [[nodiscard]] std::vector<std::uint64_t> configurations() const {
    return storage_.configurations();
  }

  [[nodiscard]] std::optional<SnapshotInfo> snapshot_info() const {
    return storage_.snapshot_info();
  }
  /// Of the state behind an entry that the log has. invalid_argument: it has not, or the snapshot
  /// is older than the one before. locked: another one is being written.
  Result<SnapshotWriter> begin_snapshot(const SnapshotInfo& info) {
    return storage_.begin_snapshot(info);
  }
  /// The leader's, whatever the log has: where it disagrees, or ends before, all of it is replaced
  /// by the commit.
  Result<SnapshotWriter> begin_install(const SnapshotInfo& info) {
    return storage_.begin_install(info);
  }
  /// Whole, from memory; see begin_snapshot() and begin_install().
  Status save_snapshot(const SnapshotInfo& info, BytesView state);
  Status install_snapshot(const SnapshotInfo& info, BytesView state);
  /// Gives the newest one's state to take(BytesView) -> Status, chunk by chunk. not_found: none was
  /// saved. corrupt: damaged since the open; what `take` was given is void.
  Result<SnapshotInfo> read_snapshot(const std::function<Status(BytesView)>& take) const {
    return storage_.read_snapshot(take);
  }
  Result<Snapshot> snapshot() const;

  [[nodiscard]] WalStats stats() const { return storage_.stats(); }
  [[nodiscard]] RecoveryReport recovery() const { return storage_.recovery(); }

 private:
  RaftLog(RaftStorage storage, C codec) : storage_(std::move(storage)), codec_(std::move(codec)) {}
  static RaftStorage::Commands commands() { return {CodecId{C::id}.value, entry_type<Command>}; }
  /// The entries as bytes, which lie in `memory`.
  Result<std::vector<EntryBytes>> encode(std::span<const Entry> entries,
                                         std::vector<Bytes>& memory) const;
  Result<Entry> decode(OwnedEntryBytes&& bytes) const;

  RaftStorage storage_;
  C codec_;
};

/// A leader's way to append, for any number of threads: see Leadership.
template <class Command, class C>
class RaftLeader {
 public:
  using Done = Leadership::Done;

  /// An index, to be used once. Destroyed without, it becomes a noop.
  class [[nodiscard]] Reservation {
   public:
    Reservation(Reservation&& other) noexcept
        : leader_(other.leader_), index_(std::exchange(other.index_, 0)) {}
    Reservation& operator=(Reservation&&) = delete;
    ~Reservation() {
      if (index_ != 0) leader_.leadership_.abandon(index_);
    }
    [[nodiscard]] std::uint64_t index() const { return index_; }
    /// Durable on return, with all before it, which it waits for. encode, too_large: it can be used
    /// for another command.
    Result<std::uint64_t> append(const Command& command);
    Status append_async(const Command& command, Done done);

   private:
    friend class RaftLeader;
    Reservation(RaftLeader leader, std::uint64_t index)
        : leader_(std::move(leader)), index_(index) {}
    RaftLeader leader_;
    std::uint64_t index_;
  };

  [[nodiscard]] std::uint64_t term() const { return leadership_.term(); }
  /// Never waits.
  [[nodiscard]] Reservation reserve() const { return Reservation(*this, leadership_.reserve()); }
  /// The index; durable on return, with all before it.
  Result<std::uint64_t> append(const Command& command) const;
  /// Calls done(Result<index>) once it is durable, with all before it.
  Status append_async(const Command& command, Done done) const;

 private:
  template <class, class>
  friend class RaftLog;
  RaftLeader(Leadership leadership, C codec, std::uint32_t bytes_max)
      : leadership_(std::move(leadership)), codec_(std::move(codec)), bytes_max_(bytes_max) {}
  Result<Bytes> encode(const Command& command) const;

  Leadership leadership_;
  C codec_;
  std::uint32_t bytes_max_;
};

}  // namespace walkit::raft

#include "walkit/app/raft_log_inl.hpp"
