#include "walkit/base/types.hpp"

#include <ostream>

namespace walkit {

std::string to_string(EntryId id) { return std::to_string(id.value); }

std::string to_string(EntryIdRange range) {
  if (range.empty()) return "none";
  return to_string(range.first) + ".." + to_string(range.last);
}

std::ostream& operator<<(std::ostream& out, EntryId id) { return out << id.value; }
std::ostream& operator<<(std::ostream& out, EntryIdRange range) { return out << to_string(range); }

}  // namespace walkit
