#pragma once

namespace walkit::cli {

/// While it lives the first Ctrl-C (SIGINT) is noted, for the command to end where it is, and the
/// second one ends the process. Then all is as it was before. A process that was told to ignore the
/// signal goes on ignoring it. One at a time.
class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  [[nodiscard]] static bool came();
};

}  // namespace walkit::cli
