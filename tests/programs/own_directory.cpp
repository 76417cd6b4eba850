// A Directory of one's own: passes all on to another one and counts the syncs.
#include <atomic>
#include <cstdio>
#include <string>
#include <vector>
#include <walkit/testing/suites.hpp>
#include <walkit/walkit.hpp>

#include "check.hpp"

using Count = std::shared_ptr<std::atomic<int>>;

class CountingFile final : public walkit::File {
 public:
  CountingFile(std::unique_ptr<walkit::File> file, Count syncs)
      : file_(std::move(file)), syncs_(std::move(syncs)) {}
  walkit::Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    return file_->read_at(offset, into);
  }
  walkit::Status write_at(std::uint64_t offset, std::span<const walkit::BytesView> parts) override {
    return file_->write_at(offset, parts);
  }
  walkit::Status fill_zeros(std::uint64_t to) override { return file_->fill_zeros(to); }
  walkit::Status truncate(std::uint64_t bytes) override { return file_->truncate(bytes); }
  walkit::Status sync() override {
    ++*syncs_;
    return file_->sync();
  }
  walkit::Result<std::uint64_t> size() override { return file_->size(); }

 private:
  std::unique_ptr<walkit::File> file_;
  Count syncs_;
};

class CountingDirectory final : public walkit::Directory {
 public:
  CountingDirectory(std::shared_ptr<walkit::Directory> dir, Count syncs)
      : dir_(std::move(dir)), syncs_(std::move(syncs)) {}
  walkit::Result<std::shared_ptr<walkit::Directory>> subdirectory(std::string_view name,
                                                                  walkit::OpenMode mode) override {
    auto inner = dir_->subdirectory(name, mode);
    if (!inner) return inner.error();
    return std::make_shared<CountingDirectory>(*inner, syncs_);
  }
  walkit::Result<std::unique_ptr<walkit::File>> open(std::string_view name,
                                                     walkit::OpenMode mode) override {
    auto file = dir_->open(name, mode);
    if (!file) return file.error();
    return std::make_unique<CountingFile>(std::move(*file), syncs_);
  }
  walkit::Result<std::vector<std::string>> list() override { return dir_->list(); }
  walkit::Status rename(Rename names) override {
    // `into` is one of these, too: the inner one has to get its own.
    if (auto* into = dynamic_cast<CountingDirectory*>(names.into)) names.into = into->dir_.get();
    return dir_->rename(names);
  }
  walkit::Status remove(std::string_view name) override { return dir_->remove(name); }
  walkit::Status sync() override { return dir_->sync(); }
  walkit::Result<std::unique_ptr<walkit::DirectoryLock>> lock() override { return dir_->lock(); }
  walkit::Result<bool> is_locked() override { return dir_->is_locked(); }
  void random_bytes(std::span<std::byte> into) override { dir_->random_bytes(into); }
  std::chrono::nanoseconds now() override { return dir_->now(); }

 private:
  std::shared_ptr<walkit::Directory> dir_;
  Count syncs_;
};

int main() {
  const auto syncs = std::make_shared<std::atomic<int>>(0);
  const auto make_empty = [&]() -> walkit::Result<std::shared_ptr<walkit::Directory>> {
    return std::make_shared<CountingDirectory>(walkit::MemoryDirectory::create(), syncs);
  };
  const walkit::Status sound = walkit::testing::directory_suite(make_empty);
  if (!sound) std::fprintf(stderr, "%s\n", to_string(sound.error()).c_str());
  CHECK(sound);

  auto wal = walkit::WalWriter<std::string>::open(make_empty().value()).value();
  CHECK(wal.append("the first ones make room"));
  const int before = *syncs;
  for (int i = 0; i < 10; ++i) CHECK(wal.append("one sync each"));
  CHECK(*syncs - before == 10);
  const std::vector<std::string> batch(10, "one sync for all");
  CHECK(wal.append_batch(batch));
  CHECK(*syncs - before == 11);
}
