#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "walkit/base/bytes.hpp"

namespace walkit::raft {

/// What a server must never forget: the newest term that it knows, and whom it voted for in it. A
/// value.
struct HardState {
  std::uint64_t term = 0;
  std::optional<std::uint64_t> vote{};
  friend bool operator==(const HardState&, const HardState&) = default;
};

/// command: for the state machine. noop: of the engine, also what stands for an index that was
/// reserved and not used. configuration: a change of the membership. The engine gives the last two
/// what bytes it likes.
enum class EntryKind : std::uint8_t { command = 1, noop = 2, configuration = 3 };

/// Who takes part. A value.
struct Membership {
  std::vector<std::uint64_t> voters{}, learners{};
  std::vector<std::uint64_t> outgoing{};  // joint consensus: the voters before; else empty
  std::string context{};                  // of the engine: addresses, roles; at most 512 KiB
  friend bool operator==(const Membership&, const Membership&) = default;
};

/// Which state a snapshot holds: the one behind the entry `index`, which was of `term`. A value.
struct SnapshotInfo {
  std::uint64_t index = 0, term = 0;
  Membership membership{};
  std::uint64_t membership_index = 0;  // of the entry that it came with; 0: not known
  friend bool operator==(const SnapshotInfo&, const SnapshotInfo&) = default;
};

/// A snapshot in memory, whole. A value.
struct Snapshot {
  SnapshotInfo info{};
  Bytes state{};
};

/// One entry as bytes; borrows.
struct EntryBytes {
  std::uint64_t index = 0, term = 0;
  EntryKind kind = EntryKind::command;
  BytesView payload{};
};

/// One entry as bytes, in memory of its own.
struct OwnedEntryBytes {
  std::uint64_t index = 0, term = 0;
  EntryKind kind = EntryKind::command;
  Bytes payload{};
  std::uint32_t schema = 1;  // of the command, when it was written
};

}  // namespace walkit::raft
