#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace walkit::cli {

/// Well-formed UTF-8 without a NUL, which binary entries have and texts do not.
[[nodiscard]] bool is_text(std::string_view bytes);

/// One line that a terminal can be shown: control characters, what turns the direction of writing,
/// and bytes that are no UTF-8 become \n, \r, \t or \xNN; a backslash is doubled.
[[nodiscard]] std::string escape(std::string_view text);

/// "deadbeef".
[[nodiscard]] std::string hex(std::string_view bytes);

/// The line of a dump for up to 16 bytes: offset, hex, and what is printable.
[[nodiscard]] std::string hex_line(std::uint64_t offset, std::string_view bytes);

}  // namespace walkit::cli
