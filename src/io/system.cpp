#include "io/system.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <ctime>

namespace walkit::io {
namespace {

struct Meaning {
  Errc code;
  std::string_view next_step;
};

Meaning meaning_of(int os_error) {
  switch (os_error) {
    case ENOENT:
      return {Errc::not_found, "check the name, or create it first"};
    case EEXIST:
      return {Errc::already_exists, "open the one that is there, or take another name"};
    case ENOSPC:
      return {Errc::no_space, "free space on the device and try again"};
    case EDQUOT:
      return {Errc::no_space, "free space under the quota or raise it, and try again"};
    case EFBIG:
      return {Errc::no_space, "raise the limit on file sizes (ulimit -f) and try again"};
    case ENOMEM:
      return {Errc::no_memory, "free memory and try again"};
    case EMFILE:
    case ENFILE:
      return {Errc::io, "close descriptors or raise their limit (ulimit -n), and try again"};
    case EACCES:
    case EPERM:
      return {Errc::io, "give this user the right to it, or open it for reading only"};
    case EROFS:
      return {Errc::io, "mount the file system writable, or open for reading only"};
    case ELOOP:
    case EISDIR:
    case ENOTDIR:
    case ENXIO:
      return {Errc::io, "move away what stands at this name: it is not of the expected kind"};
    default:
      return {Errc::io, "look for device errors in the kernel's log, then open again"};
  }
}

Error made_by_others(std::string_view file, std::string message) {
  return Error{.code = Errc::io,
               .message = std::move(message),
               .file = std::string{file},
               .next_step = "find out who else changes this directory, then open the log again"};
}

}  // namespace

void Descriptor::close() noexcept {
  // Linux frees the descriptor even where close() is interrupted, so it is never repeated.
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Error system_error(std::string_view file, int os_error, std::string message) {
  const Meaning meaning = meaning_of(os_error);
  return Error{.code = meaning.code,
               .message = std::move(message),
               .file = std::string{file},
               .os_error = os_error,
               .next_step = std::string{meaning.next_step}};
}

Error bad_call(std::string_view file, std::string message) {
  return Error{.code = Errc::invalid_argument,
               .message = std::move(message),
               .file = std::string{file},
               .next_step = "fix the call"};
}

Error bad_name(std::string_view name) {
  return bad_call(name,
                  "not a file name: expected 1 to 255 bytes without '/' and NUL, not . or ..");
}

Error opened_for_reading(std::string_view file) {
  return bad_call(file, "the file was opened for reading only");
}

Status check_range(std::string_view file, std::uint64_t offset, std::size_t bytes) {
  if (offset <= kFileBytesMax && bytes <= kFileBytesMax - offset) return {};
  Error error = bad_call(file, std::to_string(bytes) + " bytes there are beyond any file");
  error.offset = offset;
  return error;
}

Error removed_while_open(std::string_view file) {
  return made_by_others(file, "the file was removed or replaced while it was open");
}

Error cut_while_open(std::string_view file, std::uint64_t found, std::uint64_t written) {
  Error error =
      made_by_others(file, "the file was cut while it was open: found " + std::to_string(found) +
                               " bytes, expected at least " + std::to_string(written));
  error.offset = found;
  return error;
}

Error lock_file_replaced(std::string message) {
  return made_by_others(kLockFileName, std::move(message));
}

Error locked_by_other() {
  return Error{.code = Errc::locked,
               .message = "somebody else holds the lock of this directory",
               .file = std::string{kLockFileName},
               .next_step = "stop the other owner or wait for it, and try again"};
}

void fill_random(std::span<std::byte> into) {
  // For a valid buffer an interrupt is the only failure on any kernel that has our locks.
  while (!into.empty()) {
    const ssize_t got = ::getrandom(into.data(), into.size(), 0);
    if (got > 0) into = into.subspan(static_cast<std::size_t>(got));
  }
}

std::chrono::nanoseconds wall_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

}  // namespace walkit::io
