#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "testing/crash_choices.hpp"
#include "testing/crash_inode.hpp"
#include "testing/crash_names.hpp"

namespace walkit::testing {

/// A file of the device and where it is to be found.
struct FileNode {
  Inode inode;
  std::string path{};   // the last one it had
  int names = 1;        // in the cache
  bool locked = false;  // a DirectoryLock holds it
  std::uint64_t failed_syncs = 0;
};

/// The simulated device that all handles of one tree share: files, names, counters, faults. Whoever
/// uses anything else of it holds `mutex()`.
class CrashDevice {
 public:
  explicit CrashDevice(CrashOptions options)
      : options_(std::move(options)), choices_(options_), entropy_(~options_.seed) {}

  [[nodiscard]] std::mutex& mutex() const { return mutex_; }

  /// Counts an operation. What goes wrong with it, if anything; an error when power is off.
  Result<std::optional<Errc>> begin_operation(OperationKind kind, std::string name);
  /// Counts a read of `name`; an error when power is off or a fault was set.
  Status begin_read(std::string_view name);
  Status check_power(std::string_view name) const;

  [[nodiscard]] std::shared_ptr<CrashDevice> crash(Crash kind);
  [[nodiscard]] std::shared_ptr<CrashDevice> clone() const;
  [[nodiscard]] std::uint64_t image_hash() const;
  /// What a sync that was asked for and not set to fail does: its work, or a lie.
  void sync_names(std::size_t folder);
  void sync_file(std::size_t file);
  void fail_sync_names(std::size_t folder);
  void fail_sync_file(std::size_t file);
  void random_bytes(std::span<std::byte> into) { entropy_.fill(into); }
  [[nodiscard]] std::chrono::nanoseconds now();

  std::size_t add_file();
  [[nodiscard]] FileNode& file(std::size_t index) { return files_[index]; }
  [[nodiscard]] Names& names() { return names_; }
  [[nodiscard]] const std::vector<FileNode>& files() const { return files_; }
  [[nodiscard]] Choices& choices() { return choices_; }
  void set_free_bytes(std::uint64_t bytes) { capacity_ = used_bytes() + bytes; }
  [[nodiscard]] std::uint64_t free_bytes() const;
  [[nodiscard]] const CrashOptions& options() const { return options_; }

  void cut_power_at(std::uint64_t operation) { cut_at_ = operation; }
  void fail_at(std::uint64_t operation, Errc code) { faults_[operation] = code; }
  void fail_read_at(std::uint64_t read, Errc code) { read_faults_[read] = code; }
  [[nodiscard]] std::uint64_t read_count() const { return reads_; }
  [[nodiscard]] const std::vector<Operation>& operations() const { return operations_; }

 private:
  [[nodiscard]] std::uint64_t folder_hash(std::size_t folder, bool of_device) const;
  void take_settled_files(CrashDevice& from);
  /// Which of the pending changes of names are kept, asked for each in order.
  [[nodiscard]] std::function<bool()> keep_names();
  void settle_some_names(std::size_t folder);
  [[nodiscard]] Settling settling();
  [[nodiscard]] std::uint64_t used_bytes() const;
  void may_shut_down();
  [[nodiscard]] bool has_one_journal() const {
    return options_.model.names == CrashModel::Names::ordered_prefix;
  }

  CrashOptions options_;
  Choices choices_;
  Random entropy_;
  std::uint64_t ticks_ = 0;
  Names names_{};
  std::vector<FileNode> files_{};

  std::uint64_t capacity_ = UINT64_MAX;
  bool is_shut_down_ = false;  // nothing can be changed any more
  bool power_is_off_ = false;
  std::uint64_t cut_at_ = 0;
  std::uint64_t reads_ = 0;
  std::map<std::uint64_t, Errc> faults_{};
  std::map<std::uint64_t, Errc> read_faults_{};
  std::vector<Operation> operations_{};
  mutable std::mutex mutex_{};
};

/// An error about a file of the simulation, with the errno a real one would have.
[[nodiscard]] Error simulated_error(Errc code, std::string_view file, std::string message);

}  // namespace walkit::testing
