#pragma once

// The lines of holds.txt, in the order of the log: "# " comment, then
//   segments N
//   entry ID SCHEMA HEX            "-" for an empty payload; over 64 bytes: BYTES:CRC32C
//   gap FIRST..LAST                a recorded loss
//   end clean|torn|suspect|corrupt|incompatible
//   proven ID                      not after corrupt and incompatible, nor are those below
//   torn_bytes N, suspect_bytes N, warnings N     where not 0

#include <cstdio>
#include <string>

#include "base/crc32c.hpp"
#include "walkit/base/bytes.hpp"
#include "walkit/base/types.hpp"

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

}  // namespace walkit::golden
