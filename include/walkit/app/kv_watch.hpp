#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "walkit/app/kv_types.hpp"
#include "walkit/base/result.hpp"

namespace walkit::kv {

class History;

/// What became of a key. A value.
struct Event {
  enum class Kind : std::uint8_t { written, erased, expired };
  Kind kind = Kind::written;
  std::uint64_t revision = 0;  // of the entry that did it; one entry may do it to several keys
  std::string key{};
  Value value{};  // written: the new one; else the one that went
};

/// Changes that entries `first` to `last` made are not all given, since they are kept no more: read
/// the keys anew, as they are at `last` or later, and go on with what follows. A value.
struct Gap {
  std::uint64_t first = 0, last = 0;
  friend bool operator==(const Gap&, const Gap&) = default;
};

using WatchItem = std::variant<Event, Gap>;

/// The changes of keys that begin with a prefix, from one entry on, in the order of the entries,
/// each once, when they are durable. It holds nothing but its place: who is slow finds a gap, and
/// costs no memory. It outlives its state machine. One thread.
class Watch {
 public:
  Watch(Watch&&) noexcept = default;
  Watch& operator=(Watch&&) noexcept = default;
  /// none: nothing came in time; 0 asks without waiting. closed: the state machine is, and all was
  /// given. no_memory: ask again.
  Result<std::optional<WatchItem>> next(std::chrono::milliseconds timeout);

 private:
  friend class KvStateMachine;
  Watch(std::shared_ptr<History> history, std::string prefix, std::uint64_t from);

  std::shared_ptr<History> history_;
  std::string prefix_;
  std::uint64_t from_;  // of this entry, and all behind, nothing is known to be missing so far
  std::optional<std::uint64_t> place_{};
};

}  // namespace walkit::kv
