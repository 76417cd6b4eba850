#include "base/crc32c.hpp"

#include <algorithm>

#if __has_include(<isa-l/crc.h>) && !defined(WALKIT_CRC_PORTABLE)
#include <isa-l/crc.h>

namespace walkit {

std::uint32_t crc32c(BytesView bytes, std::uint32_t seed) noexcept {
  constexpr std::size_t kStep = std::size_t{1} << 30;  // the library takes an int
  std::uint32_t state = ~seed;
  while (!bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), kStep);
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
    state = crc32_iscsi(data, static_cast<int>(n), state);
    bytes = bytes.subspan(n);
  }
  return ~state;
}

}  // namespace walkit

#else
#include <boost/crc.hpp>

namespace walkit {

std::uint32_t crc32c(BytesView bytes, std::uint32_t seed) noexcept {
  // Boost takes the register before reflection; ours is the finished value of what came before.
  std::uint32_t state = 0;
  for (int bit = 0; bit < 32; ++bit) state |= ((~seed >> bit) & 1u) << (31 - bit);
  boost::crc_optimal<32, 0x1EDC6F41, 0, 0xFFFFFFFF, true, true> crc(state);
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

}  // namespace walkit
#endif
