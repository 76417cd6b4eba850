#pragma once

#include <cstdint>

namespace walkit {

/// Who we are to other processes of this machine; for messages only.
[[nodiscard]] std::uint64_t process_id() noexcept;

/// Who we are to the processes that we are a fork of, and to our own forks: each has another number
/// than those it comes from, however it was made. Costs a look into memory. Any thread.
[[nodiscard]] std::uint64_t process_life() noexcept;

}  // namespace walkit
