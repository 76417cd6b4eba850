#pragma once

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::io {

/// The largest offset that the kernel takes.
inline constexpr std::uint64_t kFileBytesMax = INT64_MAX;

/// Owns one file descriptor. One thread.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
  void close() noexcept;
  /// Somebody else closes it now.
  void release() noexcept { fd_ = -1; }

 private:
  int fd_ = -1;
};

/// What `call` answers when no signal gets in its way.
template <class Call>
auto retry_interrupted(Call call) {
  for (;;) {
    const auto answer = call();
    if (answer != -1 || errno != EINTR) return answer;
  }
}

/// The error of a system call that set errno to `os_error`, with its Errc and what to do about it.
[[nodiscard]] Error system_error(std::string_view file, int os_error, std::string message);

/// A call that cannot be meant: nothing was done.
[[nodiscard]] Error bad_call(std::string_view file, std::string message);
[[nodiscard]] Error bad_name(std::string_view name);
[[nodiscard]] Error opened_for_reading(std::string_view file);

/// invalid_argument where `bytes` at `offset` reach beyond every possible file.
[[nodiscard]] Status check_range(std::string_view file, std::uint64_t offset, std::size_t bytes);

/// What File::sync() answers for a file that has no name any more, or lost bytes it was given.
[[nodiscard]] Error removed_while_open(std::string_view file);
[[nodiscard]] Error cut_while_open(std::string_view file, std::uint64_t found,
                                   std::uint64_t written);

/// What DirectoryLock::check() answers when LOCK is not the file that was locked.
[[nodiscard]] Error lock_file_replaced(std::string message);
[[nodiscard]] Error locked_by_other();

void fill_random(std::span<std::byte> into);
[[nodiscard]] std::chrono::nanoseconds wall_clock();

}  // namespace walkit::io
