#include "log/last_frame.hpp"

#include <algorithm>

namespace walkit::log {

Result<std::optional<FrameHeader>> find_last(File& file, const SegmentHeader& segment,
                                             FrameKind kind, std::uint64_t file_end) {
  // The largest seal, and a close with the padding between them.
  constexpr std::uint64_t kEndBytes = kControlFrameBytesMax + kBlockBytes;
  std::optional<FrameHeader> found;
  const std::uint64_t begin =
      std::max(first_frame_offset(segment.layout),
               (file_end - std::min(file_end, kEndBytes)) / kFrameAlignment * kFrameAlignment);
  if (begin + kFrameHeaderBytes > file_end) return found;
  Bytes bytes(file_end - begin);
  const auto got = file.read_at(begin, bytes);
  if (!got) return got.error();
  bytes.resize(*got);
  const std::uint32_t seed = frame_seed(segment.salt());
  for (std::uint64_t at = 0; at + kFrameHeaderBytes <= bytes.size(); at += kFrameAlignment) {
    if (!frame_magic_at(bytes.data() + at)) continue;
    const auto header = decode_frame_header(BytesView(bytes).subspan(at), seed, begin + at);
    if (header && header->is(kind)) found = header;
  }
  return found;
}

}  // namespace walkit::log
