#include "io/fs_file.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace walkit::io {
namespace {

constexpr mode_t kFileRights = 0644;

Error wrong_kind(std::string_view name, std::string found) {
  return Error{.code = Errc::io,
               .message = "found " + std::move(found) + ", expected a regular file",
               .file = std::string{name},
               .next_step = "move it away"};
}

std::string kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "a file of another kind";
}

Error open_error(std::string_view name, int os_error) {
  std::string message = "cannot open the file";
  if (os_error == ELOOP) message = "found a symbolic link, expected a regular file";
  if (os_error == EISDIR) message = "found a directory, expected a regular file";
  return system_error(name, os_error, std::move(message));
}

/// What is left of a list of parts while it is being written.
class Unwritten {
 public:
  explicit Unwritten(std::span<const BytesView> parts) : parts_(parts) { advance(0); }

  /// Puts what comes next into `into`; 0: all is written.
  std::size_t gather(std::span<iovec> into) const {
    const std::size_t count = std::min(into.size(), parts_.size());
    for (std::size_t i = 0; i < count; ++i) {
      const BytesView part = parts_[i].subspan(i == 0 ? done_ : 0);
      into[i] = {const_cast<std::byte*>(part.data()), part.size()};
    }
    return count;
  }

  void advance(std::size_t bytes) {
    done_ += bytes;
    while (!parts_.empty() && done_ >= parts_.front().size()) {
      done_ -= parts_.front().size();
      parts_ = parts_.subspan(1);
    }
  }

 private:
  std::span<const BytesView> parts_;
  std::size_t done_ = 0;  // bytes of the first part
};

class FsFile final : public File {
 public:
  FsFile(Descriptor fd, std::string name, OpenMode mode)
      : fd_(std::move(fd)), name_(std::move(name)), mode_(mode) {}
  FsFile(const FsFile&) = delete;
  FsFile& operator=(const FsFile&) = delete;
  ~FsFile() override {
    if (!mapped_.empty()) ::munmap(const_cast<std::byte*>(mapped_.data()), mapped_.size());
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override;
  Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override;
  Status fill_zeros(std::uint64_t to) override;
  Status allocate(std::uint64_t to) override;
  Status truncate(std::uint64_t bytes) override;
  Status sync() override;
  Result<std::uint64_t> size() override;
  Result<BytesView> map() override;

 private:
  void start_writeback(std::uint64_t begin, std::uint64_t end) const noexcept;
  [[nodiscard]] Error failed(std::string message, std::uint64_t offset = 0) const {
    Error error = system_error(name_, errno, std::move(message));
    error.offset = offset;
    return error;
  }

  Descriptor fd_;
  std::string name_;
  OpenMode mode_;
  std::uint64_t written_ = 0;  // the file must be at least so long, or somebody cut it
  BytesView mapped_{};
};

Result<std::size_t> FsFile::read_at(std::uint64_t offset, std::span<std::byte> into) {
  if (offset > kFileBytesMax) return std::size_t{0};
  into = into.first(std::min<std::uint64_t>(into.size(), kFileBytesMax - offset));
  std::size_t done = 0;
  while (done < into.size()) {
    const std::span<std::byte> rest = into.subspan(done);
    const ssize_t got = retry_interrupted([&] {
      return ::pread(fd_.get(), rest.data(), rest.size(), static_cast<off_t>(offset + done));
    });
    if (got < 0) return failed("cannot read", offset + done);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Status FsFile::write_at(std::uint64_t offset, std::span<const BytesView> parts) {
  if (mode_ == OpenMode::read) return opened_for_reading(name_);
  std::size_t bytes = 0;
  for (const BytesView part : parts) bytes += part.size();
  if (Status range = check_range(name_, offset, bytes); !range) return range;

  const std::uint64_t begin = offset;
  Unwritten unwritten{parts};
  std::array<iovec, IOV_MAX> batch;
  while (const std::size_t count = unwritten.gather(batch)) {
    const ssize_t put = retry_interrupted([&] {
      return ::pwritev(fd_.get(), batch.data(), static_cast<int>(count),
                       static_cast<off_t>(offset));
    });
    if (put < 0) return failed("cannot write", offset);
    if (put == 0) {
      errno =
          EIO;  // a file system that takes nothing and gives no reason must not be asked for ever
      return failed("the file system wrote nothing", offset);
    }
    offset += static_cast<std::uint64_t>(put);
    written_ = std::max(written_, offset);
    unwritten.advance(static_cast<std::size_t>(put));
  }
  start_writeback(begin, offset);
  return {};
}

// What is large is on its way to the device at once, so that the sync behind it finds little left.
// Not the last page, which the next write goes on with. A hint: errors come with the sync.
void FsFile::start_writeback(std::uint64_t begin, std::uint64_t end) const noexcept {
  constexpr std::uint64_t kLargeBytes = 256 << 10, kPageBytes = 4096;
  if (end - begin < kLargeBytes) return;
  begin -= begin % kPageBytes;
  end -= end % kPageBytes;
  ::sync_file_range(fd_.get(), static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                    SYNC_FILE_RANGE_WRITE);
}

Status FsFile::allocate(std::uint64_t to) {
  if (mode_ == OpenMode::read) return opened_for_reading(name_);
  if (Status range = check_range(name_, to, 0); !range) return range;
  Result<std::uint64_t> at = size();
  if (!at) return at.error();
  if (*at >= to) return {};
  const int done = retry_interrupted([&] {
    return ::fallocate(fd_.get(), 0, static_cast<off_t>(*at), static_cast<off_t>(to - *at));
  });
  if (done == 0) return {};
  if (errno == EOPNOTSUPP || errno == ENOSYS) return fill_zeros(to);
  return failed("cannot allocate space", *at);
}

Status FsFile::fill_zeros(std::uint64_t to) {
  static constexpr std::array<std::byte, 4096> kZeros{};
  if (mode_ == OpenMode::read) return opened_for_reading(name_);
  if (Status range = check_range(name_, to, 0); !range) return range;
  Result<std::uint64_t> at = size();
  if (!at) return at.error();

  while (*at < to) {
    std::array<BytesView, 256> parts;
    std::size_t count = 0;
    std::uint64_t end = *at;
    for (; count < parts.size() && end < to; ++count) {
      parts[count] = BytesView{kZeros}.first(std::min<std::uint64_t>(to - end, kZeros.size()));
      end += parts[count].size();
    }
    if (Status wrote = write_at(*at, std::span{parts}.first(count)); !wrote) return wrote;
    *at = end;
  }
  return {};
}

Status FsFile::truncate(std::uint64_t bytes) {
  if (mode_ == OpenMode::read) return opened_for_reading(name_);
  if (Status range = check_range(name_, bytes, 0); !range) return range;
  const int done =
      retry_interrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(bytes)); });
  if (done != 0) return failed("cannot change the size", bytes);
  written_ = bytes;
  return {};
}

Status FsFile::sync() {
  if (retry_interrupted([&] { return ::fdatasync(fd_.get()); }) != 0) return failed("cannot sync");
  // The kernel syncs a file that nobody can find again just as well, so a success alone proves
  // nothing. No more is asked for than links and size: who has seen the times (as with fstat) makes
  // the next write change them, and then each sync writes the inode too, at a third of the speed.
  struct statx now {};
  if (::statx(fd_.get(), "", AT_EMPTY_PATH, STATX_NLINK | STATX_SIZE, &now) != 0) {
    return failed("cannot read the size");
  }
  if (now.stx_nlink == 0) return removed_while_open(name_);
  if (now.stx_size < written_) return cut_while_open(name_, now.stx_size, written_);
  return {};
}

Result<std::uint64_t> FsFile::size() {
  struct stat now {};
  if (::fstat(fd_.get(), &now) != 0) return failed("cannot read the size");
  return static_cast<std::uint64_t>(now.st_size);
}

Result<BytesView> FsFile::map() {
  const Result<std::uint64_t> bytes = size();
  if (!bytes) return bytes.error();
  if (!mapped_.empty() || *bytes == 0) return mapped_;
  void* at = ::mmap(nullptr, *bytes, PROT_READ, MAP_SHARED, fd_.get(), 0);
  if (at == MAP_FAILED) return failed("cannot map");
  ::madvise(at, *bytes, MADV_SEQUENTIAL);
  mapped_ = {static_cast<const std::byte*>(at), *bytes};
  return mapped_;
}

int flags_of(OpenMode mode) {
  if (mode == OpenMode::read) return O_RDONLY;
  return mode == OpenMode::create ? O_RDWR | O_CREAT | O_EXCL : O_RDWR;
}

}  // namespace

Result<Descriptor> open_regular(int directory, const std::string& name, int flags) {
  // Without O_NONBLOCK a FIFO at this name would hold the caller until somebody opens its other
  // end.
  flags |= O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  Descriptor fd{
      retry_interrupted([&] { return ::openat(directory, name.c_str(), flags, kFileRights); })};
  if (!fd.valid()) return open_error(name, errno);
  struct stat found {};
  if (::fstat(fd.get(), &found) != 0) return system_error(name, errno, "cannot tell its kind");
  if (!S_ISREG(found.st_mode)) return wrong_kind(name, kind_of(found.st_mode));
  return fd;
}

Result<std::unique_ptr<File>> open_fs_file(int directory, const std::string& name, OpenMode mode) {
  Result<Descriptor> fd = open_regular(directory, name, flags_of(mode));
  if (!fd) return fd.error();
  struct stat found {};
  if (::fstat(fd->get(), &found) != 0) return system_error(name, errno, "cannot tell its links");
  // What is written here would show under a name that is none of ours. 0: removed meanwhile, which
  // sync() tells.
  if (mode != OpenMode::read && found.st_nlink > 1) {
    return wrong_kind(name, "a file with " + std::to_string(found.st_nlink) + " hard links");
  }
  return std::make_unique<FsFile>(std::move(*fd), name, mode);
}

}  // namespace walkit::io
