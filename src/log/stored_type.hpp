#pragma once

#include "base/stored_type.hpp"
#include "log/format.hpp"

namespace walkit::log {

/// incompatible: the segment's entries are not what `mine` says.
inline Status check_type(const SegmentHeader& stored, const StoredType& mine,
                         std::string_view file) {
  return walkit::check_type({stored.codec, stored.type_name, stored.schema}, mine, file, "entries");
}

}  // namespace walkit::log
