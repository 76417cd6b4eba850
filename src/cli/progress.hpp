#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/cli.hpp"

namespace walkit::cli {

/// A line on stderr that says how far a command is, and is gone at its end. By itself only on a
/// terminal and after a second. One thread.
class Progress {
 public:
  Progress(std::string_view command, When when);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  void passed(EntryId entry, std::uint64_t payload_bytes);
  /// Before anything else is said.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  const std::string command_;
  const bool shows_;
  Clock::time_point next_;
  std::uint64_t entries_ = 0, bytes_ = 0;
  bool shown_ = false;
};

}  // namespace walkit::cli
