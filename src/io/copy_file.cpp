#include "io/copy_file.hpp"

#include <algorithm>

#include "base/crc32c.hpp"

namespace walkit::io {
namespace {

constexpr std::size_t kStepBytes = 1 << 20;

}  // namespace

Result<FileSum> copy_bytes(File& from, File* to, std::uint64_t bytes) {
  FileSum sum;
  Bytes step(std::min<std::uint64_t>(bytes, kStepBytes));
  while (sum.bytes < bytes) {
    const std::uint64_t wanted = std::min<std::uint64_t>(bytes - sum.bytes, step.size());
    const auto got = from.read_at(sum.bytes, std::span(step).first(wanted));
    if (!got) return got.error();
    if (*got == 0) break;
    const BytesView parts[] = {BytesView(step).first(*got)};
    sum.crc = crc32c(parts[0], sum.crc);
    if (to != nullptr) {
      if (Status ok = to->write_at(sum.bytes, parts); !ok) return ok.error();
    }
    sum.bytes += *got;
  }
  return sum;
}

Result<std::shared_ptr<Directory>> open_empty(Directory& parent, const std::string& name,
                                              std::string_view what) {
  auto folder = parent.subdirectory(name, OpenMode::create);
  if (!folder) return folder;
  const auto names = (*folder)->list();
  if (!names) return names.error();
  if (names->empty()) return folder;
  return Error{.code = Errc::already_exists,
               .message = "the folder for the " + std::string(what) + " is not empty",
               .file = names->front(),
               .next_step = "name an empty folder"};
}

}  // namespace walkit::io
