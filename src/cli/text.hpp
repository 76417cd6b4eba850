#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace walkit::cli {

/// Well-formed UTF-8 without a NUL, which binary entries have and texts do not.
[[nodiscard]] bool is_text(std::string_view bytes);

/// One line that a terminal can be shown: control characters, what turns the direction of writing,
/// and bytes that are no UTF-8 become \n, \r, \t or \xNN; a backslash is doubled.
[[nodiscard]] std::string escape(std::string_view text);

/// "deadbeef".
[[nodiscard]] std::string hex(std::string_view bytes);

/// As one word of a command for the shell.
[[nodiscard]] std::string shell_word(std::string_view text);

/// The line of a dump for up to 16 bytes: offset, hex, and what is printable.
[[nodiscard]] std::string hex_line(std::uint64_t offset, std::string_view bytes);

/// "2026-11-20T07:01:02.110000000Z" of nanoseconds since 1970.
[[nodiscard]] std::string time_words(std::uint64_t time_ns);

/// Rows of cells, two spaces between columns. alignment: "<" or ">" for each but the last column.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows,
                                std::string_view alignment);

}  // namespace walkit::cli
