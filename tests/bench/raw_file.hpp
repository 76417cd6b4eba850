#pragma once

#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

namespace walkit::bench {

constexpr std::size_t kBlock = 4096;
constexpr std::size_t kMiB = 1 << 20;
/// Of the files that are written again from the start when they are full.
constexpr std::uint64_t kRingBytes = 64 * kMiB;

constexpr std::size_t whole_blocks(std::size_t bytes) {
  return (bytes + kBlock - 1) & ~(kBlock - 1);
}

/// A file by its system calls; whatever fails ends the program.
class RawFile {
 public:
  RawFile(const std::string& path, int flags);
  RawFile(RawFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RawFile& operator=(RawFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~RawFile();

  void write_at(const char* data, std::size_t bytes, std::uint64_t offset) const;
  void write(const char* data, std::size_t bytes) const;
  /// The bytes read: fewer only at the end of the file.
  std::size_t read_at(char* into, std::size_t bytes, std::uint64_t offset) const;
  void fill_zeros(std::uint64_t from, std::uint64_t to) const;
  void start_writeback() const;  // of all that was written; waits for nothing
  void sync() const;             // fdatasync
  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

/// A file of zeros that are on the device, so that writing it needs no metadata; opened with
/// `flags` then.
RawFile prewritten(const std::string& path, std::uint64_t bytes, int flags = 0);

void sync_folder(const std::string& folder);

/// Memory on a block of its own, as O_DIRECT wants it; zeros.
struct FreeBlocks {
  void operator()(char* blocks) const { std::free(blocks); }
};
using Blocks = std::unique_ptr<char[], FreeBlocks>;
Blocks make_blocks(std::size_t bytes);

/// All files below the folder read once, or out of the page cache.
void warm_up(const std::string& folder);
void cool_down(const std::string& folder);

}  // namespace walkit::bench
