#include "walkit/app/kv_store.hpp"

#include <algorithm>
#include <new>
#include <type_traits>
#include <utility>

#include "app/kv_group.hpp"
#include "app/kv_record.hpp"

namespace walkit::kv {

namespace {
constexpr std::size_t kChunkBytes = 4u << 20;
}  // namespace

struct Store::Core {
  Core(std::shared_ptr<Directory> d, KvStateMachine m, const WalOptions& wal)
      : directory(std::move(d)),
        machine(std::move(m)),
        groups(machine, std::min<std::size_t>(kChunkBytes, wal.max_frame_bytes / 2)) {}

  // What a proposer says it is: never before what was said already.
  [[nodiscard]] Time clock() const {
    const auto now = std::chrono::duration_cast<Time>(directory->now());
    return std::max(Time(std::clamp<std::int64_t>(now.count(), 0, kTimeMax)), machine.now());
  }
  Result<Outcome> apply(Command command) {
    auto outcomes = groups.apply({&command, 1}, clock());
    if (!outcomes) return std::move(outcomes).error();
    return outcomes->front();
  }
  // Before a read: what is over by now is logged as that.
  Status settle() {
    const auto next = machine.next_expiry();
    if (!next || *next > clock()) return {};
    auto ticked = apply(Tick{clock()});
    if (!ticked) return std::move(ticked).error();
    return {};
  }
  template <class F>
  auto read(F&& f) -> Result<std::invoke_result_t<F&, const KvStateMachine&>> {
    try {
      if (Status ok = settle(); !ok) return std::move(ok).error();
      return f(std::as_const(machine));
    } catch (const std::bad_alloc&) {
      return Error{.code = Errc::no_memory, .message = "out of memory"};
    }
  }
  template <class F>
  Result<Outcome> write(F&& command) {
    try {
      return apply(command());
    } catch (const std::bad_alloc&) {
      return Error{.code = Errc::no_memory, .message = "out of memory"};
    }
  }
  // Times that cannot be stay so, for validate() to see.
  [[nodiscard]] Time end_of(std::chrono::milliseconds ttl) const {
    if (ttl.count() <= 0) return Time(-1);
    return Time(std::min(kTimeMax, clock().count() + std::min(ttl.count(), kTimeMax / 2)));
  }
  [[nodiscard]] std::optional<Time> end_of(const Life& life) const {
    return life.ttl ? std::optional(end_of(*life.ttl)) : std::nullopt;
  }

  std::shared_ptr<Directory> directory;
  KvStateMachine machine;
  ChunkGroups groups;
};

Store::Store(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(std::shared_ptr<Directory> directory, KvOptions options) try {
  auto machine = KvStateMachine::open(directory, options);
  if (!machine) return std::move(machine).error();
  return Store(std::make_unique<Core>(std::move(directory), std::move(*machine), options.wal));
} catch (const std::bad_alloc&) {
  return Error{.code = Errc::no_memory, .message = "out of memory"};
}

Result<Outcome> Store::put(std::string_view key, std::string_view value, Life life) {
  return core_->write([&] {
    return Put{std::string(key), std::string(value), core_->end_of(life), life.lease};
  });
}
Result<Outcome> Store::erase(std::string_view key) {
  return core_->write([&] { return Erase{std::string(key)}; });
}
Result<Outcome> Store::erase(KeyRange range) {
  return core_->write([&] { return EraseRange{std::move(range)}; });
}
Result<Outcome> Store::compare_and_swap(std::string_view key, std::optional<std::string> expected,
                                        std::string_view value, Life life) {
  return core_->write([&] {
    return CompareAndSwap{std::string(key), std::move(expected), std::string(value),
                          core_->end_of(life), life.lease};
  });
}
Result<Outcome> Store::put_if_revision(std::string_view key, std::uint64_t revision,
                                       std::string_view value, Life life) {
  return core_->write([&] {
    return PutIfRevision{std::string(key), std::string(value), revision, core_->end_of(life),
                         life.lease};
  });
}
Result<Outcome> Store::increment(std::string_view key, std::int64_t by) {
  return core_->write([&] { return Increment{std::string(key), by}; });
}
Result<Outcome> Store::grant(std::uint64_t lease, std::chrono::milliseconds ttl) {
  return core_->write([&] { return Grant{lease, core_->end_of(ttl)}; });
}
Result<Outcome> Store::keep_alive(std::uint64_t lease, std::chrono::milliseconds ttl) {
  return core_->write([&] { return KeepAlive{lease, core_->end_of(ttl)}; });
}
Result<Outcome> Store::revoke(std::uint64_t lease) {
  return core_->write([&] { return Revoke{lease}; });
}
Result<Outcome> Store::apply(Command command) {
  return core_->write([&] { return std::move(command); });
}
Result<std::vector<Outcome>> Store::apply_batch(std::span<const Command> commands) try {
  std::vector<Command> own(commands.begin(), commands.end());
  return core_->groups.apply(own, core_->clock());
} catch (const std::bad_alloc&) {
  return Error{.code = Errc::no_memory, .message = "out of memory"};
}

Result<std::optional<std::string>> Store::get(std::string_view key) {
  return core_->read([&](const KvStateMachine& machine) { return machine.get(key); });
}
Result<std::vector<std::optional<std::string>>> Store::get(std::span<const std::string> keys) {
  return core_->read([&](const KvStateMachine& machine) { return machine.get(keys); });
}
Result<std::optional<Value>> Store::find(std::string_view key) {
  return core_->read([&](const KvStateMachine& machine) { return machine.find(key); });
}
Result<Page> Store::scan(const KeyRange& range, std::size_t limit) {
  return core_->read([&](const KvStateMachine& machine) { return machine.scan(range, limit); });
}
Result<std::size_t> Store::size() {
  return core_->read([](const KvStateMachine& machine) { return machine.size(); });
}

KvSnapshot Store::snapshot() const { return core_->machine.snapshot(); }
Watch Store::watch(std::string_view prefix, std::uint64_t from) const {
  return core_->machine.watch(prefix, from);
}
std::uint64_t Store::revision() const { return core_->machine.last_index(); }
Status Store::checkpoint() { return core_->machine.checkpoint(); }
Result<StateBackupReport> Store::backup(std::shared_ptr<Directory> empty_target) const {
  return core_->machine.backup(std::move(empty_target));
}
RecoveryReport Store::recovery() const { return core_->machine.recovery(); }
Verdict Store::verdict() const { return core_->machine.verdict(); }
KvStats Store::stats() const { return core_->machine.stats(); }
WalMaintenance Store::maintenance() const { return core_->machine.maintenance(); }
Status Store::close() { return core_->machine.close(); }

}  // namespace walkit::kv
