#include "walkit/io/memory_directory.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>

#include "io/system.hpp"

namespace walkit {
namespace {

/// The bytes behind one name, and behind every open file that was opened by it. Any thread.
struct Inode {
  std::mutex mutex;
  Bytes bytes;          // under the mutex, as all below
  int names = 1;        // fewer once removed or replaced
  bool locked = false;  // by a DirectoryLock
};

class MemoryFile final : public File {
 public:
  MemoryFile(std::shared_ptr<Inode> inode, std::string name, OpenMode mode)
      : inode_(std::move(inode)), name_(std::move(name)), mode_(mode) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override;
  Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override;
  Status fill_zeros(std::uint64_t to) override;
  Status truncate(std::uint64_t bytes) override;
  Status sync() override;
  Result<std::uint64_t> size() override;

 private:
  /// Whether the file may be written and be `bytes` long.
  [[nodiscard]] Status check_writable(std::uint64_t bytes) const;

  std::shared_ptr<Inode> inode_;
  std::string name_;
  OpenMode mode_;
  std::uint64_t written_ = 0;  // the file must be at least so long, or somebody cut it
};

Status MemoryFile::check_writable(std::uint64_t bytes) const {
  if (mode_ == OpenMode::read) return io::opened_for_reading(name_);
  if (Status range = io::check_range(name_, bytes, 0); !range) return range;
  if (bytes <= inode_->bytes.max_size()) return {};
  return io::system_error(name_, EFBIG, "memory cannot hold " + std::to_string(bytes) + " bytes");
}

Result<std::size_t> MemoryFile::read_at(std::uint64_t offset, std::span<std::byte> into) {
  const std::scoped_lock guard(inode_->mutex);
  BytesView found{inode_->bytes};
  found = found.subspan(std::min<std::uint64_t>(offset, found.size()));
  found = found.first(std::min(found.size(), into.size()));
  if (!found.empty()) std::memcpy(into.data(), found.data(), found.size());
  return found.size();
}

Status MemoryFile::write_at(std::uint64_t offset, std::span<const BytesView> parts) {
  std::size_t bytes = 0;
  for (const BytesView part : parts) bytes += part.size();
  if (Status range = io::check_range(name_, offset, bytes); !range) return range;
  if (Status writable = check_writable(offset + bytes); !writable) return writable;
  if (bytes == 0) return {};

  const std::scoped_lock guard(inode_->mutex);
  if (inode_->bytes.size() < offset + bytes) inode_->bytes.resize(offset + bytes);
  for (const BytesView part : parts) {
    if (!part.empty()) std::memcpy(inode_->bytes.data() + offset, part.data(), part.size());
    offset += part.size();
  }
  written_ = std::max(written_, offset);
  return {};
}

Status MemoryFile::fill_zeros(std::uint64_t to) {
  if (Status writable = check_writable(to); !writable) return writable;
  const std::scoped_lock guard(inode_->mutex);
  if (inode_->bytes.size() >= to) return {};
  inode_->bytes.resize(to);
  written_ = to;
  return {};
}

Status MemoryFile::truncate(std::uint64_t bytes) {
  if (Status writable = check_writable(bytes); !writable) return writable;
  const std::scoped_lock guard(inode_->mutex);
  inode_->bytes.resize(bytes);
  written_ = bytes;
  return {};
}

Status MemoryFile::sync() {
  const std::scoped_lock guard(inode_->mutex);
  if (inode_->names == 0) return io::removed_while_open(name_);
  const std::uint64_t found = inode_->bytes.size();
  if (found < written_) return io::cut_while_open(name_, found, written_);
  return {};
}

Result<std::uint64_t> MemoryFile::size() {
  const std::scoped_lock guard(inode_->mutex);
  return inode_->bytes.size();
}

class OpenMemoryDirectory final : public Directory,
                                  public std::enable_shared_from_this<OpenMemoryDirectory> {
 public:
  Result<std::shared_ptr<Directory>> subdirectory(std::string_view name, OpenMode mode) override;
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  Result<std::vector<std::string>> list() override;
  Status rename(Rename names) override;
  Status remove(std::string_view name) override;
  Status link(std::string_view name, Directory& into, std::string_view to) override;
  Status sync() override { return {}; }
  Result<std::unique_ptr<DirectoryLock>> lock() override;
  Result<bool> is_locked() override;
  void random_bytes(std::span<std::byte> into) override { io::fill_random(into); }
  std::chrono::nanoseconds now() override { return io::wall_clock(); }

  /// The file at `name`, or null.
  [[nodiscard]] std::shared_ptr<Inode> find(std::string_view name);

 private:
  /// What stands at a name: exactly one of the two.
  struct Entry {
    std::shared_ptr<Inode> file{};
    std::shared_ptr<OpenMemoryDirectory> directory{};
  };

  static void unname(const Entry& entry) {
    const std::scoped_lock guard(entry.file->mutex);
    --entry.file->names;
  }

  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // under the mutex
};

class MemoryLock final : public DirectoryLock {
 public:
  MemoryLock(std::shared_ptr<OpenMemoryDirectory> directory, std::shared_ptr<Inode> inode)
      : directory_(std::move(directory)), inode_(std::move(inode)) {}
  MemoryLock(const MemoryLock&) = delete;
  MemoryLock& operator=(const MemoryLock&) = delete;
  ~MemoryLock() override {
    const std::scoped_lock guard(inode_->mutex);
    inode_->locked = false;
  }

  Status check() override {
    if (directory_->find(kLockFileName) == inode_) return {};
    return io::lock_file_replaced("the lock file was removed or replaced while it was held");
  }

 private:
  std::shared_ptr<OpenMemoryDirectory> directory_;
  std::shared_ptr<Inode> inode_;
};

std::shared_ptr<Inode> OpenMemoryDirectory::find(std::string_view name) {
  const std::scoped_lock guard(mutex_);
  const auto at = entries_.find(name);
  return at == entries_.end() ? nullptr : at->second.file;
}

Result<std::shared_ptr<Directory>> OpenMemoryDirectory::subdirectory(std::string_view name,
                                                                     OpenMode mode) {
  if (!is_file_name(name)) return io::bad_name(name);
  const std::scoped_lock guard(mutex_);
  auto at = entries_.find(name);
  if (at == entries_.end()) {
    if (mode != OpenMode::create) return io::system_error(name, ENOENT, "no such subdirectory");
    Entry made{.directory = std::make_shared<OpenMemoryDirectory>()};
    at = entries_.emplace(name, std::move(made)).first;
  }
  if (!at->second.directory) return io::system_error(name, ENOTDIR, "expected a directory");
  return at->second.directory;
}

Result<std::unique_ptr<File>> OpenMemoryDirectory::open(std::string_view name, OpenMode mode) {
  if (!is_file_name(name)) return io::bad_name(name);
  const std::scoped_lock guard(mutex_);
  auto at = entries_.find(name);
  if (mode == OpenMode::create) {
    if (at != entries_.end()) return io::system_error(name, EEXIST, "cannot make the file");
    at = entries_.emplace(name, Entry{.file = std::make_shared<Inode>()}).first;
  }
  if (at == entries_.end()) return io::system_error(name, ENOENT, "cannot open the file");
  if (!at->second.file) return io::system_error(name, EISDIR, "expected a regular file");
  return std::make_unique<MemoryFile>(at->second.file, std::string{name}, mode);
}

Result<std::vector<std::string>> OpenMemoryDirectory::list() {
  const std::scoped_lock guard(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

Status OpenMemoryDirectory::rename(Rename names) {
  if (!is_file_name(names.from)) return io::bad_name(names.from);
  if (!is_file_name(names.to)) return io::bad_name(names.to);
  auto* into = names.into == nullptr ? this : dynamic_cast<OpenMemoryDirectory*>(names.into);
  if (into == nullptr) return io::bad_call(names.to, "`into` is no directory in memory");

  std::unique_lock here(mutex_, std::defer_lock);
  std::unique_lock there(into->mutex_, std::defer_lock);
  if (into == this) {
    here.lock();
  } else {
    std::lock(here, there);
  }
  const auto from = entries_.find(names.from);
  if (from == entries_.end()) return io::system_error(names.from, ENOENT, "cannot rename it");
  const auto to = into->entries_.find(names.to);
  const bool replaces = to != into->entries_.end();
  if (!from->second.file || (replaces && !to->second.file)) {
    return io::system_error(names.from, EISDIR, "expected a regular file at both names");
  }
  if (replaces && to->second.file == from->second.file) return {};
  if (replaces) unname(to->second);
  into->entries_.insert_or_assign(std::string{names.to}, from->second);
  entries_.erase(from);
  return {};
}

Status OpenMemoryDirectory::remove(std::string_view name) {
  if (!is_file_name(name)) return io::bad_name(name);
  const std::scoped_lock guard(mutex_);
  const auto at = entries_.find(name);
  if (at == entries_.end()) return io::system_error(name, ENOENT, "cannot remove it");
  if (!at->second.file) return io::system_error(name, EISDIR, "expected a regular file");
  unname(at->second);
  entries_.erase(at);
  return {};
}

Status OpenMemoryDirectory::link(std::string_view name, Directory& into, std::string_view to) {
  if (!is_file_name(name)) return io::bad_name(name);
  if (!is_file_name(to)) return io::bad_name(to);
  auto* there = dynamic_cast<OpenMemoryDirectory*>(&into);
  if (there == nullptr) return Directory::link(name, into, to);
  Entry second;
  {
    const std::scoped_lock guard(mutex_);
    const auto at = entries_.find(name);
    if (at == entries_.end()) return io::system_error(name, ENOENT, "cannot link it");
    if (!at->second.file) return io::system_error(name, EISDIR, "expected a regular file");
    second = at->second;
  }
  const std::scoped_lock guard(there->mutex_);
  if (!there->entries_.emplace(to, second).second) {
    return io::system_error(to, EEXIST, "cannot link a file to that name");
  }
  const std::scoped_lock names_guard(second.file->mutex);
  ++second.file->names;
  return {};
}

Result<std::unique_ptr<DirectoryLock>> OpenMemoryDirectory::lock() {
  const std::scoped_lock guard(mutex_);
  Entry& entry = entries_[std::string{kLockFileName}];
  if (entry.directory) return io::system_error(kLockFileName, EISDIR, "expected a regular file");
  if (!entry.file) entry.file = std::make_shared<Inode>();
  const std::scoped_lock owner_guard(entry.file->mutex);
  if (entry.file->locked) return io::locked_by_other();
  auto lock = std::make_unique<MemoryLock>(shared_from_this(), entry.file);
  entry.file->locked = true;
  return lock;
}

Result<bool> OpenMemoryDirectory::is_locked() {
  const std::shared_ptr<Inode> inode = find(kLockFileName);
  if (!inode) return false;
  const std::scoped_lock guard(inode->mutex);
  return inode->locked;
}

}  // namespace

std::shared_ptr<Directory> MemoryDirectory::create() {
  return std::make_shared<OpenMemoryDirectory>();
}

}  // namespace walkit
