#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"

namespace walkit {

/// read: must exist, reading only. create: must not exist. write: must exist. The last two read
/// too.
enum class OpenMode { read, create, write };

/// One open file. An error leaves the file open and says which file. Calls on one File do not
/// overlap; several Files of one name may.
class File {
 public:
  virtual ~File() = default;
  /// The bytes read: short only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) = 0;
  /// Writes all parts, one behind the other, or answers an error (no_space, io) with any of them
  /// written.
  virtual Status write_at(std::uint64_t offset, std::span<const BytesView> parts) = 0;
  /// Grows the file with zeros that are written, not only allocated, so that later syncs need no
  /// metadata. A file that is longer stays as it is.
  virtual Status fill_zeros(std::uint64_t to) = 0;
  /// Grows the file with zeros for which there is space, at the least cost: the first sync behind a
  /// write there may have metadata to write. As fill_zeros, unless the directory knows better.
  virtual Status allocate(std::uint64_t to) { return fill_zeros(to); }
  virtual Status truncate(std::uint64_t bytes) = 0;
  /// On success data and size are durable. Never call it again after an error: the second answer
  /// may be a lie. io: also when somebody else unlinked or cut the file.
  virtual Status sync() = 0;
  virtual Result<std::uint64_t> size() = 0;
  /// All of a file that nobody changes any more, as memory that is valid as long as this File.
  /// Where somebody cuts it nonetheless, or the device cannot read it, a look at that memory is a
  /// signal (SIGBUS) and no error. not_supported: read_at() is the way.
  virtual Result<BytesView> map();
};

/// Held until destroyed or until the process dies.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
  /// Still the owner? closed: this is a fork's child; io: the lock file was replaced.
  virtual Status check() = 0;
};

/// Where a log lives. A name is one component ("a.wal"; see is_file_name), so that no data can
/// spell a path: any other name is invalid_argument. Missing files are not_found, present ones
/// where none may be already_exists. Any thread may call.
class Directory {
 public:
  struct Rename {
    std::string_view from, to;
    Directory* into = nullptr;  // a subdirectory of this one; durable after both are synced
  };

  virtual ~Directory() = default;
  /// read and write: must exist; create: makes it, durable in this directory on return, and takes
  /// one that is there already.
  virtual Result<std::shared_ptr<Directory>> subdirectory(std::string_view name, OpenMode mode) = 0;
  virtual Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) = 0;
  virtual Result<std::vector<std::string>> list() = 0;  // files and subdirectories, sorted
  virtual Status rename(Rename names) = 0;  // replaces `to`, atomically; durable after sync
  virtual Status remove(std::string_view name) = 0;  // a file; durable after sync
  /// The file `name` gets a second name, `to` in the directory `into`; durable after its sync. Who
  /// writes by one changes what reads by the other. already_exists. not_supported: not between
  /// these two; a copy does it. As here, unless the directory knows better.
  virtual Status link(std::string_view name, Directory& into, std::string_view to);
  virtual Status sync() = 0;  // names are durable
  /// Opens or creates the file LOCK and leaves its bytes alone. locked: somebody holds it.
  virtual Result<std::unique_ptr<DirectoryLock>> lock() = 0;
  virtual Result<bool> is_locked() = 0;  // asks without taking it
  virtual void random_bytes(std::span<std::byte> into) = 0;
  virtual std::chrono::nanoseconds now() = 0;  // since 1970; information only
};

/// The name of the file that Directory::lock() locks.
inline constexpr std::string_view kLockFileName = "LOCK";

/// One component: 1 to 255 bytes, no '/', no NUL, not "." or "..".
[[nodiscard]] bool is_file_name(std::string_view name) noexcept;

}  // namespace walkit
