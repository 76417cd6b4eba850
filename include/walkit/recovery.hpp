#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "walkit/checkpoint/checkpoint_store.hpp"
#include "walkit/checkpoint/recovery_errors.hpp"
#include "walkit/log/marker.hpp"
#include "walkit/log/observer.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit {

/// What recovery does with a checkpoint that knows more than the log. refuse: `corrupt`, since the
/// log lost entries. continue_from_checkpoint: the state is the checkpoint's; what the log had lost
/// is not missed. To write again: WalMaintenance::continue_after().
enum class CheckpointAhead { refuse, continue_from_checkpoint };

struct RecoverOptions {
  ReadOptions wal{};
  CheckpointOptions checkpoint{};
  ReplayMode mode = ReplayMode::best_effort;  // strict or best_effort
  /// Point in time: the state just after this entry. What comes behind it is not read.
  EntryId until = EntryId::max();
  CheckpointAhead ahead = CheckpointAhead::refuse;
};

/// A state, and where it comes from.
template <class State>
struct Recovered {
  State state{};
  EntryId applied_through{};                 // EntryId{}: nothing was ever logged
  EntryId checkpoint{};                      // EntryId{}: none was used
  ReplaySummary replay{};                    // of the entries above it
  std::vector<Error> skipped_checkpoints{};  // newer ones that are damaged
};

/// The newest good checkpoint, then the entries above it; memory is the state and one frame.
/// Changes nothing: to go on writing, open the writer first, so that what is seen is durable.
///
/// apply(State&, const E&) or apply(State&, const E&, EntryId) returns void or Status; what it
/// throws passes through. An empty directory gives State{}. Never a partial state: in case of an
/// error there is none.
///
/// gap: the log no longer reaches back to a usable checkpoint, or there is none and the log was
/// trimmed. corrupt: the checkpoint is ahead of the log, or of another log; damage. torn: a strict
/// replay met a torn end. not_found: the log ends before `until`.
template <class State, class E, class EC = CerealCodec<E>, class SC = CerealCodec<State>, class F>
Result<Recovered<State>> recover(std::shared_ptr<Directory> directory, RecoverOptions options,
                                 F&& apply);

/// Saves the state, durable; writes a marker into the log and syncs it; trims what the oldest kept
/// checkpoint covers, but for what a pin holds. Gives the oldest entry that is left. A failure or a
/// crash between the steps loses nothing, and it may be run again; where the disk is too full for
/// the marker, it trims first. invalid_argument: `through` is not durable. One at a time.
template <class State, class SC, class E, class EC>
Result<EntryId> publish_checkpoint(WalWriter<E, EC>& wal, CheckpointStore<State, SC>& store,
                                   EntryId through, const State& state);

namespace recovery_detail {

template <class F, class State, class E>
Status call_apply(F& apply, State& state, const E& entry, EntryId id) {
  constexpr bool kTakesId = std::invocable<F&, State&, const E&, EntryId>;
  constexpr bool kTakesNone = std::invocable<F&, State&, const E&>;
  static_assert(kTakesId || kTakesNone,
                "walkit: recover() calls apply(State&, const E&) or apply(State&, const E&, "
                "walkit::EntryId); it returns void or walkit::Status");
  const auto call = [&] {
    if constexpr (kTakesId) {
      return apply(state, entry, id);
    } else if constexpr (kTakesNone) {
      return apply(state, entry);
    }
  };
  using Answer = decltype(call());
  static_assert(std::is_void_v<Answer> || std::same_as<Answer, Status>,
                "walkit: apply returns void or walkit::Status. Another value is refused, since it "
                "is easily an outcome that nobody looks at: drop it");
  if constexpr (std::same_as<Answer, Status>) {
    return call();
  } else {
    call();
    return {};
  }
}

// The checkpoint to begin with; without one the state is as it was.
template <class State, class SC>
Result<LogIdentity> load_checkpoint(const CheckpointStore<State, SC>& store, EntryId until,
                                    Recovered<State>& result) {
  return call_codec<Result<LogIdentity>>(Errc::decode, [&]() -> Result<LogIdentity> {
    auto checkpoint = store.load_latest(until);
    if (checkpoint) {
      result.state = std::move(checkpoint->state);
      result.checkpoint = result.applied_through = checkpoint->entry_id;
      result.skipped_checkpoints = std::move(checkpoint->skipped);
      return checkpoint->log;
    }
    Error error = std::move(checkpoint).error();
    if (error.code != Errc::not_found && error.code != Errc::corrupt) return error;
    // The log may hold it all.
    if (error.code == Errc::corrupt) result.skipped_checkpoints.push_back(std::move(error));
    return LogIdentity{};
  });
}

// What stands in the log above the checkpoint.
template <class State, class E, class EC, class F>
Status replay_above(const WalReader<E, EC>& reader, const RecoverOptions& options,
                    const LogIdentity& log, Recovered<State>& result, F&& apply) {
  const EntryIdRange wanted{result.checkpoint + 1, options.until};
  auto replayed = reader.replay_range(wanted, options.mode, [&](WalRecord<E>& record) -> Status {
    return call_apply(apply, result.state, std::as_const(record.payload), record.entry_id);
  });
  if (!replayed) {
    Error error = std::move(replayed).error();
    if (error.code != Errc::gap) return error;
    return recovery_errors::needs_checkpoint(std::move(error), result.checkpoint,
                                             result.skipped_checkpoints);
  }
  result.replay = std::move(*replayed);
  const bool known = log != LogIdentity{} && result.replay.log_identity != LogIdentity{};
  if (known && log != result.replay.log_identity) {
    return recovery_errors::other_log(result.checkpoint);
  }
  if (wanted.empty()) return {};
  if (result.checkpoint > result.replay.log.last) {
    if (options.ahead == CheckpointAhead::continue_from_checkpoint) return {};
    return recovery_errors::ahead_of_log(result.checkpoint, result.replay.log);
  }
  result.applied_through = std::min(result.replay.log.last, options.until);
  return {};
}

}  // namespace recovery_detail

template <class State, class E, class EC, class SC, class F>
Result<Recovered<State>> recover(std::shared_ptr<Directory> directory, RecoverOptions options,
                                 F&& apply) {
  auto store = CheckpointStore<State, SC>::open(directory, std::move(options.checkpoint));
  if (!store) return std::move(store).error();
  Result<Recovered<State>> result(Recovered<State>{});
  const auto log = recovery_detail::load_checkpoint(*store, options.until, *result);
  if (!log) return log.error();
  auto reader = WalReader<E, EC>::open(std::move(directory), std::move(options.wal));
  if (!reader) {
    Error error = std::move(reader).error();
    if (error.code != Errc::not_found) return error;
    const bool starts = result->checkpoint == EntryId{} && result->skipped_checkpoints.empty();
    if (starts || options.ahead == CheckpointAhead::continue_from_checkpoint) return result;
    if (result->checkpoint == EntryId{}) return std::move(result->skipped_checkpoints.front());
    return recovery_errors::ahead_of_log(result->checkpoint, {});
  }
  Status ok = recovery_detail::replay_above<State, E, EC>(*reader, options, *log, *result, apply);
  if (!ok) return std::move(ok).error();
  return result;
}

template <class State, class SC, class E, class EC>
Result<EntryId> publish_checkpoint(WalWriter<E, EC>& wal, CheckpointStore<State, SC>& store,
                                   EntryId through, const State& state) {
  Status saved = store.save_for(wal.log_identity(), through, state, wal.durable_entry_id());
  if (!saved) return std::move(saved).error();
  const MarkerBody marker({.kind = Marker::Kind::checkpoint, .entry_id = through});
  Status marked = wal.write_marker(marker.bytes());
  const bool full = !marked && marked.error().code == Errc::no_space;
  if (!marked && !full) return std::move(marked).error();
  const auto covered = store.covered_through();
  if (!covered) return covered.error();
  auto oldest = wal.maintenance().trim_before(*covered + 1);
  if (!oldest) return oldest;
  if (full) {
    if (marked = wal.write_marker(marker.bytes()); !marked) return std::move(marked).error();
  }
  if (WalObserver* observer = wal.observer()) observer->on_checkpoint(through, *oldest);
  return oldest;
}

}  // namespace walkit
