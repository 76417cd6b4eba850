#pragma once

#include "golden/golden_logs.hpp"

namespace walkit::golden {

/// All golden checkpoints, and states.txt, which says what each holds. The same bytes each time.
[[nodiscard]] Files make_checkpoints();

/// "NAME entry 7 codec gold ... crc 0badcafe", or "NAME corrupt": what the library makes of it.
[[nodiscard]] std::string state_line(const std::string& name, const Bytes& file);

}  // namespace walkit::golden
