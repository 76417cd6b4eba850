#pragma once

#include <optional>
#include <string>

#include "log/file_window.hpp"
#include "log/frame.hpp"

namespace walkit::cli {

/// A frame whose header holds, and what else is wrong with it.
struct FoundFrame {
  log::FrameHeader header{};
  std::optional<std::uint32_t> body_crc{};  // as computed; none: the body is not all there
  EntryIdRange missing{};                   // ids between the frame before and this one
  std::string fault{};                      // "": nothing
  BytesView body{};                         // as far as it is there; until the next call
};

/// Bytes that are no frame.
struct BadPlace {
  std::uint64_t begin = 0, end = 0;  // up to the next frame, or the last byte that is not zero
  std::string fault{};
  std::optional<log::FrameHeader> next{};  // the first frame behind it whose header holds
  EntryIdRange missing{};                  // known where there is a next frame
};

/// Goes over the frames of one file, good and bad ones, to its end. It judges nothing: for a log,
/// a frame behind a bad place is no proof. Memory: one frame. One thread.
class FrameWalk {
 public:
  struct Start {
    std::uint32_t seed = 0;
    std::uint64_t offset = 0;
    std::optional<std::uint32_t> chain{};  // none: not known, not checked
    EntryId expected{};                    // EntryId{}: likewise
    std::uint64_t frame_bytes_max = 0;
  };
  FrameWalk(File& file, Start start);

  /// One of the two is set; neither: zeros up to the end of the file.
  struct Step {
    std::optional<FoundFrame> frame{};
    std::optional<BadPlace> bad{};
  };
  Result<Step> next();
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  Result<FoundFrame> look_at(const log::FrameHeader& header);
  Result<std::optional<BadPlace>> skip();

  File& file_;
  log::FileWindow window_;
  std::uint32_t seed_;
  std::uint64_t frame_bytes_max_, position_;
  std::optional<std::uint32_t> chain_;
  EntryId expected_;
};

/// Why these bytes are no frame header at `offset`, with the checksums if that is the reason.
[[nodiscard]] std::string why_no_header(BytesView bytes, std::uint32_t seed, std::uint64_t offset);

}  // namespace walkit::cli
