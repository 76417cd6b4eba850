#pragma once

#include <optional>

#include "log/frame.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::log {

/// The last header of a control frame of this kind that holds near the end of the file: a seal that
/// ends there, the close before it. Nothing else of the file is read. Errors are the device's.
Result<std::optional<FrameHeader>> find_last(File& file, const SegmentHeader& segment,
                                             FrameKind kind, std::uint64_t file_end);

}  // namespace walkit::log
