#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "walkit/base/result.hpp"

namespace walkit {

/// What a header says of the values in its file: who made their bytes, and what they are.
struct StoredType {
  std::uint32_t codec = 0;
  std::string name{};  // "": not declared
  std::uint32_t schema = 1;
};

/// incompatible: another codec, another name where both have one, or a newer schema than `mine`
/// where that is declared. values: what the file holds, for the error: "entries", "a state".
Status check_type(const StoredType& stored, const StoredType& mine, std::string_view file,
                  std::string_view values);

}  // namespace walkit
