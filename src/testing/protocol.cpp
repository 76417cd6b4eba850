#include "testing/protocol.hpp"

#include "walkit/io/directory.hpp"

namespace walkit::testing {
namespace {

constexpr std::size_t kViolationsMax = 100;

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
bool is_lock_file(const std::string& path) { return name_of(path) == kLockFileName; }
bool is_manifest(const std::string& path) { return name_of(path) == "MANIFEST"; }

}  // namespace

void Protocol::expect(bool kept, const std::string& path, std::string_view rule) {
  if (kept || violations_.size() == kViolationsMax) return;
  violations_.push_back(path + ": " + std::string(rule));
}

void Protocol::expect_alive(const std::string& path) {
  expect(!folders_[folder_of(path)].failed, path,
         "used after a write or sync in its folder failed");
}

void Protocol::expect_locked(const std::string& path) {
  for (std::string folder = folder_of(path);; folder = folder_of(folder)) {
    if (folders_[folder].locks > 0) return;
    if (folder.empty()) break;
    folder.pop_back();
  }
  expect(false, path, "changed without the lock of its folder");
}

void Protocol::expect_published_is_synced(const std::string& path) {
  for (const auto& [other, inode] : inodes_) {
    if (folder_of(other) != folder_of(path) || other == path || is_lock_file(other)) continue;
    expect(!inode->published || !inode->dirty, path, "published before " + other + " was synced");
  }
}

void Protocol::expect_names_synced(const std::string& path, std::string_view rule) {
  expect(!folders_[folder_of(path)].names_dirty, path, rule);
}

Protocol::InodePtr& Protocol::inode_at(const std::string& path) {
  InodePtr& inode = inodes_[path];
  if (!inode) inode = std::make_shared<CheckedInode>(CheckedInode{path, /*published=*/true});
  return inode;
}

Protocol::InodePtr Protocol::opened(const std::string& path) {
  const std::scoped_lock guard(mutex_);
  return inode_at(path);
}

Protocol::InodePtr Protocol::created(const std::string& path) {
  const std::scoped_lock guard(mutex_);
  return inodes_[path] = std::make_shared<CheckedInode>(CheckedInode{path});
}

void Protocol::begin_write(CheckedInode& inode, std::string_view what) {
  const std::scoped_lock guard(mutex_);
  ++inode.writes;
  if (is_lock_file(inode.path)) return;
  const std::string done(what);
  expect(inode.syncs == 0, inode.path, done + " while a sync of it runs");
  expect(!inode.failed, inode.path, done + " after a write or sync of it failed");
  expect_alive(inode.path);
  if (inode.published) expect_locked(inode.path);
  if (!is_manifest(inode.path)) return;
  expect_published_is_synced(inode.path);
  expect_names_synced(inode.path, "written before the names in its folder were synced");
}

void Protocol::end_write(CheckedInode& inode, const Status& done, bool may_repeat) {
  const std::scoped_lock guard(mutex_);
  --inode.writes;
  inode.dirty = true;
  if (done || may_repeat || is_lock_file(inode.path)) return;
  inode.failed = true;
  if (inode.published) folders_[folder_of(inode.path)].failed = true;
}

void Protocol::begin_sync(CheckedInode& inode) {
  const std::scoped_lock guard(mutex_);
  expect(inode.syncs == 0, inode.path, "synced while another sync of it runs");
  expect(inode.writes == 0, inode.path, "synced while it is written");
  ++inode.syncs;
  expect(!inode.failed, inode.path, "synced after a write or sync of it failed");
  expect_alive(inode.path);
}

void Protocol::end_sync(CheckedInode& inode, const Status& done) {
  const std::scoped_lock guard(mutex_);
  --inode.syncs;
  if (done) {
    inode.dirty = false;
  } else {
    inode.failed = true;
    if (inode.published) folders_[folder_of(inode.path)].failed = true;
  }
}

void Protocol::begin_rename(const std::string& from, const std::string& to) {
  const std::scoped_lock guard(mutex_);
  const CheckedInode& moved = *inode_at(from);
  expect(!moved.dirty, to, "published before it was synced");
  expect(!moved.failed, to, "published after a write or sync of it failed");
  expect_alive(to);
  expect_locked(to);
  expect_published_is_synced(to);
}

void Protocol::end_rename(const std::string& from, const std::string& to, const Status& done) {
  const std::scoped_lock guard(mutex_);
  if (!done) return;
  InodePtr moved = inode_at(from);
  inodes_.erase(from);
  moved->path = to;
  moved->published = true;
  inodes_[to] = std::move(moved);
  folders_[folder_of(from)].names_dirty = folders_[folder_of(to)].names_dirty = true;
}

// To give a published file a further name is to publish it there.
void Protocol::begin_link(const std::string& from, const std::string& to) {
  const std::scoped_lock guard(mutex_);
  const CheckedInode& linked = *inode_at(from);
  expect(!linked.dirty && !linked.failed, to, "linked before it was synced");
  expect_alive(to);
  expect_locked(to);
}

void Protocol::end_link(const std::string& from, const std::string& to, const Status& done) {
  const std::scoped_lock guard(mutex_);
  if (!done) return;
  inodes_[to] = inode_at(from);
  folders_[folder_of(to)].names_dirty = true;
}

void Protocol::begin_remove(const std::string& path) {
  const std::scoped_lock guard(mutex_);
  const auto inode = inodes_.find(path);
  if (inode == inodes_.end() || !inode->second->published) return;
  expect_alive(path);
  expect_locked(path);
  expect_names_synced(path, "removed before the names in its folder were synced");
  const auto manifest = inodes_.find(folder_of(path) + "MANIFEST");
  expect(manifest == inodes_.end() || !manifest->second->dirty, path,
         "removed before MANIFEST was synced");
}

void Protocol::end_remove(const std::string& path, const Status& done) {
  const std::scoped_lock guard(mutex_);
  if (done) inodes_.erase(path);
}

void Protocol::begin_sync_names(const std::string& folder) {
  const std::scoped_lock guard(mutex_);
  expect_alive(folder);
}

void Protocol::end_sync_names(const std::string& folder, const Status& done) {
  const std::scoped_lock guard(mutex_);
  if (done) {
    folders_[folder].names_dirty = false;
  } else if (folders_[folder].names_dirty) {  // else only what was removed may come back
    folders_[folder].failed = true;
  }
}

void Protocol::locked(const std::string& folder) {
  const std::scoped_lock guard(mutex_);
  ++folders_[folder].locks;
  folders_[folder].failed = false;
  // A new life writes anew what it cannot prove.
  for (const auto& [path, inode] : inodes_) {
    if (!path.starts_with(folder)) continue;
    inode->dirty = inode->failed = false;
  }
}

void Protocol::unlocked(const std::string& folder) {
  const std::scoped_lock guard(mutex_);
  --folders_[folder].locks;
}

void Protocol::overlapped(const CheckedInode& inode) {
  const std::scoped_lock guard(mutex_);
  expect(false, inode.path, "two calls on one File at a time");
}

std::vector<std::string> Protocol::violations() const {
  const std::scoped_lock guard(mutex_);
  return violations_;
}

}  // namespace walkit::testing
