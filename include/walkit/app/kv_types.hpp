#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "walkit/base/result.hpp"

/// What a key-value state machine takes and gives. All values; any thread may use its own.
namespace walkit::kv {

/// Since 1970, by the clock of who proposes a command; no other clock has a say. At most 2^62.
using Time = std::chrono::milliseconds;

/// Keys from `begin` on and below `end`, bytewise. none: no end.
struct KeyRange {
  std::string begin{};
  std::optional<std::string> end{};
};
/// The keys that begin so.
[[nodiscard]] KeyRange with_prefix(std::string_view prefix);

// ---- Commands: keys are any bytes, the empty one too, at most kKeyBytesMax ----

inline constexpr std::size_t kKeyBytesMax = 64u << 10;

/// What writes a value decides its end: without expires_at and lease it stays until it is erased,
/// whatever the value before had. Both: whichever comes first. A time that is past: written, and
/// gone at once. not_found: no such lease; nothing is written.
struct Put {
  std::string key{}, value{};
  std::optional<Time> expires_at{};  // above 0
  std::uint64_t lease = 0;           // 0: none
};
/// done, and Outcome::number says how many keys went: 0 or 1.
struct Erase {
  std::string key{};
};
/// done, and Outcome::number says how many keys went.
struct EraseRange {
  KeyRange range{};
};
/// Writes where the value is `expected`; none: where there is no such key. Else mismatch.
struct CompareAndSwap {
  std::string key{};
  std::optional<std::string> expected{};
  std::string value{};
  std::optional<Time> expires_at{};
  std::uint64_t lease = 0;
};
/// Writes where the key was last written by the entry `revision`; 0: where there is no such key.
/// Else mismatch.
struct PutIfRevision {
  std::string key{}, value{};
  std::uint64_t revision = 0;
  std::optional<Time> expires_at{};
  std::uint64_t lease = 0;
};
/// Adds to a value that is a decimal number of 64 bits, with sign; no key counts as 0. The end of
/// the key stays as it is. not_a_number: it is none, or the sum is none; nothing is written.
struct Increment {
  std::string key{};
  std::int64_t by = 1;
};
/// Moves logical time, which never falls: what expires at it or before is gone.
struct Tick {
  Time now{};
};
/// A lease that keys can share: at its end they all go. mismatch: there is one of this id.
struct Grant {
  std::uint64_t lease = 0;  // above 0
  Time expires_at{};        // above 0
};
/// Moves its end, never to an earlier time. not_found: it is over.
struct KeepAlive {
  std::uint64_t lease = 0;
  Time expires_at{};
};
/// Ends it now; Outcome::number says how many keys went. not_found: it is over.
struct Revoke {
  std::uint64_t lease = 0;
};
struct Noop {};           // counts as applied
struct Configuration {};  // a change of the members, which is the engine's: counts as applied

using Command = std::variant<Put, Erase, CompareAndSwap, Tick, EraseRange, PutIfRevision, Increment,
                             Grant, KeepAlive, Revoke, Noop, Configuration>;

/// One entry of a Raft log, or of any other that numbers them.
struct Request {
  std::uint64_t index = 0;  // 1 to 2^62
  Command command{};
  std::uint64_t term = 0;
  Time time{};  // of who proposed it; moves logical time as Tick does, before the command. 0: none
};

/// What became of an entry. Comparable with its code: `outcome == Outcome::done`.
struct Outcome {
  /// mismatch, not_found, not_a_number: nothing was written. duplicate: the entry was applied so
  /// long ago that its outcome is not remembered; nothing was done now.
  enum Code : std::uint8_t { done, mismatch, duplicate, not_found, not_a_number };

  Code code = done;
  std::uint64_t index = 0;     // of the entry
  std::uint64_t revision = 0;  // of the key afterwards; 0: it is not there, or no key was named
  std::int64_t number = 0;     // Increment: the new value; what erases: how many keys

  friend bool operator==(const Outcome&, const Outcome&) = default;
  friend bool operator==(const Outcome& outcome, Code wanted) { return outcome.code == wanted; }
};

/// The outcomes of the newest entries are remembered, across restarts and snapshots.
inline constexpr std::size_t kOutcomesRemembered = 4096;

// ---- What reads give ----

struct Value {
  std::string value{};
  std::uint64_t term = 0, revision = 0;  // of the entry that wrote it
  std::optional<Time> expires_at{};
  std::uint64_t lease = 0;
  friend bool operator==(const Value&, const Value&) = default;
};

/// Keys in bytewise order, all of one moment.
struct Page {
  std::vector<std::pair<std::string, Value>> entries{};
  std::optional<std::string> next{};  // where the next page begins; none: that was all
  std::uint64_t revision = 0;         // the moment: of the newest entry in the state
};

/// invalid_argument: an index, a time or a lease that cannot be; too_large: a key.
Status validate(const Request& request);
Status validate(const Command& command);

}  // namespace walkit::kv
