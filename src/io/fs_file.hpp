#pragma once

#include <memory>
#include <string>

#include "io/system.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::io {

/// The descriptor of the regular file `name` in `directory`, by open(2) `flags`. io: something else
/// stands at the name. Never waits, not even for a FIFO, and never follows a link.
Result<Descriptor> open_regular(int directory, const std::string& name, int flags);

/// Directory::open() of a file system; `name` is a file name.
Result<std::unique_ptr<File>> open_fs_file(int directory, const std::string& name, OpenMode mode);

}  // namespace walkit::io
