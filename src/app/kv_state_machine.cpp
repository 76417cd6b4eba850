#include "walkit/app/kv_state_machine.hpp"

#include <algorithm>
#include <mutex>
#include <new>

#include "app/kv_decide.hpp"
#include "app/kv_reading.hpp"
#include "app/kv_state.hpp"
#include "walkit/journaled.hpp"

namespace walkit::kv {

namespace {

using Journal = Journaled<State, RecordCodec, StateCodec>;

constexpr std::size_t kPartBytes = 1u << 20, kPartHeaderBytes = 2;
constexpr std::uint32_t kEntryBytesLeast = 256;

Error no_memory() { return {.code = Errc::no_memory, .message = "out of memory"}; }

JournalOptions journal_options(const KvOptions& options) {
  return {.wal = options.wal,
          .checkpoint = options.checkpoint,
          .checkpoint_every_bytes = options.checkpoint_every_bytes,
          .checkpoint_every_entries = options.checkpoint_every_entries,
          .checkpoint_every = options.checkpoint_every,
          .checkpoint_on_close = options.checkpoint_on_close};
}

Error out_of_order(const Request& request, std::string why) {
  return {.code = Errc::invalid_argument,
          .message = "entry " + std::to_string(request.index) + ": " + std::move(why),
          .next_step = "nothing of its chunk was applied; hand entries over in their order"};
}

// All that can be said of a chunk without the state.
Status check_chunk(std::span<const Request> chunk) {
  const Request* before = nullptr;
  for (const Request& request : chunk) {
    if (Status ok = validate(request); !ok) return ok;
    if (before && request.index <= before->index) {
      return out_of_order(request, "behind entry " + std::to_string(before->index));
    }
    if (before && request.term < before->term) {
      return out_of_order(request, "of term " + std::to_string(request.term) +
                                       ", the one before "
                                       "of " +
                                       std::to_string(before->term));
    }
    before = &request;
  }
  return {};
}

}  // namespace

struct KvStateMachine::Core {
  Core(Journal j, const WalOptions& wal)
      : part_bytes(std::min<std::size_t>(kPartBytes, wal.max_entry_bytes - kPartHeaderBytes)),
        journal(std::move(j)) {
    history = journal.read([](const State& state) { return state.history; });
  }
  ~Core() { history->close(); }

  template <class F>
  auto read(F&& f) const {
    return journal.read([&](const State& state) { return f(state.image); });
  }

  const std::size_t part_bytes;  // of a snapshot, in one entry of the log
  std::shared_ptr<History> history{};
  std::mutex applying{};  // whoever decides sees all that was decided before
  Journal journal;
};

KvStateMachine::KvStateMachine(std::unique_ptr<Core> core) : core_(std::move(core)) {}
KvStateMachine::KvStateMachine(KvStateMachine&&) noexcept = default;
KvStateMachine& KvStateMachine::operator=(KvStateMachine&&) noexcept = default;
KvStateMachine::~KvStateMachine() = default;

Result<KvStateMachine> KvStateMachine::open(std::shared_ptr<Directory> directory,
                                            KvOptions options) try {
  if (options.wal.max_entry_bytes < kEntryBytesLeast) {
    return Error{.code = Errc::invalid_argument,
                 .message = "wal.max_entry_bytes: at least " + std::to_string(kEntryBytesLeast)};
  }
  auto journal = Journal::open(std::move(directory), journal_options(options));
  if (!journal) return std::move(journal).error();
  const auto failure = journal->read([](const State& state) { return state.failure; });
  if (failure) return *failure;
  auto core = std::make_unique<Core>(std::move(*journal), options.wal);
  core->history->bound(options.history_changes, options.history_bytes);
  return KvStateMachine(std::move(core));
} catch (const std::bad_alloc&) {
  return no_memory();
}

// 1. Decide on a copy, which shares what it does not change. 2. Log what was decided, durable.
// 3. Do it, in the state. An error leaves the copy to be forgotten.
Result<std::vector<Outcome>> KvStateMachine::apply(std::span<const Request> chunk) try {
  if (Status ok = check_chunk(chunk); !ok) return std::move(ok).error();
  std::vector<Outcome> outcomes;
  outcomes.reserve(chunk.size());
  const std::lock_guard one_at_a_time(core_->applying);
  std::vector<Record> records;
  std::optional<Data> data = core_->read([&](const Image& image) {
    std::size_t known = 0;
    for (; known < chunk.size() && chunk[known].index <= image.data.index(); ++known) {
      outcomes.push_back(image.outcome_of(chunk[known].index));
    }
    chunk = chunk.subspan(known);
    return std::optional(image.data);
  });
  if (chunk.empty()) return outcomes;
  if (chunk.front().term < data->term()) {
    return out_of_order(chunk.front(), "of term " + std::to_string(chunk.front().term) +
                                           ", the state is of " + std::to_string(data->term()));
  }
  records.reserve(chunk.size());
  for (const Request& request : chunk) {
    Applied applied = decide(*data, request);
    outcomes.push_back(applied.outcome);
    records.push_back({std::move(applied)});
  }
  data.reset();  // the state is alone again, and changes in place
  if (Status ok = core_->journal.apply_batch(records); !ok) return std::move(ok).error();
  return outcomes;
} catch (const std::bad_alloc&) {
  return no_memory();
}

// The parts are in the log before the end, which is the moment that counts.
Status KvStateMachine::install(const KvSnapshot& snapshot) try {
  const std::lock_guard one_at_a_time(core_->applying);
  if (snapshot.last_index() < last_index() || snapshot.last_term() < last_term()) {
    return Error{.code = Errc::invalid_argument,
                 .message = "a snapshot of entry " + std::to_string(snapshot.last_index()) +
                            ", the state is behind entry " + std::to_string(last_index()),
                 .next_step = "it is older than what is there: pass it over"};
  }
  const std::size_t part_bytes = core_->part_bytes;
  InstallPiece part{.is_first = true};
  InstallEnd end{.image = snapshot.image_ ? snapshot.image_ : std::make_shared<const Image>()};
  const auto log_part = [&]() -> Status {
    end.bytes += part.bytes.size();
    Record record{std::move(part)};
    part = InstallPiece{};
    return core_->journal.apply_batch({&record, 1});
  };
  Status ok = snapshot.write([&](BytesView piece) -> Status {
    while (!piece.empty()) {
      const std::size_t taken = std::min(piece.size(), part_bytes - part.bytes.size());
      part.bytes.insert(part.bytes.end(), piece.begin(), piece.begin() + std::ptrdiff_t(taken));
      piece = piece.subspan(taken);
      if (part.bytes.size() < part_bytes) continue;
      if (Status logged = log_part(); !logged) return logged;
    }
    return {};
  });
  if (!ok) return ok;
  if (ok = log_part(); !ok) return ok;
  return core_->journal.apply({std::move(end)});
} catch (const std::bad_alloc&) {
  return no_memory();
}

std::optional<std::string> KvStateMachine::get(std::string_view key) const {
  return core_->read([&](const Image& image) { return read_text(image.data, key); });
}

std::vector<std::optional<std::string>> KvStateMachine::get(
    std::span<const std::string> keys) const {
  return core_->read([&](const Image& image) {
    std::vector<std::optional<std::string>> values;
    values.reserve(keys.size());
    for (const std::string& key : keys) values.push_back(read_text(image.data, key));
    return values;
  });
}

std::optional<Value> KvStateMachine::find(std::string_view key) const {
  return core_->read([&](const Image& image) { return read_value(image.data, key); });
}

std::vector<std::optional<Value>> KvStateMachine::find(std::span<const std::string> keys) const {
  return core_->read([&](const Image& image) {
    std::vector<std::optional<Value>> values;
    values.reserve(keys.size());
    for (const std::string& key : keys) values.push_back(read_value(image.data, key));
    return values;
  });
}

std::vector<std::pair<std::string, std::string>> KvStateMachine::scan_prefix(
    std::string_view prefix, std::size_t limit) const {
  Page page = scan(with_prefix(prefix), limit);
  std::vector<std::pair<std::string, std::string>> entries;
  entries.reserve(page.entries.size());
  for (auto& [key, value] : page.entries) {
    entries.emplace_back(std::move(key), std::move(value.value));
  }
  return entries;
}

Page KvStateMachine::scan(const KeyRange& range, std::size_t limit) const {
  return core_->read([&](const Image& image) { return read_page(image.data, range, limit); });
}

std::size_t KvStateMachine::size() const {
  return core_->read([](const Image& image) { return image.data.items().size(); });
}
std::uint64_t KvStateMachine::last_index() const {
  return core_->read([](const Image& image) { return image.data.index(); });
}
std::uint64_t KvStateMachine::last_term() const {
  return core_->read([](const Image& image) { return image.data.term(); });
}
Time KvStateMachine::now() const {
  return core_->read([](const Image& image) { return Time(image.data.now()); });
}
std::optional<Time> KvStateMachine::next_expiry() const {
  const auto end = core_->read([](const Image& image) { return image.data.next_expiry(); });
  return end == 0 ? std::nullopt : std::optional(Time(end));
}
std::optional<Time> KvStateMachine::lease_end(std::uint64_t lease) const {
  const auto end = core_->read([&](const Image& image) { return image.data.lease_end(lease); });
  return end == 0 ? std::nullopt : std::optional(Time(end));
}

KvSnapshot KvStateMachine::snapshot() const {
  return core_->read(
      [](const Image& image) { return KvSnapshot(std::make_shared<const Image>(image)); });
}

Watch KvStateMachine::watch(std::string_view prefix, std::uint64_t from) const {
  return Watch(core_->history, std::string(prefix), from);
}

Status KvStateMachine::checkpoint() {
  const auto taken = core_->journal.checkpoint();
  if (!taken) return taken.error();
  return {};
}
Result<StateBackupReport> KvStateMachine::backup(std::shared_ptr<Directory> empty_target) const {
  return core_->journal.backup(std::move(empty_target));
}
RecoveryReport KvStateMachine::recovery() const { return core_->journal.recovery(); }
Verdict KvStateMachine::verdict() const { return core_->journal.verdict(); }
WalMaintenance KvStateMachine::maintenance() const { return core_->journal.maintenance(); }
KvStats KvStateMachine::stats() const {
  JournalStats stats = core_->journal.stats();
  return {stats.wal, stats.checkpoints, stats.replayed, std::move(stats.skipped_checkpoints)};
}
std::vector<std::string> KvStateMachine::check_invariants() const {
  return core_->read([](const Image& image) { return image.data.check_invariants(); });
}
Status KvStateMachine::close() {
  core_->history->close();
  return core_->journal.close();
}

}  // namespace walkit::kv
