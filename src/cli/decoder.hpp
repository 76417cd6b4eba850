#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "walkit/base/result.hpp"

namespace walkit::cli {

/// A command that turns entries into lines: it gets a JSON line for each on its stdin and prints
/// one line for each on its stdout, in order. It may read ahead as far as it likes: both pipes are
/// served at once, so that neither side waits for the other. One thread.
class Decoder {
 public:
  using Answer = std::function<void(std::string_view line)>;

  /// Starts it by the shell. io: it cannot be started.
  static Result<Decoder> start(const std::string& command);
  Decoder(Decoder&& other) noexcept;
  Decoder& operator=(Decoder&&) = delete;
  /// Does not wait for it to finish its work: it is killed.
  ~Decoder();

  /// Hands a line over, its end included, and takes the answers that are there. io: the command
  /// ended, or prints more lines than it got.
  Status give(std::string_view line, const Answer& answer);
  /// Ends its input and takes the other answers. io: there are fewer than lines, or it failed.
  Status finish(const Answer& answer);

 private:
  Decoder(pid_t process, int input, int output)
      : process_(process), input_(input), output_(output) {}

  enum class Until { input_is_small, output_ended };
  Status serve(Until until, const Answer& answer);
  Status read_some(const Answer& answer);
  Status write_some();
  [[nodiscard]] Status ended();
  void close_input();
  int wait();

  pid_t process_ = -1;
  int input_ = -1, output_ = -1;
  std::string unsent_{}, line_{};  // not written yet; read, without its end
  std::uint64_t given_ = 0, answered_ = 0;
};

}  // namespace walkit::cli
