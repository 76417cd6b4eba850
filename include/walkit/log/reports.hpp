#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "walkit/base/histogram.hpp"
#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

namespace walkit {

/// One file of the log.
struct SegmentInfo {
  std::string file{};
  EntryIdRange entries{};
  std::uint64_t bytes = 0;
  enum class State { active, sealed } state{};
};

/// What WalWriter::open found and did. Asked for without memory for its lists, it comes without.
struct RecoveryReport {
  enum class Origin { created, clean_close, crash } origin = Origin::created;
  EntryIdRange entries{};           // in the log now, all durable; replay says if they are intact
  EntryIdRange rewritten{};         // were not proven durable; are now
  std::uint64_t torn_bytes = 0;     // tail never acknowledged, cut: a write that did not finish
  std::uint64_t suspect_bytes = 0;  // the same, of a shape that a crash need not explain
  std::vector<std::string> foreign_files{}, swept_files{}, quarantined_files{};
  std::vector<Error> warnings{};  // tolerated: one bad manifest slot
};

/// How a replay ended. Suspect: see RecoveryReport.
struct ReplaySummary {
  enum class End { end_of_log, torn_tail, reached_last, stopped } end = End::end_of_log;
  EntryIdRange entries{};         // given to apply
  std::uint64_t entry_count = 0;  // the same, lower than the range only where there are gaps
  EntryId proven_through{};       // above it: read, but no finished sync is known to cover it
  std::uint64_t torn_bytes = 0, suspect_bytes = 0;
  std::vector<Error> gaps{};      // recorded losses; salvage: each hole
  std::vector<Error> warnings{};  // tolerated: bad manifest slots
  /// The oldest and the newest entry in the log, given or not, as this replay saw it. Of an empty
  /// log: the id that comes first, and the one before.
  EntryIdRange log{};
  LogIdentity log_identity{};
  std::uint64_t frame_bytes = 0;  // of the frames that were read for it, headers included
};

/// What a writer vouches for.
struct Verdict {
  EntryId durable_through{};
  EntryIdRange in_doubt{};         // submitted, and no sync succeeded for them
  std::optional<Error> failure{};  // why it refuses work; none: healthy
};

/// Counts since open.
struct WalStats {
  std::uint64_t entries = 0, payload_bytes = 0, written_bytes = 0, frames = 0, syncs = 0,
                rotations = 0;
  std::chrono::nanoseconds sync_time{}, sync_time_max{};
  Histogram sync_times{};     // of the syncs of groups, nanoseconds
  Histogram group_entries{};  // how many share such a sync
};

/// One line each, for a log file.
[[nodiscard]] std::string to_string(const RecoveryReport& report);
[[nodiscard]] std::string to_string(const Verdict& verdict);

}  // namespace walkit
