#pragma once

#include <memory>

#include "log/pin_board.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/options.hpp"

namespace walkit::log {

/// The log that a WalMaintenance and its copies care for.
struct CarePlace {
  CarePlace(std::shared_ptr<Directory> directory, ReadOptions read_options)
      : parent(std::move(directory)), options(std::move(read_options)) {}

  const std::shared_ptr<Directory> parent;  // of the folder that options.subdirectory names
  const ReadOptions options;
  mutable PinBoard pins{};
  /// Without a writer: held by who pins, and by who trims until MANIFEST says so.
  mutable std::mutex care{};
};

}  // namespace walkit::log
