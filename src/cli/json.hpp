#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "walkit/log/reports.hpp"

// What the tool says, as JSON: the one place that knows the names. docs/tool.md lists them.

namespace walkit::cli {

using Json = nlohmann::ordered_json;

/// {"first":1,"last":3}; null where it is empty.
[[nodiscard]] Json json_of(EntryIdRange range);
/// code, message, file, offset, lost, os_error, next_step: always all of them, null for "none".
[[nodiscard]] Json json_of(const Error& error);
[[nodiscard]] Json json_of(const RecoveryReport& report);
/// 0 is null.
[[nodiscard]] Json json_of(EntryId id);
/// ISO 8601 in UTC with nanoseconds; 0 is null.
[[nodiscard]] Json json_of_time(std::uint64_t time_ns);

/// "text" where the bytes are one, else "hex".
void put_payload(Json& line, std::string_view payload);

/// In one line and in ASCII, which leaves nothing that a terminal would obey; bytes that are no
/// UTF-8 are replaced.
[[nodiscard]] std::string line_of(const Json& json);

}  // namespace walkit::cli
