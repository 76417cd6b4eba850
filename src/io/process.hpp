#pragma once

#include <cstdint>

namespace walkit {

/// Who we are to other processes of this machine; for messages only.
[[nodiscard]] std::uint64_t process_id() noexcept;

}  // namespace walkit
