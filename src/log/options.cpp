#include "walkit/log/options.hpp"

#include "log/format.hpp"
#include "walkit/io/directory.hpp"

namespace walkit {
namespace {

Error invalid(std::string message) {
  return {.code = Errc::invalid_argument, .message = std::move(message)};
}

}  // namespace

Status WalOptions::validate() const {
  constexpr std::uint32_t kFrameSlackBytes = 1 << 10;
  constexpr std::uint64_t kSegmentBytesMin = log::kBlockBytes;
  if (max_frame_bytes > log::kFrameBytesMax) return invalid("max_frame_bytes: at most 1 GiB");
  if (max_entry_bytes > max_frame_bytes || max_frame_bytes - max_entry_bytes < kFrameSlackBytes) {
    return invalid("max_entry_bytes: at most max_frame_bytes less 1 KiB");
  }
  if (segment_bytes < kSegmentBytesMin) return invalid("segment_bytes: at least 4 KiB");
  constexpr std::chrono::hours kTimeMax{24 * 365};
  if (segment_age.count() < 0 || segment_age > kTimeMax) return invalid("segment_age: 0 to a year");
  if (flush.time() > kTimeMax) return invalid("flush: a time of at most a year; manual() has none");
  if (compression < Compression::none || compression > Compression::zstd) {
    return invalid("compression: none, lz4 or zstd");
  }
  if (!is_file_name(subdirectory)) return invalid("subdirectory: one component of a path");
  return {};
}

}  // namespace walkit
