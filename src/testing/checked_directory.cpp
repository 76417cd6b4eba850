#include "walkit/testing/checked_directory.hpp"

#include <atomic>

#include "testing/protocol.hpp"

namespace walkit::testing {
namespace {

class CheckedFile final : public PassingFile {
 public:
  CheckedFile(std::unique_ptr<File> below, std::shared_ptr<Protocol> protocol,
              Protocol::InodePtr inode)
      : PassingFile(std::move(below)), protocol_(std::move(protocol)), inode_(std::move(inode)) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    const Call call(*this);
    return PassingFile::read_at(offset, into);
  }
  Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override {
    const Call call(*this);
    return write("written", [&] { return PassingFile::write_at(offset, parts); });
  }
  Status fill_zeros(std::uint64_t to) override {
    const Call call(*this);
    protocol_->begin_write(*inode_, "filled");
    Status done = PassingFile::fill_zeros(to);
    const bool full = !done && done.error().code == Errc::no_space;
    protocol_->end_write(*inode_, done, /*may_repeat=*/full);
    return done;
  }
  Status truncate(std::uint64_t bytes) override {
    const Call call(*this);
    return write("cut", [&] { return PassingFile::truncate(bytes); });
  }
  Status sync() override {
    const Call call(*this);
    protocol_->begin_sync(*inode_);
    Status done = PassingFile::sync();
    protocol_->end_sync(*inode_, done);
    return done;
  }
  Result<std::uint64_t> size() override {
    const Call call(*this);
    return PassingFile::size();
  }

 private:
  /// A call on this File, from its begin to its end.
  struct Call {
    explicit Call(CheckedFile& file) : busy(file.calls_) {
      if (busy++ > 0) file.protocol_->overlapped(*file.inode_);
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { --busy; }
    std::atomic<int>& busy;
  };

  template <class Write>
  Status write(std::string_view what, Write&& call) {
    protocol_->begin_write(*inode_, what);
    Status done = call();
    protocol_->end_write(*inode_, done, /*may_repeat=*/false);
    return done;
  }

  std::shared_ptr<Protocol> protocol_;
  Protocol::InodePtr inode_;
  std::atomic<int> calls_ = 0;
};

class CheckedLock final : public DirectoryLock {
 public:
  CheckedLock(std::unique_ptr<DirectoryLock> below, std::shared_ptr<Protocol> protocol,
              std::string folder)
      : below_(std::move(below)), protocol_(std::move(protocol)), folder_(std::move(folder)) {
    protocol_->locked(folder_);
  }
  CheckedLock(const CheckedLock&) = delete;
  CheckedLock& operator=(const CheckedLock&) = delete;
  ~CheckedLock() override { protocol_->unlocked(folder_); }
  Status check() override { return below_->check(); }

 private:
  std::unique_ptr<DirectoryLock> below_;
  std::shared_ptr<Protocol> protocol_;
  std::string folder_;
};

class CheckedTree final : public CheckedDirectory {
 public:
  CheckedTree(std::shared_ptr<Directory> below, std::shared_ptr<Protocol> protocol,
              std::string path)
      : CheckedDirectory(std::move(below)),
        protocol_(std::move(protocol)),
        path_(std::move(path)) {}

  std::vector<std::string> violations() const override { return protocol_->violations(); }

  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    // The base class knows the mode no more when it wraps.
    auto file = PassingDirectory::open(name, mode);
    if (!file) return file;
    const std::string path = path_ + std::string(name);
    auto inode = mode == OpenMode::create ? protocol_->created(path) : protocol_->opened(path);
    return std::make_unique<CheckedFile>(std::move(*file), protocol_, std::move(inode));
  }
  Status rename(Rename names) override {
    const auto* into = dynamic_cast<const CheckedTree*>(names.into);
    const std::string from = path_ + std::string(names.from);
    const std::string to = (into == nullptr ? path_ : into->path_) + std::string(names.to);
    protocol_->begin_rename(from, to);
    Status done = PassingDirectory::rename(names);
    protocol_->end_rename(from, to, done);
    return done;
  }
  Status remove(std::string_view name) override {
    const std::string path = path_ + std::string(name);
    protocol_->begin_remove(path);
    Status done = PassingDirectory::remove(name);
    protocol_->end_remove(path, done);
    return done;
  }
  Status link(std::string_view name, Directory& into, std::string_view to) override {
    const auto* there = dynamic_cast<const CheckedTree*>(&into);
    const std::string from = path_ + std::string(name);
    const std::string second = (there == nullptr ? "" : there->path_) + std::string(to);
    protocol_->begin_link(from, second);
    Status done = PassingDirectory::link(name, into, to);
    if (there != nullptr) protocol_->end_link(from, second, done);
    return done;
  }
  Status sync() override {
    protocol_->begin_sync_names(path_);
    Status done = PassingDirectory::sync();
    protocol_->end_sync_names(path_, done);
    return done;
  }
  Result<std::unique_ptr<DirectoryLock>> lock() override {
    auto lock = PassingDirectory::lock();
    if (!lock) return lock;
    return std::make_unique<CheckedLock>(std::move(*lock), protocol_, path_);
  }

 private:
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view name,
                                               std::shared_ptr<Directory> directory) override {
    return std::make_shared<CheckedTree>(std::move(directory), protocol_,
                                         path_ + std::string(name) + "/");
  }

  std::shared_ptr<Protocol> protocol_;
  std::string path_;  // "" or "wal/"
};

}  // namespace

std::shared_ptr<CheckedDirectory> CheckedDirectory::create(std::shared_ptr<Directory> below) {
  return std::make_shared<CheckedTree>(std::move(below), std::make_shared<Protocol>(), "");
}

}  // namespace walkit::testing
