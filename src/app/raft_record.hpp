#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "walkit/app/raft_types.hpp"
#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

/// What an entry of the physical log says: docs/format.md has each byte.
namespace walkit::raft {

/// Far from where a sum would wrap.
[[nodiscard]] constexpr bool is_index(std::uint64_t index) {
  return index > 0 && index <= std::uint64_t{1} << 62;
}

/// How far a group is known to be committed and applied.
struct Progress {
  std::uint64_t commit = 0, applied = 0;
  friend bool operator==(const Progress&, const Progress&) = default;
};

/// A Raft entry: it takes the place of all from its index on. Borrows.
struct EntryRecord {
  EntryBytes entry{};
  std::uint32_t schema = 1;
  std::optional<Progress> progress{};  // of the moment, since that costs no record of its own
};

inline constexpr std::uint32_t kEntryHeaderBytesMax = 64;  // before the payload: 57 at most

struct HardStateRecord {
  HardState hard_state{};
};

struct ProgressRecord {
  Progress progress{};
};

/// Entries from an index on are gone.
struct TruncateRecord {
  std::uint64_t from = 0;
};

/// Where a group begins, told again before what said so is trimmed.
struct BaseRecord {
  std::uint64_t first_index = 1;                        // entries before are gone
  std::uint64_t previous_term = 0;                      // of the entry before that
  std::uint64_t snapshot_index = 0, snapshot_term = 0;  // the newest, when this was written
  bool replaced = false;    // by that snapshot: no entry from before this record counts
  std::uint32_t codec = 0;  // of the commands
  std::string type_name{};  // of the commands; "": not checked
  friend bool operator==(const BaseRecord&, const BaseRecord&) = default;
};

struct Record {
  std::uint64_t group = 0;
  std::variant<EntryRecord, HardStateRecord, ProgressRecord, TruncateRecord, BaseRecord> what{};
};

/// Appends. Throws std::bad_alloc.
void encode(const Record& record, Bytes& out);
/// decode: no record of this form. Total; borrows.
Result<Record> decode_record(BytesView bytes);

/// What stands in a snapshot's file before the state.
struct SnapshotHeader {
  std::uint64_t group = 0;
  SnapshotInfo info{};
  EntryId log_through{};   // the log was durable through it
  bool installed = false;  // the leader's: it says nothing of what the log holds
};
inline constexpr std::size_t kSnapshotHeaderBytesMax = 1u << 20;
inline constexpr std::size_t kContextBytesMax = 512u << 10, kMembersMax = 1u << 12;  // of each kind

void encode(const SnapshotHeader& header, Bytes& out);
/// Takes the header from the front of `bytes`. none: not all of it is there yet. Total.
Result<std::optional<SnapshotHeader>> decode_snapshot_header(BytesView& bytes);

/// The header of a snapshot that comes in pieces of any size. Throws std::bad_alloc.
class SnapshotHeaderReader {
 public:
  /// What of the piece belongs to the state, which is nothing until the header is whole; borrows
  /// until the next call.
  Result<BytesView> take(BytesView piece);
  [[nodiscard]] std::optional<SnapshotHeader>& header() { return header_; }

 private:
  Bytes begin_{};  // with the first of the state's bytes behind it
  std::optional<SnapshotHeader> header_{};
};

}  // namespace walkit::raft
