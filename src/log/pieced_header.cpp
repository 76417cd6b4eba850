// Headers that do not hold, as far as something else tells what stood there.

#include <algorithm>

#include "log/salvage_sources.hpp"

namespace walkit::log {
namespace {

constexpr std::uint64_t kEpochsMax = 1000;
constexpr std::uint64_t kPlacesMax = 1000;  // that look like a frame, tried with each epoch
constexpr std::size_t kStepBytes = 64 << 10;

struct Life {
  std::uint64_t epoch = 0;
  std::uint32_t seed = 0;
};

std::vector<Life> lives(const SegmentHeader& header,
                        std::pair<std::uint64_t, std::uint64_t> epochs) {
  std::vector<Life> result;
  // The newest first: where nothing bounds them, the older ones are the less likely.
  for (std::uint64_t e = epochs.second; e >= epochs.first && e > 0; --e) {
    if (result.size() == kEpochsMax) break;
    result.push_back({e, frame_seed(segment_salt(header.log, header.number, e))});
  }
  return result;
}

std::optional<std::uint64_t> epoch_at(BytesView bytes, std::uint64_t offset,
                                      const std::vector<Life>& lives) {
  for (const Life& life : lives) {
    if (decode_frame_header(bytes, life.seed, offset)) return life.epoch;
  }
  return std::nullopt;
}

// The first place whose frame header verifies in one of these lives.
std::optional<std::uint64_t> find_epoch(FileWindow& window, const std::vector<Life>& lives) {
  std::uint64_t places = 0;
  for (std::uint64_t at = kSegmentHeaderBytes;; at += kStepBytes) {
    const auto view = window.at(at, kStepBytes + kFrameHeaderBytes);
    if (!view || view->empty()) return std::nullopt;
    for (std::size_t i = 0; i < kStepBytes && i + kFrameHeaderBytes <= view->size();
         i += kFrameAlignment) {
      if (!frame_magic_at(view->data() + i)) continue;
      if (const auto epoch = epoch_at(view->subspan(i), at + i, lives)) return epoch;
      if (++places == kPlacesMax) return std::nullopt;
    }
  }
}

}  // namespace

std::optional<SegmentHeader> piece_together(File& file, const SegmentName& name,
                                            const SegmentHeader& like,
                                            std::pair<std::uint64_t, std::uint64_t> epochs) {
  SegmentHeader header{.log = like.log,
                       .number = name.number,
                       .first = name.first,
                       .layout = like.layout,
                       .codec = like.codec,
                       .schema = like.schema,
                       .max_entry_bytes = like.max_entry_bytes,
                       .max_frame_bytes = like.max_frame_bytes,
                       .type_name = like.type_name};
  FileWindow window(file);
  const std::vector<Life> tried = lives(header, epochs);
  for (const Layout layout : {Layout::packed, Layout::whole_blocks}) {
    const std::uint64_t place = first_frame_offset(layout);
    const auto view = window.at(place, kFrameHeaderBytes);
    if (!view) return std::nullopt;
    if (const auto epoch = epoch_at(*view, place, tried)) {
      header.layout = layout;
      header.epoch = *epoch;
      return header;
    }
  }
  const auto epoch = find_epoch(window, tried);
  if (!epoch) return std::nullopt;
  header.epoch = *epoch;
  return header;
}

std::optional<SegmentHeader> mend_header(Bytes bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return std::nullopt;
  bytes.resize(kSegmentHeaderBytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1u << (bit % 8));
    bytes[bit / 8] ^= mask;
    if (auto header = decode_segment_header(bytes)) return std::move(*header);
    bytes[bit / 8] ^= mask;
  }
  return std::nullopt;
}

}  // namespace walkit::log
