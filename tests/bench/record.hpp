#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "crc.hpp"
#include "run.hpp"

namespace walkit::bench {

/// What a floor writes for one entry: this, then the payload. The least that can be called a log:
/// a length, a checksum over all behind itself, an id. A length of 0 is the end.
struct RecordHead {
  std::uint32_t crc = 0, bytes = 0;
  std::uint64_t id = 0;
};
constexpr std::size_t kHeadBytes = sizeof(RecordHead);
static_assert(kHeadBytes == 16);

constexpr std::size_t record_bytes(std::size_t payload_bytes) { return kHeadBytes + payload_bytes; }

/// Writes record_bytes(payload.size()) bytes.
inline void put_record(char* to, std::uint64_t id, std::string_view payload) {
  RecordHead head{.bytes = static_cast<std::uint32_t>(payload.size()), .id = id};
  std::memcpy(to + kHeadBytes, payload.data(), payload.size());
  std::memcpy(to, &head, kHeadBytes);
  head.crc = crc_of(to + sizeof head.crc, record_bytes(payload.size()) - sizeof head.crc);
  std::memcpy(to, &head.crc, sizeof head.crc);
}

inline RecordHead head_at(const char* at) {
  RecordHead head;
  std::memcpy(&head, at, kHeadBytes);
  return head;
}

/// Gives each whole record from `begin` on to each(head, payload), its checksum checked; returns
/// how many bytes they are. Stops at a length of 0.
template <class Each>
std::size_t walk_records(const char* begin, std::size_t bytes, Each&& each) {
  std::size_t at = 0;
  while (bytes - at >= kHeadBytes) {
    const RecordHead head = head_at(begin + at);
    const std::size_t whole = record_bytes(head.bytes);
    if (head.bytes == 0 || bytes - at < whole) break;
    const char* data = begin + at + sizeof head.crc;
    check(crc_of(data, whole - sizeof head.crc) == head.crc, "a floor's record has a wrong CRC");
    each(head, std::string_view(begin + at + kHeadBytes, head.bytes));
    at += whole;
  }
  return at;
}

}  // namespace walkit::bench
