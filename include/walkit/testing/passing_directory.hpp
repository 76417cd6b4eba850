#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::testing {

/// Hands every call on to the file below. Derive from it what differs in a call or two. As
/// thread-safe as that file.
class PassingFile : public File {
 public:
  explicit PassingFile(std::unique_ptr<File> below) : below_(std::move(below)) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override;
  Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override;
  Status fill_zeros(std::uint64_t to) override;
  Status truncate(std::uint64_t bytes) override;
  Status sync() override;
  Result<std::uint64_t> size() override;

 private:
  std::unique_ptr<File> below_;
};

/// Hands every call on to the directory below, for a Directory of your own that differs in a call
/// or two. A log lives in a subdirectory: to be asked about that too, override wrap_subdirectory()
/// and give another one of your own. `below` is not null. Any thread, where the directory below
/// allows it.
class PassingDirectory : public Directory {
 public:
  explicit PassingDirectory(std::shared_ptr<Directory> below) : below_(std::move(below)) {}
  Result<std::shared_ptr<Directory>> subdirectory(std::string_view name, OpenMode mode) override;
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  Result<std::vector<std::string>> list() override;
  /// `into` may be a PassingDirectory too: the directory below gets what is below it.
  Status rename(Rename names) override;
  Status remove(std::string_view name) override;
  /// `into` likewise.
  Status link(std::string_view name, Directory& into, std::string_view to) override;
  Status sync() override;
  Result<std::unique_ptr<DirectoryLock>> lock() override;
  Result<bool> is_locked() override;
  void random_bytes(std::span<std::byte> into) override;
  std::chrono::nanoseconds now() override;

 protected:
  /// What open() and subdirectory() hand out for what the directory below gave; here, just that.
  virtual std::unique_ptr<File> wrap_file(std::string_view name, std::unique_ptr<File> file);
  virtual std::shared_ptr<Directory> wrap_subdirectory(std::string_view name,
                                                       std::shared_ptr<Directory> directory);
  /// Exchanges the directory below; not beside other calls.
  void move_to(std::shared_ptr<Directory> below) { below_ = std::move(below); }

 private:
  std::shared_ptr<Directory> below_;
};

}  // namespace walkit::testing
