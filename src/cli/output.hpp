#pragma once

#include <string>
#include <string_view>

#include "walkit/base/result.hpp"

namespace walkit::cli {

/// Standard output with a buffer. One thread.
class Output {
 public:
  void write(std::string_view text);
  void flush();
  /// Nobody takes more: the reader closed the pipe, or a write failed. What comes then is dropped.
  [[nodiscard]] bool stopped() const { return closed_ || os_error_ != 0; }
  /// Who read the pipe or the terminal went away, as far as can be told without writing.
  [[nodiscard]] static bool reader_is_gone();
  /// Flushes. A closed pipe is no error: its reader had enough.
  Status finish();

 private:
  std::string buffer_{};
  bool closed_ = false;
  int os_error_ = 0;
};

}  // namespace walkit::cli
