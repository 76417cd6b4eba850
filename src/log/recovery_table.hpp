#pragma once

// What is decided about the newest segment, as data: evidence on the left, decision on the right.
// The rule and its proof: docs/format.md, "Recovery". tests/log/recovery_table_test.cpp enumerates
// every combination of evidence and proves that exactly one row matches.

#include <span>

#include "log/tail.hpp"
#include "walkit/log/options.hpp"

namespace walkit::log {

/// Its header: valid; not valid, and no manifest slot names the file, so that it was not born yet;
/// not valid though the manifest names it.
enum class HeaderEvidence { valid, unborn, damaged };
/// The highest watermark, wherever it stands, against the first id that is not there.
enum class WatermarkEvidence { below, covers };
/// What stands between the last proven frame and the end of the good frames: nothing; frames not
/// proven (or close and seal of a writer that was stopped while closing); the seal of a clean
/// close.
enum class RemainderEvidence { nothing, frames, clean_close };

struct Evidence {
  HeaderEvidence header = HeaderEvidence::valid;
  WatermarkEvidence watermark = WatermarkEvidence::below;
  TailShape shape = TailShape::zeros;
  RemainderEvidence remainder = RemainderEvidence::nothing;
  Layout layout = Layout::packed;
};

enum class TailVerdict {
  clean,              // a clean end
  torn,               // a write that did not finish; never acknowledged
  suspect,            // never known to be acknowledged, of a shape that a crash need not explain
  lost_acknowledged,  // a watermark says more was durable than is there
  damaged,            // nothing acknowledged is known to be lost, and no crash leaves this
  newer,              // written by a newer walkit
  unborn,             // the segment before it is the newest
  header_damaged
};
/// What open-for-write does.
enum class TailAction {
  go_on,        // the first append makes the next segment
  new_segment,  // made at once, with what is not proven moved into it
  set_aside,    // the file goes into quarantine/; judge again
  refuse
};

struct Decision {
  TailVerdict verdict = TailVerdict::clean;
  TailAction action = TailAction::go_on;
  friend bool operator==(const Decision&, const Decision&) = default;
};

/// One row: for each kind of evidence the set of values it takes, as bits.
struct RecoveryRow {
  unsigned headers, watermarks, shapes, remainders, layouts;
  Decision decision;
  [[nodiscard]] bool matches(const Evidence& evidence) const;
};

[[nodiscard]] std::span<const RecoveryRow> recovery_table();
[[nodiscard]] Decision decide(const Evidence& evidence);

}  // namespace walkit::log
