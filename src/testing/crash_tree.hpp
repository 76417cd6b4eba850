#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "testing/crash_device.hpp"

namespace walkit::testing {

/// One folder of a simulated device. Any thread.
class CrashTree final : public CrashDirectory {
 public:
  CrashTree(std::shared_ptr<CrashDevice> device, std::size_t folder)
      : device_(std::move(device)), folder_(folder) {}

  Result<std::shared_ptr<Directory>> subdirectory(std::string_view name, OpenMode mode) override;
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  Result<std::vector<std::string>> list() override;
  Status rename(Rename names) override;
  Status remove(std::string_view name) override;
  Status link(std::string_view name, Directory& into, std::string_view to) override;
  Status sync() override;
  Result<std::unique_ptr<DirectoryLock>> lock() override;
  Result<bool> is_locked() override;
  void random_bytes(std::span<std::byte> into) override;
  std::chrono::nanoseconds now() override;

  std::shared_ptr<CrashDirectory> crash(Crash kind) override;
  std::shared_ptr<CrashDirectory> clone() const override;
  void cut_power_at(std::uint64_t operation) override;
  void fail_at(std::uint64_t operation, Errc code) override;
  void fail_read_at(std::uint64_t read, Errc code) override;
  void set_free_bytes(std::uint64_t bytes) override;
  std::uint64_t operation_count() const override;
  std::uint64_t read_count() const override;
  std::vector<Operation> operations(std::uint64_t since) const override;
  std::uint64_t image_hash() const override;
  std::vector<std::string> list_files() const override;

  Result<Bytes> read_file(std::string_view path) const override;
  Status overwrite_file(std::string_view path, BytesView bytes) override;
  Status flip_bit(std::string_view path, std::uint64_t bit) override;
  Status zero_sector(std::string_view path, std::uint64_t sector) override;
  Status truncate_file(std::string_view path, std::uint64_t bytes) override;
  Status remove_file(std::string_view path) override;
  Status swap_files(std::string_view path, std::string_view other) override;
  Status add_file(std::string_view path, BytesView bytes) override;
  Status swap_sectors(const SectorPlace& a, const SectorPlace& b) override;

 private:
  /// Where a path leads: the name in its folder, and the file.
  struct Found {
    Place place{};
    std::size_t file = 0;
  };

  Result<std::optional<Errc>> begin(OperationKind kind, std::string_view name);
  Status sync_names();
  Result<std::size_t> create_file(std::string_view name);
  Result<std::size_t> find_file(std::string_view name) const;
  Result<Place> find_place(std::string_view path) const;
  Result<Found> find_path(std::string_view path) const;
  [[nodiscard]] std::string path_of(std::size_t folder, std::string_view name) const;

  std::shared_ptr<CrashDevice> device_;
  std::size_t folder_;
};

}  // namespace walkit::testing
