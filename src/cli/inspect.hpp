#pragma once

#include "cli/frame_walk.hpp"
#include "cli/output.hpp"
#include "cli/report.hpp"
#include "log/format.hpp"

namespace walkit::cli {

/// A segment file as far as its header can be made out. Where that is damaged, the seed is what
/// its bytes still say, if a frame agrees.
struct SegmentFileView {
  std::unique_ptr<File> file{};
  std::string name{};
  std::optional<log::SegmentHeader> header{};
  std::optional<Error> header_fault{};
  bool live = false;             // somebody holds the lock of the folder
  FrameWalk::Start start{};      // of the first frame
  bool frames_are_found = true;  // false: no frame agrees with what the header still says
};

/// The fields of a file's header, by name and in their order on disk.
[[nodiscard]] Json fields_of(const log::SegmentHeader& header);
[[nodiscard]] Json fields_of(const log::ManifestSlot& slot);
[[nodiscard]] Json fields_of(const log::LockRecord& record);
/// A line each.
[[nodiscard]] std::string lines_of(const Json& fields);

[[nodiscard]] std::string kind_words(const log::FrameHeader& header);
/// "1..3", or for a control frame "(4)": the id expected next.
[[nodiscard]] std::string ids_words(const log::FrameHeader& header);

/// The bytes at `offset`, field by field as those of a frame, and where the next frame stands.
ExitCode inspect_frame(Report& report, SegmentFileView& segment, std::uint64_t offset);

}  // namespace walkit::cli
