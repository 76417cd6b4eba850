#include "cli/output.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace walkit::cli {
namespace {

constexpr std::size_t kBufferBytes = 64 << 10;

}  // namespace

void Output::write(std::string_view text) {
  if (stopped()) return;
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && !stopped()) {
    const ssize_t done = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (done >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(done));
    } else if (errno == EPIPE) {
      closed_ = true;
    } else if (errno != EINTR) {
      os_error_ = errno;
    }
  }
  buffer_.clear();
}

bool Output::reader_is_gone() {
  pollfd output{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  return ::poll(&output, 1, 0) > 0;
}

Status Output::finish() {
  flush();
  if (os_error_ == 0) return {};
  return Error{.code = Errc::io, .message = "cannot write to stdout", .os_error = os_error_};
}

}  // namespace walkit::cli
