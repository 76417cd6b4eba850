// Where the disk fails, and where a checkpoint takes its time.

#include <gtest/gtest.h>

#include <functional>

#include "app/kv_adapter.hpp"
#include "testing/kv_model.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit::kv {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using testing::Fault;
using testing::FaultDirectory;
using testing::HasErrc;
using testing::IsOk;
using testing::KvModel;

std::vector<Request> chunk(std::uint64_t n) {
  return {{2 * n + 1, Increment{"n"}, 1},
          {2 * n + 2, Put{"k" + std::to_string(n % 5), std::string(300, 'v')}, 1}};
}

/// Applies chunks, with checkpoints between, until one fails. How many were acknowledged.
std::uint64_t live(const std::shared_ptr<Directory>& disk) {
  auto machine = KvStateMachine::open(disk, small_options());
  if (!machine) return 0;
  for (std::uint64_t n = 0; n < 12; ++n) {
    const auto outcomes = machine->apply(chunk(n));
    if (!outcomes) {
      EXPECT_EQ(machine->last_index(), 2 * n);  // nothing of it is seen
      EXPECT_EQ(machine->get("n").value_or("0"), std::to_string(n));
      EXPECT_FALSE(outcomes.error().message.empty());
      return n;
    }
    if (n % 4 == 3) machine->checkpoint().ignore("told by the next chunk, if it matters");
  }
  return 12;
}

// Fault 11 of docs/kv.md. Each operation fails once, in each way.
TEST(KvProof, AfterAFailedWriteNothingIsAppliedAndNothingIsLost) {
  for (const Fault fault : {Fault::io, Fault::no_space, Fault::short_write}) {
    for (std::uint64_t operation = 1;; ++operation) {
      const auto disk = MemoryDirectory::create();
      std::uint64_t acknowledged = 0, operations = 0;
      {
        const auto failing = FaultDirectory::create(disk);
        failing->fail_at(operation, fault);
        acknowledged = live(failing);
        operations = failing->operation_count();
      }
      auto opened = KvStateMachine::open(disk, small_options());
      ASSERT_THAT(opened, IsOk()) << "operation " << operation;
      MachineAdapter machine(std::move(*opened));
      KvModel model;
      for (std::uint64_t n = 0; n < acknowledged; ++n) model.apply(chunk(n));
      if (machine.last_index() > model.last_index()) model.apply(chunk(acknowledged));  // in doubt
      ASSERT_THAT(model.compare(machine), IsOk()) << "operation " << operation;
      for (std::uint64_t n = 0; n < 13; ++n) {
        ASSERT_EQ(machine.apply(chunk(n)).value(), model.apply(chunk(n)));
      }
      if (operations < operation) break;
    }
  }
}

/// Calls back when a checkpoint's file is written to, from the thread that writes it.
class Watched final : public testing::PassingDirectory {
 public:
  using PassingDirectory::PassingDirectory;
  std::function<void()> on_write{};

 private:
  class WatchedFile final : public testing::PassingFile {
   public:
    WatchedFile(std::unique_ptr<File> below, Watched& owner)
        : PassingFile(std::move(below)), owner_(owner) {}
    Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override {
      if (owner_.on_write) owner_.on_write();
      return PassingFile::write_at(offset, parts);
    }

   private:
    Watched& owner_;
  };
  class Folder final : public testing::PassingDirectory {
   public:
    Folder(std::shared_ptr<Directory> below, Watched& owner)
        : PassingDirectory(std::move(below)), owner_(owner) {}

   private:
    std::unique_ptr<File> wrap_file(std::string_view, std::unique_ptr<File> file) override {
      return std::make_unique<WatchedFile>(std::move(file), owner_);
    }
    Watched& owner_;
  };
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view name,
                                               std::shared_ptr<Directory> directory) override {
    if (name != "checkpoints") return directory;
    return std::make_shared<Folder>(std::move(directory), *this);
  }
};

// Fault 21 of docs/kv.md. While its file is being written, chunks are applied and read; what is
// saved is the state that it began with.
TEST(KvProof, ApplyingGoesOnWhileACheckpointIsWritten) {
  const auto disk = std::make_shared<Watched>(MemoryDirectory::create());
  std::uint64_t next = 0;
  {
    auto machine = KvStateMachine::open(disk, small_options()).value();
    for (; next < 5; ++next) ASSERT_THAT(machine.apply(chunk(next)), IsOk());
    std::uint64_t meanwhile = 0;
    disk->on_write = [&] {
      EXPECT_THAT(machine.apply(chunk(next++)), IsOk());
      EXPECT_EQ(machine.get("n"), std::to_string(next));
      ++meanwhile;
    };
    ASSERT_THAT(machine.checkpoint(), IsOk());
    disk->on_write = {};
    EXPECT_GT(meanwhile, 0u);
  }
  auto machine = KvStateMachine::open(disk, small_options()).value();
  EXPECT_EQ(machine.stats().replayed.first, EntryId{11});  // all that came behind its begin
  EXPECT_EQ(machine.get("n"), std::to_string(next));
}

/// A disk that takes what was made room for, and makes no more while it is full.
class Limited final : public testing::PassingDirectory {
 public:
  explicit Limited(std::shared_ptr<Directory> below, std::shared_ptr<bool> full = {})
      : PassingDirectory(std::move(below)),
        is_full(full ? std::move(full) : std::make_shared<bool>(false)) {}
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    if (*is_full && mode == OpenMode::create) return no_space();
    return PassingDirectory::open(name, mode);
  }

  std::shared_ptr<bool> is_full;

 private:
  static Error no_space() { return {.code = Errc::no_space, .message = "full"}; }
  class LimitedFile final : public testing::PassingFile {
   public:
    LimitedFile(std::unique_ptr<File> below, std::shared_ptr<bool> full)
        : PassingFile(std::move(below)), is_full_(std::move(full)) {}
    Status fill_zeros(std::uint64_t to) override {
      return *is_full_ ? Status(no_space()) : PassingFile::fill_zeros(to);
    }

   private:
    std::shared_ptr<bool> is_full_;
  };
  std::unique_ptr<File> wrap_file(std::string_view, std::unique_ptr<File> file) override {
    return std::make_unique<LimitedFile>(std::move(file), is_full);
  }
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view,
                                               std::shared_ptr<Directory> directory) override {
    return std::make_shared<Limited>(std::move(directory), is_full);
  }
};

TEST(KvProof, NoSpaceIsToldAndItGoesOnWhenThereIsRoom) {
  const auto disk = std::make_shared<Limited>(MemoryDirectory::create());
  auto machine = KvStateMachine::open(disk, small_options()).value();
  *disk->is_full = true;
  std::uint64_t n = 0;
  Result<std::vector<Outcome>> outcomes = machine.apply(chunk(n));
  while (outcomes) outcomes = machine.apply(chunk(++n));  // what was prefilled is used up
  EXPECT_THAT(outcomes, HasErrc(Errc::no_space));
  EXPECT_EQ(machine.last_index(), 2 * n);
  *disk->is_full = false;
  EXPECT_THAT(machine.apply(chunk(n++)), IsOk());
  EXPECT_EQ(machine.get("n"), std::to_string(n));
}

}  // namespace
}  // namespace walkit::kv
