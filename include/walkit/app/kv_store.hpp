#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "walkit/app/kv_state_machine.hpp"

namespace walkit::kv {

/// How long a value stays. Neither: until it is erased or overwritten.
struct Life {
  std::optional<std::chrono::milliseconds> ttl{};  // from now on, by the directory's clock; above 0
  std::uint64_t lease = 0;
};

/// A durable map: a state machine whose entries are numbered by its own log, so that the revision
/// of a key is the id of the log entry that wrote it. Any number of threads may call; those that
/// write at the same time share one write and one sync. Moving, assigning and destroying it need it
/// alone.
///
/// A key whose time is over is not seen from then on, and its end is logged before anybody is told
/// that it is gone: so a clock that jumps back brings nothing back. While the clock is behind what
/// it showed before, time stands still.
///
/// Errors are those of KvStateMachine::apply; a call that reads may have to log an end, and so may
/// fail too.
class Store {
 public:
  /// As KvStateMachine::open.
  static Result<Store> open(std::shared_ptr<Directory> directory, KvOptions options = {});
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // Durable on return. What is answered is in kv_types.hpp, at the command of that name.
  Result<Outcome> put(std::string_view key, std::string_view value, Life life = {});
  Result<Outcome> erase(std::string_view key);
  Result<Outcome> erase(KeyRange range);
  Result<Outcome> compare_and_swap(std::string_view key, std::optional<std::string> expected,
                                   std::string_view value, Life life = {});
  Result<Outcome> put_if_revision(std::string_view key, std::uint64_t revision,
                                  std::string_view value, Life life = {});
  Result<Outcome> increment(std::string_view key, std::int64_t by = 1);
  Result<Outcome> grant(std::uint64_t lease, std::chrono::milliseconds ttl);
  Result<Outcome> keep_alive(std::uint64_t lease, std::chrono::milliseconds ttl);
  Result<Outcome> revoke(std::uint64_t lease);
  Result<Outcome> apply(Command command);
  /// All or nothing, with nothing of others between.
  Result<std::vector<Outcome>> apply_batch(std::span<const Command> commands);

  Result<std::optional<std::string>> get(std::string_view key);
  Result<std::vector<std::optional<std::string>>> get(std::span<const std::string> keys);
  Result<std::optional<Value>> find(std::string_view key);
  Result<Page> scan(const KeyRange& range, std::size_t limit);
  Result<std::size_t> size();

  /// Of all that is durable; keys whose time is over may be there until somebody reads or writes.
  [[nodiscard]] KvSnapshot snapshot() const;
  [[nodiscard]] Watch watch(std::string_view prefix, std::uint64_t from) const;
  [[nodiscard]] std::uint64_t revision() const;  // of the newest entry

  Status checkpoint();
  Result<StateBackupReport> backup(std::shared_ptr<Directory> empty_target) const;
  [[nodiscard]] RecoveryReport recovery() const;
  [[nodiscard]] Verdict verdict() const;
  [[nodiscard]] KvStats stats() const;
  [[nodiscard]] WalMaintenance maintenance() const;
  Status close();

 private:
  struct Core;
  explicit Store(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;  // none: moved from
};

}  // namespace walkit::kv
