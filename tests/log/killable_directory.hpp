#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "walkit/io/directory.hpp"

namespace walkit {

/// A process's view of a directory: after kill() all calls through it fail and its locks are free,
/// while what it wrote stays for the others.
class KillableDirectory final : public Directory {
 public:
  explicit KillableDirectory(std::shared_ptr<Directory> inner)
      : KillableDirectory(std::move(inner), std::make_shared<Process>()) {}

  void kill() {
    process_->alive = false;
    for (const auto& lock : process_->locks) lock->held.reset();
  }

  Result<std::shared_ptr<Directory>> subdirectory(std::string_view name, OpenMode mode) override {
    if (!process_->alive) return dead();
    auto inner = inner_->subdirectory(name, mode);
    if (!inner) return inner.error();
    return std::shared_ptr<Directory>(new KillableDirectory(std::move(*inner), process_));
  }
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    if (!process_->alive) return dead();
    auto inner = inner_->open(name, mode);
    if (!inner) return inner.error();
    return std::unique_ptr<File>(new KillableFile(std::move(*inner), process_));
  }
  Result<std::vector<std::string>> list() override {
    if (!process_->alive) return dead();
    return inner_->list();
  }
  Status rename(Rename what) override {
    if (!process_->alive) return dead();
    if (what.into != nullptr) what.into = static_cast<KillableDirectory*>(what.into)->inner_.get();
    return inner_->rename(what);
  }
  Status remove(std::string_view name) override {
    return process_->alive ? inner_->remove(name) : Status(dead());
  }
  Status sync() override { return process_->alive ? inner_->sync() : Status(dead()); }
  Result<std::unique_ptr<DirectoryLock>> lock() override {
    if (!process_->alive) return dead();
    auto inner = inner_->lock();
    if (!inner) return inner.error();
    auto held = std::make_shared<Held>(Held{std::move(*inner)});
    process_->locks.push_back(held);
    return std::unique_ptr<DirectoryLock>(new KillableLock(std::move(held)));
  }
  Result<bool> is_locked() override { return inner_->is_locked(); }
  void random_bytes(std::span<std::byte> into) override { inner_->random_bytes(into); }
  std::chrono::nanoseconds now() override { return inner_->now(); }

 private:
  struct Held {
    std::unique_ptr<DirectoryLock> held{};
  };
  struct Process {
    bool alive = true;
    std::vector<std::shared_ptr<Held>> locks{};
  };

  class KillableFile final : public File {
   public:
    KillableFile(std::unique_ptr<File> inner, std::shared_ptr<Process> process)
        : inner_(std::move(inner)), process_(std::move(process)) {}
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
      if (!process_->alive) return dead();
      return inner_->read_at(offset, into);
    }
    Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override {
      return process_->alive ? inner_->write_at(offset, parts) : Status(dead());
    }
    Status fill_zeros(std::uint64_t to) override {
      return process_->alive ? inner_->fill_zeros(to) : Status(dead());
    }
    Status truncate(std::uint64_t bytes) override {
      return process_->alive ? inner_->truncate(bytes) : Status(dead());
    }
    Status sync() override { return process_->alive ? inner_->sync() : Status(dead()); }
    Result<std::uint64_t> size() override { return inner_->size(); }

   private:
    std::unique_ptr<File> inner_;
    std::shared_ptr<Process> process_;
  };

  class KillableLock final : public DirectoryLock {
   public:
    explicit KillableLock(std::shared_ptr<Held> held) : held_(std::move(held)) {}
    ~KillableLock() override { held_->held.reset(); }
    Status check() override { return held_->held ? held_->held->check() : Status(dead()); }

   private:
    std::shared_ptr<Held> held_;
  };

  KillableDirectory(std::shared_ptr<Directory> inner, std::shared_ptr<Process> process)
      : inner_(std::move(inner)), process_(std::move(process)) {}
  static Error dead() { return {.code = Errc::io, .message = "the process was killed"}; }

  std::shared_ptr<Directory> inner_;
  std::shared_ptr<Process> process_;
};

}  // namespace walkit
