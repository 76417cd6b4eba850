#include "walkit/version.hpp"

namespace walkit {

std::string_view version() noexcept { return WALKIT_VERSION; }

}  // namespace walkit
