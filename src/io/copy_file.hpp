#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "walkit/io/directory.hpp"

namespace walkit::io {

/// What was read of a file.
struct FileSum {
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;
};

/// Reads the first `bytes` of a file, or all of it, and writes them to `to` where there is one,
/// unsynced. In steps of 1 MiB.
Result<FileSum> copy_bytes(File& from, File* to, std::uint64_t bytes = ~std::uint64_t{0});

/// The folder that a copy is made in, created if it is not there. already_exists: something is in
/// it. what: "new log" and so on, for the message.
Result<std::shared_ptr<Directory>> open_empty(Directory& parent, const std::string& name,
                                              std::string_view what);

}  // namespace walkit::io
