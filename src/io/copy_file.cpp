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

}  // namespace walkit::io
