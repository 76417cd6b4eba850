#pragma once

#include <map>
#include <string>

#include "walkit/base/bytes.hpp"

namespace walkit::golden {

/// Path ("plain/MANIFEST") to content.
using Files = std::map<std::string, Bytes>;

/// All golden logs, each with a holds.txt that says what it holds. The same bytes each time.
[[nodiscard]] Files make_all();

}  // namespace walkit::golden
