#include "raw_file.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <vector>

#include "run.hpp"

namespace walkit::bench {
namespace {

template <class OnFile>
void for_each_file(const std::string& folder, OnFile&& on_file) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) on_file(RawFile(entry.path().string(), O_RDONLY));
  }
}

std::size_t resident_pages(const RawFile& file) {
  const std::uint64_t bytes = file.size();
  if (bytes == 0) return 0;
  void* at = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.fd(), 0);
  check_call(at != MAP_FAILED, "mmap");
  std::vector<unsigned char> pages((bytes + kBlock - 1) / kBlock);
  check_call(::mincore(at, bytes, pages.data()) == 0, "mincore");
  ::munmap(at, bytes);
  return static_cast<std::size_t>(std::count_if(
      pages.begin(), pages.end(), [](unsigned char page) { return (page & 1) != 0; }));
}

}  // namespace

RawFile::RawFile(const std::string& path, int flags)
    : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
  if (fd_ < 0) fail_call("open " + path);
}

RawFile::~RawFile() {
  if (fd_ >= 0) ::close(fd_);
}

void RawFile::write_at(const char* data, std::size_t bytes, std::uint64_t offset) const {
  check_call(::pwrite(fd_, data, bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes),
             "pwrite");
}

void RawFile::write(const char* data, std::size_t bytes) const {
  check_call(::write(fd_, data, bytes) == static_cast<ssize_t>(bytes), "write");
}

std::size_t RawFile::read_at(char* into, std::size_t bytes, std::uint64_t offset) const {
  const ssize_t got = ::pread(fd_, into, bytes, static_cast<off_t>(offset));
  check_call(got >= 0, "pread");
  return static_cast<std::size_t>(got);
}

void RawFile::fill_zeros(std::uint64_t from, std::uint64_t to) const {
  static const std::vector<char> zeros(kMiB);
  for (std::uint64_t at = from; at < to; at += kMiB) {
    write_at(zeros.data(), static_cast<std::size_t>(std::min<std::uint64_t>(kMiB, to - at)), at);
  }
}

void RawFile::start_writeback() const {
  check_call(::sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE) == 0, "sync_file_range");
}

void RawFile::sync() const { check_call(::fdatasync(fd_) == 0, "fdatasync"); }

std::uint64_t RawFile::size() const {
  struct stat about {};
  check_call(::fstat(fd_, &about) == 0, "fstat");
  return static_cast<std::uint64_t>(about.st_size);
}

RawFile prewritten(const std::string& path, std::uint64_t bytes, int flags) {
  {
    const RawFile file(path, O_CREAT | O_RDWR | O_TRUNC);
    file.fill_zeros(0, bytes);
    check_call(::fsync(file.fd()) == 0, "fsync");
  }
  return RawFile(path, O_RDWR | flags);
}

void sync_folder(const std::string& folder) {
  const RawFile file(folder, O_RDONLY | O_DIRECTORY);
  check_call(::fsync(file.fd()) == 0, "fsync of a folder");
}

Blocks make_blocks(std::size_t bytes) {
  Blocks blocks(static_cast<char*>(std::aligned_alloc(kBlock, whole_blocks(bytes))));
  check(blocks != nullptr, "no memory");
  std::memset(blocks.get(), 0, whole_blocks(bytes));
  return blocks;
}

void warm_up(const std::string& folder) {
  const Blocks buffer = make_blocks(kMiB);
  for_each_file(folder, [&](const RawFile& file) {
    std::uint64_t at = 0;
    while (const std::size_t got = file.read_at(buffer.get(), kMiB, at)) at += got;
  });
}

void cool_down(const std::string& folder) {
  for_each_file(folder, [](const RawFile& file) {
    file.sync();  // a dirty page stays
    check_call(::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED) == 0, "posix_fadvise");
    const std::size_t pages = file.size() / kBlock;
    check(resident_pages(file) <= pages / 100 + 16,
          "the page cache keeps what it was told to drop");
  });
}

}  // namespace walkit::bench
