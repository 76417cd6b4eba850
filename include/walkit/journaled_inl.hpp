#pragma once

#include "walkit/journaled.hpp"

namespace walkit {

template <class State, class EC, class SC>
Journaled<State, EC, SC>::Core::Core(Writer w, Store s, Recovered<State> r, const JournalOptions& o)
    : wal(std::move(w)),
      store(std::move(s)),
      checkpoint_on_close(o.checkpoint_on_close),
      bytes_at_open(r.replay.frame_bytes),
      state(std::move(r.state)),
      state_through(r.applied_through),
      applied(r.applied_through.value),
      checkpoints({.bytes = o.checkpoint_every_bytes,
                   .entries = o.checkpoint_every_entries,
                   .time = o.checkpoint_every},
                  [this] { return take_checkpoint(); }) {
  opened.replayed = {r.checkpoint + 1, r.applied_through};
  opened.skipped_checkpoints = std::move(r.skipped_checkpoints);
  checkpoints.begin(r.checkpoint.value);
}

// What the checkpoint covers must be in the log, or be given up on purpose.
template <class State, class EC, class SC>
auto Journaled<State, EC, SC>::open_log(const std::shared_ptr<Directory>& directory,
                                        const JournalOptions& options, EntryId checkpoint,
                                        const LogIdentity& log) -> Result<Writer> {
  WalOptions wal = options.wal;
  wal.expect_durable_through = std::max(wal.expect_durable_through, checkpoint);
  auto writer = Writer::open(directory, wal);
  const bool gives_up = options.ahead == CheckpointAhead::continue_from_checkpoint &&
                        checkpoint > EntryId{} && checkpoint >= options.wal.expect_durable_through;
  if (writer || writer.error().code != Errc::corrupt || !gives_up) return writer;
  Status ok = WalMaintenance::continue_after(directory, checkpoint,
                                             {.subdirectory = wal.subdirectory}, log);
  if (!ok) return writer;
  return Writer::open(directory, std::move(wal));
}

template <class State, class EC, class SC>
auto Journaled<State, EC, SC>::open(std::shared_ptr<Directory> directory, JournalOptions options,
                                    State initial) -> Result<Journaled> {
  return call_codec<Result<Journaled>>(Errc::poisoned, [&]() -> Result<Journaled> {
    auto store = Store::open(directory, options.checkpoint);
    if (!store) return std::move(store).error();
    Recovered<State> found{.state = std::move(initial)};
    const auto log = recovery_detail::load_checkpoint(*store, EntryId::max(), found);
    if (!log) return log.error();
    if (found.checkpoint > EntryId{}) {
      if (Status ok = store->files().settle(); !ok) return std::move(ok).error();
    }
    auto writer = open_log(directory, options, found.checkpoint, *log);
    if (!writer) return std::move(writer).error();
    const RecoverOptions how{.wal = {.entry_type = options.wal.entry_type,
                                     .expect_durable_through = writer->durable_entry_id(),
                                     .subdirectory = options.wal.subdirectory}};
    auto reader = WalReader<Entry, EntryCodec>::open(directory, how.wal);
    if (!reader) return std::move(reader).error();
    Status ok = recovery_detail::replay_above<State, Entry, EntryCodec>(
        *reader, how, *log, found, [](State& state, const Entry& entry) { state.apply(entry); });
    if (!ok) return std::move(ok).error();
    return Journaled(
        std::make_unique<Core>(std::move(*writer), std::move(*store), std::move(found), options));
  });
}

// Before anything is logged that could not be applied.
template <class State, class EC, class SC>
Status Journaled<State, EC, SC>::Core::refusal() {
  const std::lock_guard lock(turns_mutex);
  if (!failure) return {};
  Status told = call_codec<Status>(Errc::poisoned, [&]() -> Status { return *failure; });
  told.error().code = Errc::poisoned;  // also where there is no memory for its words
  return told;
}

// Runs what is next, for whoever logged it, until an id is missing: its owner is on the way here.
// (One thread works for all who wait, as the leader of a sync group does in the log.)
template <class State, class EC, class SC>
void Journaled<State, EC, SC>::Core::run_turns(std::unique_lock<std::mutex>& lock) {
  is_running = true;
  while (turns != nullptr && turns->ids.first.value == applied.load() + 1) {
    const Turn turn = *turns;
    turns = turn.next;
    const bool fails = failure.has_value();
    lock.unlock();
    Status ran;
    if (!fails) {
      const std::unique_lock writing(state_mutex);
      ran = call_codec<Status>(Errc::poisoned, [&]() -> Status {
        turn.run(turn.work, state);
        return {};
      });
      if (ran) state_through = turn.ids.last;
    }
    lock.lock();
    if (!ran && !failure) {
      failure = std::move(ran).error();
      if (failure->code != Errc::no_memory) {
        failure->next_step = "apply threw, so the state is not what the log says: open it again";
      }
      failure->code = Errc::poisoned;
    }
    applied = turn.ids.last.value;  // from here on its owner may be gone
  }
  is_running = false;
  applied.notify_all();
}

template <class State, class EC, class SC>
template <class F>
Status Journaled<State, EC, SC>::Core::in_order(EntryIdRange ids, F&& work) {
  const auto run = [](void* what, State& s) {
    (*static_cast<std::remove_reference_t<F>*>(what))(s);
  };
  Turn turn{.ids = ids, .run = run, .work = &work};
  std::unique_lock lock(turns_mutex);
  Turn** place = &turns;
  while (*place != nullptr && (*place)->ids.first < ids.first) place = &(*place)->next;
  turn.next = std::exchange(*place, &turn);
  if (!is_running) run_turns(lock);
  lock.unlock();
  for (std::uint64_t seen = applied.load(); seen < ids.last.value; seen = applied.load()) {
    applied.wait(seen);
  }
  checkpoints.note(applied.load(), bytes_at_open + wal.appended_bytes());
  return refusal();
}

template <class State, class EC, class SC>
auto Journaled<State, EC, SC>::apply(const Entry& entry) -> Result<Outcome> {
  if (Status ok = core_->refusal(); !ok) return std::move(ok).error();
  auto id = core_->wal.append(entry);
  if (!id) return std::move(id).error();
  if constexpr (std::is_void_v<Outcome>) {
    return core_->in_order({*id, *id}, [&](State& state) { state.apply(entry); });
  } else {
    std::optional<Outcome> outcome;
    Status ok =
        core_->in_order({*id, *id}, [&](State& state) { outcome.emplace(state.apply(entry)); });
    if (!ok) return std::move(ok).error();
    return std::move(*outcome);
  }
}

template <class State, class EC, class SC>
auto Journaled<State, EC, SC>::apply_batch(std::span<const Entry> entries) -> Result<Outcomes> {
  if (Status ok = core_->refusal(); !ok) return std::move(ok).error();
  auto ids = core_->wal.append_batch(entries);
  if (!ids) return std::move(ids).error();
  if (ids->empty()) return Result<Outcomes>{};
  if constexpr (std::is_void_v<Outcome>) {
    return core_->in_order(*ids, [&](State& state) {
      for (const Entry& entry : entries) state.apply(entry);
    });
  } else {
    Outcomes outcomes;
    Status ok = core_->in_order(*ids, [&](State& state) {
      outcomes.reserve(entries.size());
      for (const Entry& entry : entries) outcomes.push_back(state.apply(entry));
    });
    if (!ok) return std::move(ok).error();
    return outcomes;
  }
}

template <class State, class EC, class SC>
template <class F>
auto Journaled<State, EC, SC>::read(F&& f) const
    -> std::decay_t<std::invoke_result_t<F, const State&>> {
  using Read = std::decay_t<std::invoke_result_t<F, const State&>>;
  static_assert(!std::is_pointer_v<Read>,
                "walkit: Journaled::read copies its result out; a pointer into the state would "
                "outlive the lock");
  const std::shared_lock reading(core_->state_mutex);
  return std::forward<F>(f)(std::as_const(core_->state));
}

template <class State, class EC, class SC>
Result<EntryId> Journaled<State, EC, SC>::Core::take_checkpoint() {
  const auto publish = [&](EntryId through, const State& copy) -> Result<EntryId> {
    if (Status ok = refusal(); !ok) return std::move(ok).error();
    if (through == EntryId{}) return through;  // nothing to save
    if (Status ok = wal.wait_durable(through); !ok) return std::move(ok).error();
    const auto oldest = publish_checkpoint(wal, store, through, copy);
    if (!oldest) return oldest.error();
    return through;
  };
  std::shared_lock reading(state_mutex);
  const EntryId through = state_through;
  if constexpr (std::copy_constructible<State>) {
    return call_codec<Result<EntryId>>(Errc::encode, [&]() -> Result<EntryId> {
      const State copy = state;
      reading.unlock();
      return publish(through, copy);
    });
  } else {
    return publish(through, state);
  }
}

template <class State, class EC, class SC>
Result<EntryId> Journaled<State, EC, SC>::checkpoint() {
  return core_->checkpoints.take_now();
}

template <class State, class EC, class SC>
Verdict Journaled<State, EC, SC>::verdict() const {
  Verdict verdict = core_->wal.verdict();
  if (!verdict.failure) verdict.failure = core_->checkpoints.stats().failure;
  return verdict;
}

template <class State, class EC, class SC>
JournalStats Journaled<State, EC, SC>::stats() const {
  JournalStats stats = core_->opened;
  stats.wal = core_->wal.stats();
  stats.checkpoints = core_->checkpoints.stats();
  return stats;
}

template <class State, class EC, class SC>
Status Journaled<State, EC, SC>::close() {
  core_->checkpoints.stop();
  Status taken;
  if (core_->checkpoint_on_close) {
    if (auto last = checkpoint(); !last) taken = std::move(last).error();
  }
  if (Status closed = core_->wal.close(); !closed) return closed;
  return taken;
}

}  // namespace walkit
