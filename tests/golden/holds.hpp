#pragma once

// The lines of holds.txt, in the order of the log: "# " comment, then
//   segments N
//   entry ID SCHEMA HEX            "-" for an empty payload; over 64 bytes: BYTES:CRC32C
//   gap FIRST..LAST                a recorded loss
//   end clean|torn|suspect|corrupt|incompatible
//   proven ID                      not after corrupt and incompatible, nor are those below
//   torn_bytes N, suspect_bytes N, warnings N     where not 0
//   checkpoint ID                  of the newest marker of one in the newest segment
//   pin NAME FROM BYTES            each named pin that reads

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/crc32c.hpp"
#include "walkit/log/log_reader.hpp"
#include "walkit/log/maintenance.hpp"

namespace walkit::golden {

inline std::string payload_text(BytesView payload) {
  constexpr std::size_t kHexBytesMax = 64;
  char text[32];
  if (payload.empty()) return "-";
  if (payload.size() > kHexBytesMax) {
    std::snprintf(text, sizeof text, "%zu:%08x", payload.size(), crc32c(payload));
    return text;
  }
  std::string hex;
  for (const std::byte b : payload) {
    std::snprintf(text, sizeof text, "%02x", std::to_integer<unsigned>(b));
    hex += text;
  }
  return hex;
}

inline std::string entry_line(EntryId id, std::uint32_t schema, BytesView payload) {
  return "entry " + to_string(id) + " " + std::to_string(schema) + " " + payload_text(payload);
}

inline std::string gap_line(EntryIdRange lost) { return "gap " + to_string(lost); }

inline std::string ending(const ReplaySummary& s) {
  const bool tail = s.end == ReplaySummary::End::torn_tail;
  std::string text = "end clean\n";
  if (tail) text = s.suspect_bytes > 0 ? "end suspect\n" : "end torn\n";
  text += "proven " + to_string(s.proven_through) + "\n";
  if (s.torn_bytes > 0) text += "torn_bytes " + std::to_string(s.torn_bytes) + "\n";
  if (s.suspect_bytes > 0) text += "suspect_bytes " + std::to_string(s.suspect_bytes) + "\n";
  if (!s.warnings.empty()) text += "warnings " + std::to_string(s.warnings.size()) + "\n";
  return text;
}

inline std::string pin_lines(const std::shared_ptr<Directory>& parent, const ReadOptions& options) {
  std::string text;
  for (const PinInfo& pin : WalMaintenance::open(parent, options)->pins().value()) {
    if (pin.fault) continue;
    text +=
        "pin " + pin.name + " " + to_string(pin.from) + " " + std::to_string(pin.bytes_max) + "\n";
  }
  return text;
}

/// The lines from the first entry on, as LogReader sees them; `status` is what the replay answered.
inline std::string lines_of(const std::shared_ptr<Directory>& parent, const ReadOptions& options,
                            ReplayMode mode, Status& status) {
  std::vector<std::pair<EntryId, std::string>> lines;
  const auto reader = LogReader::open(parent, options, std::nullopt);
  Result<ReplaySummary> summary = ReplaySummary{};
  if (reader) {
    summary = reader->replay(mode, {}, [&](const EntryView& e) -> Result<Step> {
      lines.emplace_back(e.entry_id, entry_line(e.entry_id, e.schema, e.payload));
      return Step::next;
    });
  } else {
    summary = reader.error();
  }
  status = summary ? Status{} : Status(summary.error());
  for (const Error& gap : summary ? summary->gaps : std::vector<Error>{}) {
    lines.emplace_back(gap.lost.first, gap_line(gap.lost));
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const auto& line : lines) text += line.second + "\n";
  if (summary) {
    const auto marked = reader->marked_checkpoint();
    text += ending(*summary);
    if (marked && *marked) text += "checkpoint " + to_string(**marked) + "\n";
    return text + pin_lines(parent, options);
  }
  return text + "end " + std::string(to_string(status.error().code)) + "\n";
}

}  // namespace walkit::golden
