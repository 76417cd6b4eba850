#include "walkit/io/directory.hpp"

namespace walkit {

Result<BytesView> File::map() {
  return Error{.code = Errc::not_supported, .message = "this directory does not map files"};
}

bool is_file_name(std::string_view name) noexcept {
  constexpr std::size_t kNameBytesMax = 255;
  constexpr std::string_view kForbidden{"/\0", 2};
  if (name.empty() || name.size() > kNameBytesMax) return false;
  if (name == "." || name == "..") return false;
  return name.find_first_of(kForbidden) == std::string_view::npos;
}

}  // namespace walkit
