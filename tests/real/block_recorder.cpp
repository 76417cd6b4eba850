// A disk in a FUSE file system, for a loop device: it records each write and flush, fails those it
// is told to, and can go back to any state that a power cut could have left.
//
//   block_recorder IMAGE FOLDER     mounts at FOLDER until that is unmounted; IMAGE stays as it is
//
//   disk      the device; back it with losetup
//   told      what a workload writes here is kept, in its order among the writes of the device
//   control   commands, one a write; reading it gives the counts
//
// pristine            as IMAGE is, nothing recorded, nothing failing
// fail-write N COUNT  EIO for COUNT writes from the Nth from now on; fail-flush N COUNT likewise
// heal                nothing fails any more
// freeze              the power is cut: writes and flushes are answered and forgotten
// thaw                and it is back, with what the device held
// crash AT SEED       as a power cut behind AT recorded operations may leave it: all that a flush
//                     covers, and of the rest what SEED says; nothing more is recorded

#define FUSE_USE_VERSION 31
#include <fcntl.h>
#include <fuse.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr std::uint64_t kBlock = 4096;  // written whole or not at all

struct Operation {
  enum class Kind { write, flush } kind{};
  std::uint64_t offset = 0;
  std::string bytes{};
  std::size_t told = 0;  // how much had been told before it
};

/// Those from the `first`th from now on, `count` of them.
struct Failures {
  std::uint64_t first = 0, count = 0, failed = 0;

  bool next() {
    if (first > 1)
      --first;
    else if (first == 1 && count > 0) {
      --count;
      ++failed;
      return true;
    }
    return false;
  }
};

class Disk {
 public:
  bool open(const char* path) {
    image_ = ::open(path, O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (image_ < 0 || ::fstat(image_, &status) != 0) return false;
    size_ = static_cast<std::uint64_t>(status.st_size);
    return pristine_bytes();
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::string& told() const { return told_; }

  std::size_t read(char* to, std::uint64_t bytes, std::uint64_t offset) const {
    if (offset >= size_) return 0;
    const std::uint64_t there = std::min(bytes, size_ - offset);
    std::memcpy(to, bytes_ + offset, there);
    return there;
  }

  int write(std::string_view data, std::uint64_t offset) {
    if (offset > size_ || data.size() > size_ - offset) return -ENOSPC;
    if (frozen_) return static_cast<int>(data.size());
    if (writes_.next()) return -EIO;
    apply(offset, data);
    record({Operation::Kind::write, offset, std::string(data), told_.size()});
    return static_cast<int>(data.size());
  }

  int flush() {
    if (frozen_) return 0;
    if (flushes_.next()) return -EIO;
    record({Operation::Kind::flush, 0, {}, told_.size()});
    return 0;
  }

  void tell(std::string_view text) { told_ += text; }

  int command(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    std::uint64_t a = 0, b = 0;
    words >> verb >> a >> b;
    if (verb == "pristine") return pristine() ? 0 : -EIO;
    if (verb == "fail-write")
      writes_ = {a, b, writes_.failed};
    else if (verb == "fail-flush")
      flushes_ = {a, b, flushes_.failed};
    else if (verb == "heal")
      writes_.count = flushes_.count = 0;
    else if (verb == "freeze")
      frozen_ = true;
    else if (verb == "thaw")
      frozen_ = false;
    else if (verb == "crash")
      return crash(a, b) ? 0 : -EINVAL;
    else
      return -EINVAL;
    return 0;
  }

  [[nodiscard]] std::string counts() const {
    std::ostringstream out;
    out << "operations " << operations_.size() << "\ntold " << told_before_ << "\nfailed-writes "
        << writes_.failed << "\nfailed-flushes " << flushes_.failed << "\nunflushed " << unflushed_
        << "\n";
    return out.str();
  }

 private:
  void record(Operation operation) {
    if (recording_) operations_.push_back(std::move(operation));
  }

  bool pristine() {
    operations_.clear();
    told_.clear();
    writes_ = flushes_ = {};
    frozen_ = false;
    recording_ = true;
    return pristine_bytes();
  }

  bool pristine_bytes() {
    if (bytes_ != nullptr) ::munmap(bytes_, size_);
    void* mapped = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, image_, 0);
    bytes_ = mapped == MAP_FAILED ? nullptr : static_cast<char*>(mapped);
    return bytes_ != nullptr;
  }

  void apply(std::uint64_t offset, std::string_view data) {
    std::memcpy(bytes_ + offset, data.data(), data.size());
  }

  bool crash(std::uint64_t at, std::uint64_t seed) {
    if (at > operations_.size() || !pristine_bytes()) return false;
    frozen_ = false;
    recording_ = false;
    told_before_ = at == operations_.size() ? told_.size() : operations_[at].told;
    std::uint64_t covered = at;
    while (covered > 0 && operations_[covered - 1].kind != Operation::Kind::flush) --covered;
    for (std::uint64_t i = 0; i < covered; ++i) apply(operations_[i].offset, operations_[i].bytes);
    unflushed_ = at - covered;
    apply_some(covered, at, seed);
    return true;
  }

  // Of what no flush covers: none, all, a prefix, all but one, one alone, or any set of blocks.
  void apply_some(std::uint64_t begin, std::uint64_t end, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const std::uint64_t kind = random() % 7, count = end - begin;
    const std::uint64_t chosen = count == 0 ? 0 : begin + random() % count;
    for (std::uint64_t i = begin; i < end; ++i) {
      const bool whole = kind == 1 || (kind == 2 && i < chosen) || (kind == 3 && i != chosen) ||
                         (kind == 4 && i == chosen);
      const std::string_view data = operations_[i].bytes;
      for (std::uint64_t from = 0; from < data.size(); from += kBlock) {
        if (whole || (kind > 4 && random() % 2 == 0)) {
          apply(operations_[i].offset + from, data.substr(from, kBlock));
        }
      }
    }
  }

  int image_ = -1;
  std::uint64_t size_ = 0;
  char* bytes_ = nullptr;
  bool frozen_ = false, recording_ = true;
  Failures writes_{}, flushes_{};
  std::vector<Operation> operations_{};
  std::string told_{};
  std::size_t told_before_ = 0;
  std::uint64_t unflushed_ = 0;
};

Disk disk;

std::string_view name_of(const char* path) { return std::string_view(path).substr(1); }

int get_attributes(const char* path, struct stat* status, fuse_file_info*) {
  const std::string_view name = name_of(path);
  *status = {};
  status->st_nlink = 1;
  status->st_mode = name.empty() ? S_IFDIR | 0755 : S_IFREG | 0600;
  if (name == "disk") status->st_size = static_cast<off_t>(disk.size());
  if (name == "told") status->st_size = static_cast<off_t>(disk.told().size());
  if (name == "control") status->st_size = static_cast<off_t>(disk.counts().size());
  const bool known = name.empty() || name == "disk" || name == "told" || name == "control";
  return known ? 0 : -ENOENT;
}

/// No page cache in front of the disk: what arrives here is what the device is asked for.
int open_file(const char*, fuse_file_info* file) {
  file->direct_io = 1;
  return 0;
}

int read_file(const char* path, char* to, size_t bytes, off_t offset, fuse_file_info*) {
  const auto at = static_cast<std::uint64_t>(offset);
  if (name_of(path) == "disk") return static_cast<int>(disk.read(to, bytes, at));
  const std::string text = name_of(path) == "told" ? disk.told() : disk.counts();
  if (at >= text.size()) return 0;
  return static_cast<int>(text.copy(to, bytes, at));
}

int write_file(const char* path, const char* from, size_t bytes, off_t offset, fuse_file_info*) {
  const std::string_view data(from, bytes);
  if (name_of(path) == "disk") return disk.write(data, static_cast<std::uint64_t>(offset));
  if (name_of(path) == "told")
    disk.tell(data);
  else if (const int error = disk.command(std::string(data)); error != 0)
    return error;
  return static_cast<int>(bytes);
}

int sync_file(const char* path, int, fuse_file_info*) {
  return name_of(path) == "disk" ? disk.flush() : 0;
}

int truncate_file(const char*, off_t, fuse_file_info*) { return 0; }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || !disk.open(argv[1])) {
    std::fprintf(stderr, "usage: block_recorder IMAGE FOLDER\n");
    return 64;
  }
  fuse_operations operations{};
  operations.getattr = get_attributes;
  operations.open = open_file;
  operations.read = read_file;
  operations.write = write_file;
  operations.fsync = sync_file;
  operations.truncate = truncate_file;
  char foreground[] = "-f", single_thread[] = "-s";
  char* arguments[] = {argv[0], foreground, single_thread, argv[2], nullptr};
  return fuse_main(4, arguments, &operations, nullptr);
}
