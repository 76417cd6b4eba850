#pragma once

#include <cstdint>

#include "walkit/base/bytes.hpp"

namespace walkit {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `bytes`, continued from `seed`, the CRC of what
/// came before; 0 to begin. crc32c(b, crc32c(a)) is the CRC of a followed by b. Any thread.
[[nodiscard]] std::uint32_t crc32c(BytesView bytes, std::uint32_t seed = 0) noexcept;

}  // namespace walkit
