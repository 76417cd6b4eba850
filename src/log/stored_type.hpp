#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "log/format.hpp"

namespace walkit::log {

/// What a segment's header says of its entries.
struct StoredType {
  std::uint32_t codec = 0;
  std::string name{};  // "": not declared
  std::uint32_t schema = 1;
};

/// incompatible: another codec, another name where both have one, or a newer schema than `mine`
/// where that is declared.
Status check_type(const SegmentHeader& stored, const StoredType& mine, std::string_view file);

}  // namespace walkit::log
