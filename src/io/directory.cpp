#include "walkit/io/directory.hpp"

namespace walkit {

Result<BytesView> File::map() {
  return Error{.code = Errc::not_supported, .message = "this directory does not map files"};
}

Status Directory::link(std::string_view name, Directory& /*into*/, std::string_view /*to*/) {
  return Error{.code = Errc::not_supported,
               .message = "this directory gives no second names",
               .file = std::string(name),
               .next_step = "copy the file"};
}

bool is_file_name(std::string_view name) noexcept {
  constexpr std::size_t kNameBytesMax = 255;
  constexpr std::string_view kForbidden{"/\0", 2};
  if (name.empty() || name.size() > kNameBytesMax) return false;
  if (name == "." || name == "..") return false;
  return name.find_first_of(kForbidden) == std::string_view::npos;
}

}  // namespace walkit
