#include "io/fs_lock.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>

#include "io/fs_file.hpp"

namespace walkit::io {
namespace {

constexpr const char* kName = kLockFileName.data();  // a literal, so it ends in NUL

struct flock whole_file(short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  return range;
}

Error cannot_lock(int os_error) {
  if (os_error == EACCES || os_error == EAGAIN) return locked_by_other();
  Error error = system_error(kName, os_error, "cannot lock the file");
  if (os_error == ENOLCK || os_error == EOPNOTSUPP || os_error == EINVAL) {
    error.code = Errc::not_supported;
    error.message = "this file system cannot lock files";
    error.next_step =
        "move the log to a local file system; if nobody else can ever open it for writing, set "
        "FsLocking::caller_excludes_others";
  }
  return error;
}

class FsLock final : public DirectoryLock {
 public:
  explicit FsLock(std::shared_ptr<const Descriptor> directory)
      : directory_(std::move(directory)), owner_(::getpid()) {}
  FsLock(const FsLock&) = delete;
  FsLock& operator=(const FsLock&) = delete;
  ~FsLock() override;

  Status acquire(FsLocking locking);
  Status check() override;

  static int register_fork_handlers();

 private:
  Status try_once(FsLocking locking);
  Status check_inode() const;

  static void before_fork();
  static void after_fork_in_parent();
  static void after_fork_in_child();

  std::shared_ptr<const Descriptor> directory_;
  Descriptor fd_;
  struct statx held_ {};
  pid_t owner_;
  FsLock* next_ = nullptr;

  // All locks of this process. A fork copies their descriptors, and the kernel holds a lock until
  // the last copy is closed, so the child must find and close them. The mutex is held from the
  // opening of a lock file until the lock stands here: a fork in between would copy what nobody
  // knows of.
  static std::mutex held_mutex_;
  static FsLock* held_first_;
};

constinit std::mutex FsLock::held_mutex_;
constinit FsLock* FsLock::held_first_ = nullptr;

int FsLock::register_fork_handlers() {
  static const int error = ::pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  return error;
}

void FsLock::before_fork() { held_mutex_.lock(); }

void FsLock::after_fork_in_parent() { held_mutex_.unlock(); }

void FsLock::after_fork_in_child() {
  for (FsLock* lock = held_first_; lock != nullptr; lock = lock->next_) lock->fd_.close();
  held_first_ = nullptr;
  held_mutex_.unlock();
}

FsLock::~FsLock() {
  const std::scoped_lock guard(held_mutex_);
  for (FsLock** at = &held_first_; *at != nullptr; at = &(*at)->next_) {
    if (*at != this) continue;
    *at = next_;
    break;
  }
  if (fd_.valid() && ::getpid() == owner_) {
    // A child forked a moment ago may not have closed its copy yet, which would still hold the
    // lock.
    struct flock range = whole_file(F_UNLCK);
    ::fcntl(fd_.get(), F_OFD_SETLK, &range);
  }
  fd_.close();
}

Status FsLock::acquire(FsLocking locking) {
  constexpr int kAttempts = 10;
  const std::scoped_lock guard(held_mutex_);
  Status status;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    status = try_once(locking);
    if (!status) return status;
    // Between opening and locking somebody may have put another file at the name; the lock on the
    // old one keeps nobody out.
    status = check_inode();
    if (!status) continue;
    next_ = held_first_;
    held_first_ = this;
    return {};
  }
  return status;
}

Status FsLock::try_once(FsLocking locking) {
  Result<Descriptor> fd = open_regular(directory_->get(), kName, O_RDWR | O_CREAT);
  if (!fd) return fd.error();
  if (locking == FsLocking::required) {
    struct flock range = whole_file(F_WRLCK);
    if (retry_interrupted([&] { return ::fcntl(fd->get(), F_OFD_SETLK, &range); }) != 0) {
      return cannot_lock(errno);
    }
  }
  fd_ = std::move(*fd);
  // As long as it is open no other file has its number.
  if (::statx(fd_.get(), "", AT_EMPTY_PATH, STATX_INO, &held_) != 0) {
    return system_error(kName, errno, "cannot look at the lock");
  }
  return {};
}

Status FsLock::check() {
  // The process id also tells of children that were made without the fork handlers (_Fork, clone).
  if (!fd_.valid() || ::getpid() != owner_) {
    return Error{.code = Errc::closed,
                 .message = "this process is a fork of the one that holds the lock",
                 .file = kName,
                 .next_step = "open the log anew in this process, once the parent is done with it"};
  }
  return check_inode();
}

Status FsLock::check_inode() const {
  // Only the number is asked for: who has seen the times makes the next write of LOCK change them,
  // which a sync of the segment beside it may have to wait for (see FsFile::sync).
  struct statx named {};
  if (::statx(directory_->get(), kName, AT_SYMLINK_NOFOLLOW, STATX_INO, &named) != 0) {
    if (errno == ENOENT) return lock_file_replaced("the lock file was removed while it was held");
    return system_error(kName, errno, "cannot look at the lock file");
  }
  const bool same = held_.stx_ino == named.stx_ino && held_.stx_dev_major == named.stx_dev_major &&
                    held_.stx_dev_minor == named.stx_dev_minor;
  if (!same) {
    return lock_file_replaced("the lock file was replaced while it was held");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<DirectoryLock>> lock_fs_directory(
    std::shared_ptr<const Descriptor> directory, FsLocking locking) {
  if (const int error = FsLock::register_fork_handlers(); error != 0) {
    return system_error(kName, error, "cannot watch for forks");
  }
  auto lock = std::make_unique<FsLock>(std::move(directory));
  if (Status acquired = lock->acquire(locking); !acquired) return acquired.error();
  return lock;
}

Result<bool> is_fs_directory_locked(int directory) {
  Result<Descriptor> fd = open_regular(directory, kName, O_RDONLY);
  if (!fd && fd.error().code == Errc::not_found) return false;
  if (!fd) return fd.error();
  struct flock range = whole_file(F_WRLCK);
  if (retry_interrupted([&] { return ::fcntl(fd->get(), F_OFD_GETLK, &range); }) != 0) {
    return cannot_lock(errno);
  }
  return range.l_type != F_UNLCK;
}

}  // namespace walkit::io
