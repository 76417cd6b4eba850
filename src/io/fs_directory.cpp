#include "walkit/io/fs_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "io/fs_file.hpp"
#include "io/fs_lock.hpp"
#include "io/system.hpp"

namespace walkit {
namespace {

using io::Descriptor;
using io::retry_interrupted;
using io::system_error;

struct CloseStream {
  void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};

constexpr mode_t kDirectoryRights = 0755;

Result<Descriptor> open_directory(int parent, const std::string& name, int flags) {
  flags |= O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  Descriptor fd{retry_interrupted([&] { return ::openat(parent, name.c_str(), flags); })};
  if (fd.valid()) return fd;
  const int error = errno;
  return system_error(name, error,
                      error == ENOTDIR ? "expected a directory" : "cannot open the directory");
}

Status sync_directory(int fd, std::string_view name) {
  if (retry_interrupted([&] { return ::fsync(fd); }) == 0) return {};
  return system_error(name, errno, "cannot sync the directory");
}

/// Also syncs the parent of one that is there already: who made it may have died before that.
Result<Descriptor> make_directory(int parent, const std::string& name) {
  const int made =
      retry_interrupted([&] { return ::mkdirat(parent, name.c_str(), kDirectoryRights); });
  if (made != 0 && errno != EEXIST) return system_error(name, errno, "cannot make the directory");
  Result<Descriptor> fd = open_directory(parent, name, O_NOFOLLOW);
  if (!fd) return fd;
  if (Status synced = sync_directory(parent, name); !synced) return synced.error();
  return fd;
}

/// The last level an earlier run made may be all that its death kept from being synced.
Status sync_in_parent(int directory, std::string_view name) {
  Result<Descriptor> parent = open_directory(directory, "..", 0);
  // Where this user may not even read, no earlier run of walkit made anything.
  if (!parent && parent.error().os_error == EACCES) return {};
  if (!parent) return parent.error();
  Status synced = sync_directory(parent->get(), name);
  const int error = synced ? 0 : synced.error().os_error;
  if (error == EROFS || error == EINVAL) return {};  // read-only, or nothing there can be synced
  return synced;
}

/// `path` without its last level, or "." for the directory of the process.
std::filesystem::path parent_of(const std::filesystem::path& path) {
  const std::filesystem::path parent = path.parent_path();
  return parent.empty() ? std::filesystem::path{"."} : parent;
}

Result<Descriptor> open_path(const std::filesystem::path& path, FsAccess access) {
  if (access == FsAccess::read_only) return open_directory(AT_FDCWD, path.native(), 0);
  std::filesystem::path existing = path;
  std::vector<std::string> missing;  // innermost first
  Result<Descriptor> at = open_directory(AT_FDCWD, existing.native(), 0);
  while (!at && at.error().code == Errc::not_found && access == FsAccess::create_if_missing &&
         existing != parent_of(existing)) {
    if (existing.has_filename()) missing.push_back(existing.filename().native());
    existing = parent_of(existing);
    at = open_directory(AT_FDCWD, existing.native(), 0);
  }
  if (!at) return at;
  if (Status synced = sync_in_parent(at->get(), existing.native()); !synced) return synced.error();
  for (; at && !missing.empty(); missing.pop_back()) at = make_directory(at->get(), missing.back());
  return at;
}

class OpenFsDirectory final : public Directory {
 public:
  OpenFsDirectory(Descriptor fd, std::filesystem::path path, FsOptions options)
      : fd_(std::make_shared<const Descriptor>(std::move(fd))),
        path_(std::move(path)),
        options_(options) {}

  Result<std::shared_ptr<Directory>> subdirectory(std::string_view name, OpenMode mode) override;
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  Result<std::vector<std::string>> list() override;
  Status rename(Rename names) override;
  Status remove(std::string_view name) override;
  Status link(std::string_view name, Directory& into, std::string_view to) override;
  Status sync() override { return sync_directory(fd_->get(), path_.native()); }
  Result<std::unique_ptr<DirectoryLock>> lock() override;
  Result<bool> is_locked() override;
  void random_bytes(std::span<std::byte> into) override { io::fill_random(into); }
  std::chrono::nanoseconds now() override { return io::wall_clock(); }

 private:
  enum class Use { look, change };

  [[nodiscard]] Status check(std::string_view name, Use use) const {
    if (!is_file_name(name)) return io::bad_name(name);
    if (use == Use::look || options_.access != FsAccess::read_only) return {};
    Error error = io::bad_call(name, "the directory was opened for reading only");
    error.next_step = "open it with FsAccess::create_if_missing or must_exist";
    return error;
  }

  std::shared_ptr<const Descriptor> fd_;  // a lock looks through it even when this is gone
  std::filesystem::path path_;            // for messages only
  FsOptions options_;
};

Result<std::shared_ptr<Directory>> OpenFsDirectory::subdirectory(std::string_view name,
                                                                 OpenMode mode) {
  const Use use = mode == OpenMode::read ? Use::look : Use::change;
  if (Status allowed = check(name, use); !allowed) return allowed.error();
  const std::string text{name};
  Result<Descriptor> fd = mode == OpenMode::create ? make_directory(fd_->get(), text)
                                                   : open_directory(fd_->get(), text, O_NOFOLLOW);
  if (!fd) return fd.error();
  return std::make_shared<OpenFsDirectory>(std::move(*fd), path_ / text, options_);
}

Result<std::unique_ptr<File>> OpenFsDirectory::open(std::string_view name, OpenMode mode) {
  const Use use = mode == OpenMode::read ? Use::look : Use::change;
  if (Status allowed = check(name, use); !allowed) return allowed.error();
  return io::open_fs_file(fd_->get(), std::string{name}, mode);
}

Result<std::vector<std::string>> OpenFsDirectory::list() {
  // A descriptor of its own: the place up to which a directory was read belongs to the open file.
  Result<Descriptor> fd = open_directory(fd_->get(), ".", 0);
  if (!fd) return fd.error();
  const std::unique_ptr<DIR, CloseStream> stream{::fdopendir(fd->get())};
  if (!stream) return system_error(path_.native(), errno, "cannot list the directory");
  fd->release();
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* found = ::readdir(stream.get());
    if (found == nullptr) break;
    if (is_file_name(found->d_name)) names.emplace_back(found->d_name);
  }
  if (errno != 0) return system_error(path_.native(), errno, "cannot list the directory");
  std::ranges::sort(names);
  return names;
}

Status OpenFsDirectory::rename(Rename names) {
  if (Status allowed = check(names.from, Use::change); !allowed) return allowed;
  auto* into = names.into == nullptr ? this : dynamic_cast<OpenFsDirectory*>(names.into);
  if (into == nullptr) return io::bad_call(names.to, "`into` is no directory of a file system");
  if (Status allowed = into->check(names.to, Use::change); !allowed) return allowed;
  const std::string from{names.from};
  const std::string to{names.to};
  const int done = retry_interrupted(
      [&] { return ::renameat(fd_->get(), from.c_str(), into->fd_->get(), to.c_str()); });
  if (done != 0) return system_error(from, errno, "cannot rename it to " + to);
  return {};
}

Status OpenFsDirectory::remove(std::string_view name) {
  if (Status allowed = check(name, Use::change); !allowed) return allowed;
  const std::string text{name};
  if (retry_interrupted([&] { return ::unlinkat(fd_->get(), text.c_str(), 0); }) == 0) return {};
  return system_error(text, errno, "cannot remove it");
}

Status OpenFsDirectory::link(std::string_view name, Directory& into, std::string_view to) {
  if (Status allowed = check(name, Use::look); !allowed) return allowed;
  auto* there = dynamic_cast<OpenFsDirectory*>(&into);
  if (there == nullptr) return Directory::link(name, into, to);
  if (Status allowed = there->check(to, Use::change); !allowed) return allowed;
  const std::string from{name};
  const std::string second{to};
  const int done = retry_interrupted(
      [&] { return ::linkat(fd_->get(), from.c_str(), there->fd_->get(), second.c_str(), 0); });
  if (done == 0) return {};
  Error error = system_error(from, errno, "cannot link it to " + second);
  // Another file system, one without links, or as many as it has.
  constexpr int kNotHere[] = {EXDEV, EPERM, EOPNOTSUPP, ENOSYS, EMLINK};
  if (std::ranges::find(kNotHere, error.os_error) == std::end(kNotHere)) return error;
  error.code = Errc::not_supported;
  error.next_step = "copy the file";
  return error;
}

Result<std::unique_ptr<DirectoryLock>> OpenFsDirectory::lock() {
  if (Status allowed = check(kLockFileName, Use::change); !allowed) return allowed.error();
  return io::lock_fs_directory(fd_, options_.locking);
}

Result<bool> OpenFsDirectory::is_locked() {
  if (options_.locking == FsLocking::caller_excludes_others) return false;
  return io::is_fs_directory_locked(fd_->get());
}

}  // namespace

Result<std::shared_ptr<Directory>> FsDirectory::open(const std::filesystem::path& path,
                                                     FsOptions options) {
  if (path.empty() || path.native().find('\0') != std::string::npos) {
    return io::bad_call(path.native(), "not a path: expected at least one byte and no NUL");
  }
  Result<Descriptor> fd = open_path(path, options.access);
  if (!fd) {
    Error error = fd.error();
    error.message += ", on the way to " + path.native();
    return error;
  }
  return std::make_shared<OpenFsDirectory>(std::move(*fd), path, options);
}

}  // namespace walkit
