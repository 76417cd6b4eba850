#pragma once

#include <atomic>
#include <concepts>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "walkit/backup.hpp"
#include "walkit/checkpoint/background.hpp"
#include "walkit/recovery.hpp"

namespace walkit {

struct JournalOptions {
  WalOptions wal{};
  CheckpointOptions checkpoint{};
  // A checkpoint is taken in the background when one of these is reached, counted since the last
  // one; all 0: by checkpoint() alone.
  std::uint64_t checkpoint_every_bytes = 64u << 20;  // of entries: bounds the time of recovery
  std::uint64_t checkpoint_every_entries = 0;
  std::chrono::milliseconds checkpoint_every{0};  // and something is new
  bool checkpoint_on_close = false;
  /// continue_from_checkpoint: what is left of a log that ends before the checkpoint is set aside.
  CheckpointAhead ahead = CheckpointAhead::refuse;
};

/// How a journal is doing, since it was opened.
struct JournalStats {
  WalStats wal{};
  CheckpointStats checkpoints{};
  EntryIdRange replayed{};                   // by open, above the checkpoint that it began with
  std::vector<Error> skipped_checkpoints{};  // damaged, by open
};

namespace journal_detail {

struct NoEntry {};

/// What State says, or one error and something to go on with.
template <class State>
struct EntryOf {
  static_assert(
      requires { typename State::Entry; },
      "walkit: a journaled State says what its entries are: using Entry = MyEntry;");
  using type = NoEntry;
};
template <class State>
requires requires { typename State::Entry; }
struct EntryOf<State> {
  using type = typename State::Entry;
};

template <class State, class Entry>
struct OutcomeOf {
  static_assert(std::same_as<Entry, NoEntry>,
                "walkit: a journaled State has a public R apply(const Entry&), which changes it");
  using type = void;
};
template <class State, class Entry>
requires requires(State& state, const Entry& entry) { state.apply(entry); }
struct OutcomeOf<State, Entry> {
  using type = std::decay_t<decltype(std::declval<State&>().apply(std::declval<const Entry&>()))>;
};

}  // namespace journal_detail

/// A State that survives: `using Entry`, `R apply(const Entry&)` and a codec. What is applied is
/// logged first; open() loads the newest checkpoint and applies what the log has above it; in the
/// background checkpoints are taken and the log behind them is trimmed.
///
/// apply depends on state and entry alone (no clock, no chance) and must not throw; on recovery it
/// runs again and its outcome is dropped. Entries are applied in the order of their ids, each by
/// one thread at a time. A checkpoint copies the state, while reads go on and applies wait: give a
/// large state parts that copies share. A State that does not copy is encoded under the same lock.
///
/// Any number of threads may call it; moving, assigning and destroying it need it alone. What was
/// moved from may only be assigned to and destroyed.
template <class State, class EC = void, class SC = CerealCodec<State>>
class Journaled {
 public:
  using Entry = typename journal_detail::EntryOf<State>::type;
  using Outcome = typename journal_detail::OutcomeOf<State, Entry>::type;
  using Outcomes =
      std::conditional_t<std::is_void_v<Outcome>, void,
                         std::vector<std::conditional_t<std::is_void_v<Outcome>, int, Outcome>>>;

  /// `initial` is the state before the first entry: the same each time. Errors are those of
  /// WalWriter::open and recover(); poisoned: apply threw.
  static Result<Journaled> open(std::shared_ptr<Directory> directory, JournalOptions options = {},
                                State initial = {});
  Journaled(Journaled&&) noexcept = default;
  Journaled& operator=(Journaled&&) noexcept = default;
  ~Journaled() = default;  // does what close() does, without the checkpoint; its errors are lost

  /// Logged, as safe as the policy says, then applied: what apply answered. An error: not applied,
  /// and its entry may be in doubt (poisoned: see verdict()).
  Result<Outcome> apply(const Entry& entry);
  /// All or nothing in the log; applied one behind the other, with no other between them.
  Result<Outcomes> apply_batch(std::span<const Entry> entries);

  /// f(const State&) sees the state between two entries; its result is copied out. f must not call
  /// this journal.
  template <class F>
  auto read(F&& f) const -> std::decay_t<std::invoke_result_t<F, const State&>>;

  /// Takes one now: durable, complete to the entry that is returned.
  Result<EntryId> checkpoint();
  /// Log and checkpoints as back_up() copies them; applies, reads and checkpoints go on meanwhile.
  Result<StateBackupReport> backup(std::shared_ptr<Directory> empty_target) const {
    return back_up(maintenance(), core_->store.files(), std::move(empty_target));
  }
  [[nodiscard]] EntryId applied_entry_id() const { return EntryId{core_->applied.load()}; }
  [[nodiscard]] RecoveryReport recovery() const { return core_->wal.recovery(); }
  /// Of the log; where it is healthy, of the last checkpoint.
  [[nodiscard]] Verdict verdict() const;
  [[nodiscard]] JournalStats stats() const;
  /// Trims, verifies and pins beside this journal.
  [[nodiscard]] WalMaintenance maintenance() const { return core_->wal.maintenance(); }
  /// Ends the background work, takes a checkpoint if the options say so, closes the log.
  Status close();

 private:
  using EntryCodec = std::conditional_t<std::is_void_v<EC>, CerealCodec<Entry>, EC>;
  using Writer = WalWriter<Entry, EntryCodec>;
  using Store = CheckpointStore<State, SC>;

  // Who has logged entries and waits until they are applied; on its stack, so that this takes no
  // memory, which might be missing.
  struct Turn {
    EntryIdRange ids{};
    void (*run)(void* work, State& state) = nullptr;
    void* work = nullptr;
    Turn* next = nullptr;
  };
  struct Core {
    Core(Writer w, Store s, Recovered<State> r, const JournalOptions& o);
    Status refusal();
    template <class F>
    Status in_order(EntryIdRange ids, F&& work);
    void run_turns(std::unique_lock<std::mutex>& lock);
    Result<EntryId> take_checkpoint();

    Writer wal;
    Store store;
    const bool checkpoint_on_close;
    JournalStats opened{};
    const std::uint64_t bytes_at_open;  // of the log, above the checkpoint

    mutable std::shared_mutex state_mutex;
    State state;
    EntryId state_through{};

    std::mutex turns_mutex;
    Turn* turns = nullptr;  // by their ids
    bool is_running = false;
    std::optional<Error> failure{};  // apply threw: the state is not what the log says
    std::atomic<std::uint64_t> applied;

    BackgroundCheckpoints checkpoints;
  };

  explicit Journaled(std::unique_ptr<Core> core) : core_(std::move(core)) {}
  static Result<Writer> open_log(const std::shared_ptr<Directory>& directory,
                                 const JournalOptions& options, EntryId checkpoint,
                                 const LogIdentity& log);

  std::unique_ptr<Core> core_;  // none: moved from
};

}  // namespace walkit

#include "walkit/journaled_inl.hpp"
