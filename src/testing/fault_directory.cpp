#include "walkit/testing/fault_directory.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "io/system.hpp"

namespace walkit::testing {
namespace {

/// A lock that kill() gives back.
struct Held {
  std::unique_ptr<DirectoryLock> lock{};
};

/// Numbers calls, and says which fail. Shared by a directory and all that is reached through it.
class FaultPlan {
 public:
  /// The fault of the operation that begins, if it has one.
  std::optional<Fault> begin(OperationKind kind, std::string path) {
    const std::scoped_lock guard(mutex_);
    operations_.push_back({kind, std::move(path)});
    const std::uint64_t number = operations_.size();
    if (killed_) return Fault::io;
    if (from_ != 0 && number >= from_) return met(from_fault_);
    return take(faults_, number);
  }
  std::optional<Fault> begin_read() {
    const std::scoped_lock guard(mutex_);
    ++reads_;
    return killed_ ? Fault::io : take(read_faults_, reads_);
  }

  void fail_at(std::uint64_t operation, Fault fault) {
    const std::scoped_lock guard(mutex_);
    faults_[operation] = fault;
  }
  void fail_read_at(std::uint64_t read, Fault fault) {
    const std::scoped_lock guard(mutex_);
    read_faults_[read] = fault;
  }
  void fail_from(std::uint64_t operation, Fault fault) {
    const std::scoped_lock guard(mutex_);
    from_ = operation;
    from_fault_ = fault;
  }
  void lift() {
    const std::scoped_lock guard(mutex_);
    faults_.clear();
    read_faults_.clear();
    from_ = 0;
  }
  void kill() {
    const std::scoped_lock guard(mutex_);
    killed_ = true;
    for (const auto& held : locks_) held->lock.reset();
    locks_.clear();
  }
  /// None: killed meanwhile.
  std::shared_ptr<Held> hold(std::unique_ptr<DirectoryLock> lock) {
    const std::scoped_lock guard(mutex_);
    if (killed_) return nullptr;
    locks_.push_back(std::make_shared<Held>(Held{std::move(lock)}));
    return locks_.back();
  }
  void release(const std::shared_ptr<Held>& held) {
    const std::scoped_lock guard(mutex_);
    held->lock.reset();
    std::erase(locks_, held);
  }

  [[nodiscard]] std::uint64_t read_count() const {
    const std::scoped_lock guard(mutex_);
    return reads_;
  }
  [[nodiscard]] std::uint64_t fault_count() const {
    const std::scoped_lock guard(mutex_);
    return met_;
  }
  [[nodiscard]] std::vector<Operation> operations(std::uint64_t since) const {
    const std::scoped_lock guard(mutex_);
    const auto first = std::min<std::uint64_t>(since, operations_.size());
    return {operations_.begin() + static_cast<std::ptrdiff_t>(first), operations_.end()};
  }

 private:
  using Faults = std::map<std::uint64_t, Fault>;

  Fault met(Fault fault) {
    ++met_;
    return fault;
  }
  std::optional<Fault> take(const Faults& faults, std::uint64_t number) {
    const auto set = faults.find(number);
    if (set == faults.end()) return std::nullopt;
    return met(set->second);
  }

  mutable std::mutex mutex_;
  std::vector<Operation> operations_{};
  std::uint64_t reads_ = 0, met_ = 0;
  Faults faults_{}, read_faults_{};
  std::uint64_t from_ = 0;
  Fault from_fault_ = Fault::io;
  bool killed_ = false;
  std::vector<std::shared_ptr<Held>> locks_{};
};

int os_error_of(Fault fault) {
  switch (fault) {
    case Fault::no_space:
    case Fault::short_write:
      return ENOSPC;
    case Fault::read_only:
      return EROFS;
    case Fault::interrupted:
      return EINTR;
    case Fault::io:
    case Fault::wrong_bytes:
      break;
  }
  return EIO;
}

Error failed(Fault fault, std::string_view name) {
  return io::system_error(name, os_error_of(fault),
                          "injected fault: " + std::string(to_string(fault)));
}

class FaultFile final : public PassingFile {
 public:
  FaultFile(std::unique_ptr<File> below, std::shared_ptr<FaultPlan> plan, std::string path)
      : PassingFile(std::move(below)),
        plan_(std::move(plan)),
        path_(std::move(path)),
        name_(path_.substr(path_.rfind('/') + 1)) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    const auto fault = plan_->begin_read();
    if (fault && fault != Fault::wrong_bytes) return at(offset, *fault);
    auto got = PassingFile::read_at(offset, into);
    if (!got || !fault) return got;
    for (std::byte& byte : into.first(*got)) byte ^= std::byte{0x10};
    return got;
  }
  Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override {
    const auto fault = plan_->begin(OperationKind::write_at, path_);
    if (!fault) return PassingFile::write_at(offset, parts);
    if (fault == Fault::short_write) {
      if (Status half = write_half(offset, parts); !half) return half;
    }
    return at(offset, *fault);
  }
  Status fill_zeros(std::uint64_t to) override {
    const auto fault = plan_->begin(OperationKind::fill_zeros, path_);
    if (!fault) return PassingFile::fill_zeros(to);
    if (fault == Fault::short_write) {
      const auto size = PassingFile::size();
      if (!size) return size.error();
      if (to <= *size) return {};
      if (Status half = PassingFile::fill_zeros(*size + (to - *size) / 2); !half) return half;
    }
    return at(to, *fault);
  }
  Status truncate(std::uint64_t bytes) override {
    const auto fault = plan_->begin(OperationKind::truncate, path_);
    return fault ? Status(failed(*fault, name_)) : PassingFile::truncate(bytes);
  }
  Status sync() override {
    const auto fault = plan_->begin(OperationKind::sync_file, path_);
    return fault ? Status(failed(*fault, name_)) : PassingFile::sync();
  }
  Result<std::uint64_t> size() override {
    if (const auto fault = plan_->begin_read()) return failed(*fault, name_);
    return PassingFile::size();
  }

 private:
  [[nodiscard]] Error at(std::uint64_t offset, Fault fault) const {
    Error error = failed(fault, name_);
    error.offset = offset;
    return error;
  }
  Status write_half(std::uint64_t offset, std::span<const BytesView> parts) {
    std::size_t left = 0;
    for (const BytesView part : parts) left += part.size();
    left /= 2;
    std::vector<BytesView> half;
    for (const BytesView part : parts) {
      half.push_back(part.first(std::min(left, part.size())));
      left -= half.back().size();
    }
    return PassingFile::write_at(offset, half);
  }

  std::shared_ptr<FaultPlan> plan_;
  std::string path_, name_;
};

class FaultLock final : public DirectoryLock {
 public:
  FaultLock(std::shared_ptr<FaultPlan> plan, std::shared_ptr<Held> held)
      : plan_(std::move(plan)), held_(std::move(held)) {}
  FaultLock(const FaultLock&) = delete;
  FaultLock& operator=(const FaultLock&) = delete;
  ~FaultLock() override { plan_->release(held_); }
  Status check() override {
    if (const auto fault = plan_->begin_read()) return failed(*fault, kLockFileName);
    return held_->lock->check();
  }

 private:
  std::shared_ptr<FaultPlan> plan_;
  std::shared_ptr<Held> held_;
};

class FaultTree final : public FaultDirectory {
 public:
  FaultTree(std::shared_ptr<Directory> below, std::shared_ptr<FaultPlan> plan, std::string path)
      : FaultDirectory(std::move(below)), plan_(std::move(plan)), path_(std::move(path)) {}

  void fail_at(std::uint64_t operation, Fault fault) override { plan_->fail_at(operation, fault); }
  void fail_read_at(std::uint64_t read, Fault fault) override { plan_->fail_read_at(read, fault); }
  void fail_from(std::uint64_t operation, Fault fault) override {
    plan_->fail_from(operation, fault);
  }
  void lift() override { plan_->lift(); }
  void kill() override { plan_->kill(); }
  std::uint64_t operation_count() const override { return plan_->operations(0).size(); }
  std::uint64_t read_count() const override { return plan_->read_count(); }
  std::uint64_t fault_count() const override { return plan_->fault_count(); }
  std::vector<Operation> operations(std::uint64_t since) const override {
    return plan_->operations(since);
  }

  Result<std::shared_ptr<Directory>> subdirectory(std::string_view name, OpenMode mode) override {
    const auto fault = mode == OpenMode::create ? begin(OperationKind::create_subdirectory, name)
                                                : plan_->begin_read();
    if (fault) return failed(*fault, name);
    return PassingDirectory::subdirectory(name, mode);
  }
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    const auto fault =
        mode == OpenMode::create ? begin(OperationKind::create, name) : plan_->begin_read();
    if (fault) return failed(*fault, name);
    return PassingDirectory::open(name, mode);
  }
  Result<std::vector<std::string>> list() override {
    if (const auto fault = plan_->begin_read()) return failed(*fault, "");
    return PassingDirectory::list();
  }
  Status rename(Rename names) override {
    const auto* into = dynamic_cast<const FaultTree*>(names.into);
    const auto fault =
        plan_->begin(OperationKind::rename, (into ? into : this)->path_ + std::string(names.to));
    return fault ? Status(failed(*fault, names.from)) : PassingDirectory::rename(names);
  }
  Status remove(std::string_view name) override {
    const auto fault = begin(OperationKind::remove, name);
    return fault ? Status(failed(*fault, name)) : PassingDirectory::remove(name);
  }
  Status link(std::string_view name, Directory& into, std::string_view to) override {
    const auto* there = dynamic_cast<const FaultTree*>(&into);
    const auto fault =
        plan_->begin(OperationKind::link, (there ? there->path_ : "") + std::string(to));
    return fault ? Status(failed(*fault, name)) : PassingDirectory::link(name, into, to);
  }
  Status sync() override {
    const auto fault = plan_->begin(OperationKind::sync_directory, path_);
    return fault ? Status(failed(*fault, "")) : PassingDirectory::sync();
  }
  Result<std::unique_ptr<DirectoryLock>> lock() override {
    if (const auto fault = plan_->begin_read()) return failed(*fault, kLockFileName);
    auto lock = PassingDirectory::lock();
    if (!lock) return lock;
    auto held = plan_->hold(std::move(*lock));
    if (!held) return failed(Fault::io, kLockFileName);
    return std::make_unique<FaultLock>(plan_, std::move(held));
  }
  Result<bool> is_locked() override {
    if (const auto fault = plan_->begin_read()) return failed(*fault, kLockFileName);
    return PassingDirectory::is_locked();
  }

 private:
  std::optional<Fault> begin(OperationKind kind, std::string_view name) {
    return plan_->begin(kind, path_ + std::string(name));
  }
  std::unique_ptr<File> wrap_file(std::string_view name, std::unique_ptr<File> file) override {
    return std::make_unique<FaultFile>(std::move(file), plan_, path_ + std::string(name));
  }
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view name,
                                               std::shared_ptr<Directory> directory) override {
    return std::make_shared<FaultTree>(std::move(directory), plan_,
                                       path_ + std::string(name) + "/");
  }

  std::shared_ptr<FaultPlan> plan_;
  std::string path_;  // "" or "wal/"
};

}  // namespace

std::shared_ptr<FaultDirectory> FaultDirectory::create(std::shared_ptr<Directory> below) {
  return std::make_shared<FaultTree>(std::move(below), std::make_shared<FaultPlan>(), "");
}

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::io:
      return "io";
    case Fault::no_space:
      return "no_space";
    case Fault::read_only:
      return "read_only";
    case Fault::interrupted:
      return "interrupted";
    case Fault::short_write:
      return "short_write";
    case Fault::wrong_bytes:
      return "wrong_bytes";
  }
  return "?";
}

}  // namespace walkit::testing
