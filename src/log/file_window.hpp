#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::log {

/// Reads a file forward through one buffer: memory is a step, or the largest piece asked for. Views
/// live until the next call. One thread.
class FileWindow {
 public:
  /// An ordinary frame. It stays in the processor's cache between the copy out of the kernel, the
  /// checksum and the entries; docs/architecture.md has the figures.
  static constexpr std::size_t kStepBytes = 256 << 10;

  explicit FileWindow(File& file, std::size_t step_bytes = kStepBytes)
      : file_(&file), step_bytes_(step_bytes) {}

  /// Looks at the file in place from now on, if its directory can: for one that nobody changes.
  void map();
  /// `bytes` bytes at `offset`, fewer only at the end of the file.
  Result<BytesView> at(std::uint64_t offset, std::size_t bytes);
  /// Forgets what was read: a file that others write may have changed.
  void refresh() noexcept { bytes_ = 0; }

 private:
  Status read(std::uint64_t offset, std::size_t bytes);
  void make_front(std::size_t held, std::size_t wanted);

  File* file_;
  std::optional<BytesView> mapped_{};
  std::size_t step_bytes_;
  std::uint64_t begin_ = 0;  // of the buffer, in the file
  std::unique_ptr<std::byte[]> buffer_{};
  std::size_t bytes_ = 0, capacity_ = 0;
};

}  // namespace walkit::log
