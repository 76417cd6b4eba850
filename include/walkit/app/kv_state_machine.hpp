#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "walkit/app/kv_snapshot.hpp"
#include "walkit/app/kv_types.hpp"
#include "walkit/app/kv_watch.hpp"
#include "walkit/backup.hpp"
#include "walkit/base/result.hpp"
#include "walkit/checkpoint/background.hpp"
#include "walkit/checkpoint/checkpoint_files.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/options.hpp"
#include "walkit/log/reports.hpp"
#include "walkit/maintenance.hpp"

namespace walkit::kv {

struct KvOptions {
  WalOptions wal{};
  CheckpointOptions checkpoint{};
  // A checkpoint is taken in the background when one of these is reached, counted since the last
  // one; all 0: by checkpoint() alone.
  std::uint64_t checkpoint_every_bytes = 64u << 20;
  std::uint64_t checkpoint_every_entries = 1'000'000;
  std::chrono::milliseconds checkpoint_every = std::chrono::seconds(10);
  bool checkpoint_on_close = false;
  // The newest changes are kept in memory for who watches, as many as both allow.
  std::size_t history_changes = 65536;
  std::size_t history_bytes = 16u << 20;  // keys and values, which the state may have too
};

struct KvStats {
  WalStats wal{};
  CheckpointStats checkpoints{};
  EntryIdRange replayed{};                   // by open, above the checkpoint that it began with
  std::vector<Error> skipped_checkpoints{};  // damaged, by open
};

/// The state machine of a replicated log: keys and values, in memory and durable. What an entry
/// does and answers is decided when it is applied, from the entries alone, and logged; a restart
/// does it again and decides nothing. The index of the newest entry is in the same frame as what it
/// did, so an entry that is delivered again changes nothing and has the outcome that it had.
///
/// No clock has a say but the times in the entries: what ends at the latest of them or before is
/// not there. So replicas that applied the same entries are equal, to the byte of a snapshot.
///
/// Errors come back before anything was applied, and it goes on; but `poisoned`: a write or sync
/// failed, and it must be opened again, as every walkit log. Calls that answer no Result throw
/// std::bad_alloc where there is no memory for a copy of what they read. Any number of threads may
/// call it; moving, assigning and destroying it need it alone.
class KvStateMachine {
 public:
  /// Creates it, or recovers what was applied: all it shows is durable. locked: another process has
  /// it. corrupt, gap: acknowledged entries or the snapshot they need are gone. incompatible.
  static Result<KvStateMachine> open(std::shared_ptr<Directory> directory, KvOptions options = {});
  KvStateMachine(KvStateMachine&&) noexcept;
  KvStateMachine& operator=(KvStateMachine&&) noexcept;
  ~KvStateMachine();

  /// One outcome for each entry, in their order; each sees what those before it did. Durable on
  /// return, whole or not at all, by one sync. Entries up to last_index() are passed over with the
  /// outcome they had; with none that is newer nothing is written. invalid_argument: indices that
  /// do not rise, a term that falls, a command that cannot be; too_large, no_space: as append.
  /// Of chunks from several threads the one with the higher indices may come first and make the
  /// other a duplicate.
  Result<std::vector<Outcome>> apply(std::span<const Request> chunk);

  [[nodiscard]] std::optional<std::string> get(std::string_view key) const;
  /// Of one moment.
  [[nodiscard]] std::vector<std::optional<std::string>> get(
      std::span<const std::string> keys) const;
  /// With the term and index of the entry that wrote it, and its end.
  [[nodiscard]] std::optional<Value> find(std::string_view key) const;
  [[nodiscard]] std::vector<std::optional<Value>> find(std::span<const std::string> keys) const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> scan_prefix(
      std::string_view prefix, std::size_t limit) const;
  /// The first `limit` keys of the range, and where to go on; of one moment. For pages of one
  /// moment take a snapshot().
  [[nodiscard]] Page scan(const KeyRange& range, std::size_t limit) const;
  [[nodiscard]] std::size_t size() const;  // keys

  [[nodiscard]] std::uint64_t last_index() const;  // of the newest entry applied; 0: none
  [[nodiscard]] std::uint64_t last_term() const;
  [[nodiscard]] Time now() const;  // logical: the latest time in an entry
  /// Of the next key or lease: what a proposer that wants it gone must pass with Tick.
  [[nodiscard]] std::optional<Time> next_expiry() const;
  /// When a lease ends; none: it is over, or never was.
  [[nodiscard]] std::optional<Time> lease_end(std::uint64_t lease) const;

  /// The state behind last_index(), at no cost that grows with it.
  [[nodiscard]] KvSnapshot snapshot() const;
  /// Takes the place of the whole state, in one moment: durable, or on an error nothing has
  /// changed. It passes through the log, in parts; reads go on, apply() waits. invalid_argument: it
  /// is older than the state. no_space, poisoned.
  Status install(const KvSnapshot& snapshot);

  /// The changes of keys that begin so, of entries from `from` on. Begin with what a scan shows,
  /// and its revision + 1. A gap: they are kept no more; after a restart the oldest that are kept
  /// are those above the checkpoint.
  [[nodiscard]] Watch watch(std::string_view prefix, std::uint64_t from) const;

  /// Takes one now, durable.
  Status checkpoint();
  /// Log and checkpoints, into an empty folder; applying goes on meanwhile.
  Result<StateBackupReport> backup(std::shared_ptr<Directory> empty_target) const;
  [[nodiscard]] RecoveryReport recovery() const;
  [[nodiscard]] Verdict verdict() const;  // of the log; where it is healthy, of the last checkpoint
  [[nodiscard]] KvStats stats() const;
  [[nodiscard]] WalMaintenance maintenance() const;
  /// What is wrong in memory: nothing. For tests; takes time for the whole state.
  [[nodiscard]] std::vector<std::string> check_invariants() const;
  Status close();

 private:
  struct Core;
  explicit KvStateMachine(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;  // none: moved from
};

}  // namespace walkit::kv
