#pragma once

#include <memory>

#include "walkit/io/directory.hpp"
#include "walkit/log/options.hpp"

namespace walkit::log {

/// The log that a WalMaintenance and its copies care for.
struct CarePlace {
  std::shared_ptr<Directory> parent{};  // of the folder that options.subdirectory names
  ReadOptions options{};
};

}  // namespace walkit::log
