#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "walkit/base/result.hpp"

namespace walkit::testing {

/// What is known of one file, whatever its name is now.
struct CheckedInode {
  std::string path{};
  bool published = false, dirty = false, failed = false;
  std::uint32_t writes = 0, syncs = 0;  // under way
};

/// The rules of CheckedDirectory over what was done so far. Any thread.
class Protocol {
 public:
  using InodePtr = std::shared_ptr<CheckedInode>;

  InodePtr opened(const std::string& path);
  InodePtr created(const std::string& path);
  void begin_write(CheckedInode& inode, std::string_view what);
  void end_write(CheckedInode& inode, const Status& done, bool may_repeat);
  void begin_sync(CheckedInode& inode);
  void end_sync(CheckedInode& inode, const Status& done);
  void begin_rename(const std::string& from, const std::string& to);
  void end_rename(const std::string& from, const std::string& to, const Status& done);
  void begin_link(const std::string& from, const std::string& to);
  void end_link(const std::string& from, const std::string& to, const Status& done);
  void begin_remove(const std::string& path);
  void end_remove(const std::string& path, const Status& done);
  void begin_sync_names(const std::string& folder);
  void end_sync_names(const std::string& folder, const Status& done);
  void locked(const std::string& folder);
  void unlocked(const std::string& folder);
  void overlapped(const CheckedInode& inode);
  [[nodiscard]] std::vector<std::string> violations() const;

 private:
  struct Folder {
    bool names_dirty = false, failed = false;
    std::uint32_t locks = 0;
  };

  // All below: under the mutex.
  void expect(bool kept, const std::string& path, std::string_view rule);
  void expect_alive(const std::string& path);
  void expect_locked(const std::string& path);
  void expect_published_is_synced(const std::string& path);
  void expect_names_synced(const std::string& path, std::string_view rule);
  InodePtr& inode_at(const std::string& path);

  mutable std::mutex mutex_;
  std::map<std::string, InodePtr> inodes_{};
  std::map<std::string, Folder> folders_{};
  std::vector<std::string> violations_{};
};

}  // namespace walkit::testing
