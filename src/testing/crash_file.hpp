#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "testing/crash_device.hpp"

namespace walkit::testing {

/// An open file of a simulated device. As thread-safe as File.
class CrashFile final : public File {
 public:
  CrashFile(std::shared_ptr<CrashDevice> device, std::size_t index, std::string name, OpenMode mode)
      : device_(std::move(device)),
        index_(index),
        name_(std::move(name)),
        mode_(mode),
        failed_syncs_(node().failed_syncs) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override;
  Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override;
  Status fill_zeros(std::uint64_t to) override;
  Status truncate(std::uint64_t bytes) override;
  Status sync() override;
  Result<std::uint64_t> size() override;

 private:
  [[nodiscard]] Status check_writable(std::uint64_t bytes) const;
  [[nodiscard]] FileNode& node() const { return device_->file(index_); }
  Result<std::optional<Errc>> begin(OperationKind kind);
  /// How many of `bytes` at `offset` there is room for.
  [[nodiscard]] std::uint64_t fitting(std::uint64_t offset, std::uint64_t bytes) const;
  [[nodiscard]] Error fault(Errc code, std::uint64_t offset, std::string what) const;

  std::shared_ptr<CrashDevice> device_;
  std::size_t index_;
  std::string name_;
  OpenMode mode_;
  std::uint64_t failed_syncs_ = 0;  // of which this handle was told
  std::uint64_t written_ = 0;       // the file must be at least so long, or somebody cut it
};

/// Holds the lock file of one folder of a simulated device. Any thread.
class CrashLock final : public DirectoryLock {
 public:
  /// The file is marked as locked already.
  CrashLock(std::shared_ptr<CrashDevice> device, std::size_t folder, std::size_t index)
      : device_(std::move(device)), folder_(folder), index_(index) {}
  CrashLock(const CrashLock&) = delete;
  CrashLock& operator=(const CrashLock&) = delete;
  ~CrashLock() override;

  Status check() override;

 private:
  std::shared_ptr<CrashDevice> device_;
  std::size_t folder_;
  std::size_t index_;
};

}  // namespace walkit::testing
