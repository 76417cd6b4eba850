#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE4_2__) && __has_include(<isa-l/crc.h>)
#include <isa-l/crc.h>
#include <nmmintrin.h>
#else
#include "base/crc32c.hpp"
#endif

namespace walkit::bench {

/// The CRC-32C of the floors: the fastest there is at each length, since a slow floor would flatter
/// whoever is measured against it. Inlined for small records, ISA-L for others.
inline std::uint32_t crc_of(const char* data, std::size_t bytes) {
#if defined(__SSE4_2__) && __has_include(<isa-l/crc.h>)
  constexpr std::size_t kSmall = 256;
  if (bytes >= kSmall) {
    auto* begin = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(data));
    return ~crc32_iscsi(begin, static_cast<int>(bytes), ~0u);
  }
  std::uint64_t state = ~0u;
  for (; bytes >= 8; data += 8, bytes -= 8) {
    std::uint64_t word;
    std::memcpy(&word, data, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto last = static_cast<std::uint32_t>(state);
  for (; bytes != 0; ++data, --bytes) {
    last = _mm_crc32_u8(last, static_cast<unsigned char>(*data));
  }
  return ~last;
#else
  return crc32c(as_bytes({data, bytes}));
#endif
}

}  // namespace walkit::bench
