#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "walkit/base/types.hpp"

namespace walkit::log {

inline constexpr std::string_view kManifestName = "MANIFEST";
inline constexpr std::string_view kQuarantineName = "quarantine";
inline constexpr std::string_view kPinsName = "pins";
inline constexpr std::string_view kBackupListName = "BACKUP";
inline constexpr std::string_view kTemporarySuffix = ".tmp";

/// "<number, 20 digits>-<first id, 20 digits>.wal". The number comes first: an emptied segment and
/// its successor begin with the same id.
struct SegmentName {
  std::uint64_t number = 0;
  EntryId first{};
  friend bool operator==(const SegmentName&, const SegmentName&) = default;
};

[[nodiscard]] std::string to_string(const SegmentName& name);
[[nodiscard]] std::optional<SegmentName> parse_segment_name(std::string_view text) noexcept;
/// A file that a walkit may have left when it was stopped between making a file and naming it.
[[nodiscard]] bool is_temporary_name(std::string_view text) noexcept;

}  // namespace walkit::log
