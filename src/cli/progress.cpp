#include "cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace walkit::cli {
namespace {

constexpr std::uint64_t kEntriesBetweenLooks = 1024;  // at the clock
constexpr auto kPatience = std::chrono::seconds(1);
constexpr auto kPause = std::chrono::milliseconds(200);

bool shows(When when) {
  return when == When::always || (when == When::automatic && ::isatty(STDERR_FILENO) == 1);
}

}  // namespace

Progress::Progress(std::string_view command, When when)
    : command_(command),
      shows_(shows(when)),
      next_(Clock::now() +
            (when == When::always ? Clock::duration{} : Clock::duration(kPatience))) {}

void Progress::passed(EntryId entry, std::uint64_t payload_bytes) {
  bytes_ += payload_bytes;
  if (!shows_ || entries_++ % kEntriesBetweenLooks != 0) return;
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + kPause;
  shown_ = true;
  std::fputs(fmt::format("\rwalkit {}: entry {}, {:.1f} MiB", command_, entry.value,
                         static_cast<double>(bytes_) / (1 << 20))
                 .c_str(),
             stderr);
}

void Progress::clear() {
  constexpr std::size_t kWidth = 60;
  if (shown_) std::fputs(("\r" + std::string(kWidth, ' ') + "\r").c_str(), stderr);
  shown_ = false;
}

}  // namespace walkit::cli
