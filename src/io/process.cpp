#include "io/process.hpp"

#include <unistd.h>

namespace walkit {

std::uint64_t process_id() noexcept { return static_cast<std::uint64_t>(::getpid()); }

}  // namespace walkit
