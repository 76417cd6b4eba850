// The real process, killed by SIGKILL: at each operation on the folder, and in the midst of work.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "app/kv_adapter.hpp"
#include "seed.hpp"
#include "testing/kv_model.hpp"
#include "walkit/io/fs_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit::kv {
namespace {

using testing::IsOk;
using testing::KvModel;
using testing::PassingDirectory;
using testing::PassingFile;

/// What a killed process needs no more than.
KvOptions flushed() {
  KvOptions options = small_options();
  options.wal.durability = Durability::flushed;
  return options;
}

/// Kills this process in front of its n-th operation.
struct Meter {
  std::uint64_t count = 0, at = 0;
  void step() {
    if (++count == at) ::raise(SIGKILL);
  }
};

class DeadlyFile final : public PassingFile {
 public:
  DeadlyFile(std::unique_ptr<File> below, Meter& meter)
      : PassingFile(std::move(below)), meter_(meter) {}
  Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override {
    meter_.step();
    return PassingFile::write_at(offset, parts);
  }
  Status fill_zeros(std::uint64_t to) override {
    meter_.step();
    return PassingFile::fill_zeros(to);
  }
  Status truncate(std::uint64_t bytes) override {
    meter_.step();
    return PassingFile::truncate(bytes);
  }
  Status sync() override {
    meter_.step();
    return PassingFile::sync();
  }

 private:
  Meter& meter_;
};

class DeadlyDirectory final : public PassingDirectory {
 public:
  DeadlyDirectory(std::shared_ptr<Directory> below, Meter& meter)
      : PassingDirectory(std::move(below)), meter_(meter) {}
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    if (mode == OpenMode::create) meter_.step();
    return PassingDirectory::open(name, mode);
  }
  Status rename(Rename names) override {
    meter_.step();
    return PassingDirectory::rename(names);
  }
  Status remove(std::string_view name) override {
    meter_.step();
    return PassingDirectory::remove(name);
  }
  Status sync() override {
    meter_.step();
    return PassingDirectory::sync();
  }

 protected:
  std::unique_ptr<File> wrap_file(std::string_view, std::unique_ptr<File> file) override {
    return std::make_unique<DeadlyFile>(std::move(file), meter_);
  }
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view,
                                               std::shared_ptr<Directory> directory) override {
    return std::make_shared<DeadlyDirectory>(std::move(directory), meter_);
  }

 private:
  Meter& meter_;
};

class KvKilled : public ::testing::Test {
 protected:
  using Chunk = std::vector<Request>;

  KvKilled() {
    void* page = ::mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    acknowledged = new (page) std::atomic<std::uint64_t>(0);
    clear();
  }
  ~KvKilled() override {
    std::filesystem::remove_all(folder);
    ::munmap(acknowledged, sizeof *acknowledged);
  }
  void clear() {
    std::filesystem::remove_all(folder);
    *acknowledged = 0;
  }

  /// Runs it in a process of its own: whether that was killed.
  bool dies(const std::function<void()>& life, const std::function<void(pid_t)>& meanwhile = {}) {
    const pid_t child = ::fork();
    if (child == 0) {
      life();
      std::_Exit(0);
    }
    if (meanwhile) meanwhile(child);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
  }
  [[nodiscard]] std::shared_ptr<Directory> disk() const {
    return FsDirectory::open(folder).value();
  }

  /// What is left is the model behind a chunk that is not before the last acknowledged one; and all
  /// of it is answered, when it comes again, as if nothing had happened.
  void judge(const std::vector<Chunk>& chunks) {
    auto opened = KvStateMachine::open(disk(), flushed());
    ASSERT_THAT(opened, IsOk());
    MachineAdapter machine(std::move(*opened));
    KvModel model;
    for (std::uint64_t n = 0; n < *acknowledged; ++n) model.apply(chunks[n]);
    for (std::uint64_t n = *acknowledged; model.last_index() < machine.last_index(); ++n) {
      model.apply(chunks.at(n));
    }
    ASSERT_THAT(model.compare(machine), IsOk());
    for (const Chunk& chunk : chunks) {
      ASSERT_EQ(machine.apply(chunk).value(), model.apply(chunk));
    }
    ASSERT_THAT(model.compare(machine), IsOk());
  }

  // In memory where that is a folder: what a killed process leaves is in the page cache either way.
  const std::filesystem::path folder =
      (std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path()) /
      ("walkit_kv_" + std::to_string(::getpid()));
  std::atomic<std::uint64_t>* acknowledged = nullptr;  // shared with the child
};

constexpr Time kStart{1'700'000'000'000};

std::vector<std::vector<Request>> story() {
  std::vector<std::vector<Request>> chunks;
  std::uint64_t index = 0;
  const auto add = [&](std::vector<Command> commands) {
    chunks.emplace_back();
    for (Command& command : commands) {
      ++index;
      chunks.back().push_back({index, std::move(command), 1, kStart + Time(index * 100)});
    }
  };
  add({Put{"x", "5"}, Put{"e", ""}});
  for (int n = 0; n < 9; ++n) {
    const std::string now = std::to_string(n), next = std::to_string(n + 1);
    add({CompareAndSwap{"x", n == 0 ? "5" : now, next}, CompareAndSwap{"x", now, "wrong"},
         Put{"k", "old"}, Put{"k", std::string(400, 'v'), kStart + Time(index * 100 + 700)},
         Increment{"n"}});
  }
  return chunks;
}

// Acceptance checks 22 to 25; faults 1, 2, 5 and 19 of docs/kv.md.
TEST_F(KvKilled, AtEachOperationOfChunksAndCheckpointsNothingIsLost) {
  const auto chunks = story();
  for (std::uint64_t at = 1;; ++at) {
    clear();
    const bool died = dies([&] {
      Meter meter{.at = at};
      auto machine =
          KvStateMachine::open(std::make_shared<DeadlyDirectory>(disk(), meter), small_options());
      if (!machine) std::_Exit(1);
      for (std::size_t n = 0; n < chunks.size(); ++n) {
        if (!machine->apply(chunks[n])) std::_Exit(1);
        ++*acknowledged;
        if (n % 3 == 2 && !machine->checkpoint()) std::_Exit(1);
      }
    });
    ASSERT_NO_FATAL_FAILURE(judge(chunks)) << "operation " << at;
    if (died) continue;
    std::cout << at - 1 << " operations\n";
    EXPECT_GT(at, 60u);
    return;
  }
}

// Acceptance checks 22 and 23; fault 3 of docs/kv.md.
TEST_F(KvKilled, InTheMidstOfChunksNoOutcomeChanges) {
  Random random(20261205);
  std::vector<Chunk> chunks;
  for (std::uint64_t n = 0; n < 3000; ++n) {
    const std::string now = std::to_string(n % 7), next = std::to_string((n + 1) % 7);
    chunks.push_back(
        {{2 * n + 1, CompareAndSwap{"x", n == 0 ? std::nullopt : std::optional(now), next}, 1},
         {2 * n + 2, CompareAndSwap{"x", now, "wrong"}, 1}});
  }
  for (int life = 0; life < 5; ++life) {
    clear();
    const std::uint64_t enough = 1 + random() % 300;
    const bool died = dies(
        [&] {
          KvOptions options = flushed();
          options.checkpoint_every_entries = 50;  // in the background
          auto machine = KvStateMachine::open(disk(), options);
          if (!machine) std::_Exit(1);
          for (const Chunk& chunk : chunks) {
            if (!machine->apply(chunk)) std::_Exit(1);
            ++*acknowledged;
          }
        },
        [&](pid_t child) {
          while (*acknowledged < enough && ::waitpid(child, nullptr, WNOHANG | WNOWAIT) == 0) {
            std::this_thread::yield();
          }
          ::kill(child, SIGKILL);
        });
    EXPECT_TRUE(died || *acknowledged == chunks.size());
    ASSERT_NO_FATAL_FAILURE(judge(chunks));
  }
}

}  // namespace
}  // namespace walkit::kv
