#include "walkit/io/memory_directory.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "temp_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using testing::HasErrc;
using testing::IsOk;
using testing::IsOkAndHolds;

TEST(MemoryDirectory, EachIsItsOwn) {
  auto one = MemoryDirectory::create();
  auto other = MemoryDirectory::create();
  ASSERT_THAT(one->open("a", OpenMode::create), IsOk());
  EXPECT_THAT(other->open("a", OpenMode::read), HasErrc(Errc::not_found));
}

TEST(MemoryDirectory, DiesWithItsLastOwner) {
  auto dir = MemoryDirectory::create();
  const std::weak_ptr<Directory> watch = dir;
  auto below = dir->subdirectory("below", OpenMode::create).value();
  auto lock = dir->lock().value();
  dir.reset();
  EXPECT_FALSE(watch.expired()) << "the lock is an owner";
  lock.reset();
  EXPECT_TRUE(watch.expired());
  EXPECT_THAT(below->open("a", OpenMode::create), IsOk());
}

TEST(MemoryDirectory, OpenFileOutlivesIt) {
  auto dir = MemoryDirectory::create();
  auto file = dir->open("a", OpenMode::create).value();
  dir.reset();
  EXPECT_THAT(write_text(*file, 0, "bytes"), IsOk());
  EXPECT_EQ(read_text(*file), "bytes");
}

TEST(MemoryDirectory, RenameNeedsADirectoryOfItsKind) {
  const TempDirectory temp;
  auto dir = MemoryDirectory::create();
  ASSERT_THAT(dir->open("a", OpenMode::create), IsOk());
  auto foreign = temp.open();
  EXPECT_THAT(dir->rename({.from = "a", .to = "a", .into = foreign.get()}),
              HasErrc(Errc::invalid_argument));
}

TEST(MemoryDirectory, RenameOfSubdirectoriesIsRefused) {
  auto dir = MemoryDirectory::create();
  auto below = dir->subdirectory("below", OpenMode::create).value();
  ASSERT_THAT(dir->open("a", OpenMode::create), IsOk());
  EXPECT_THAT(dir->rename({.from = "below", .to = "b", .into = below.get()}), HasErrc(Errc::io));
  EXPECT_THAT(dir->rename({.from = "a", .to = "below"}), HasErrc(Errc::io));
}

TEST(MemoryDirectory, RenameToItselfChangesNothing) {
  auto dir = MemoryDirectory::create();
  auto file = dir->open("a", OpenMode::create).value();
  EXPECT_THAT(dir->rename({.from = "a", .to = "a"}), IsOk());
  EXPECT_THAT(file->sync(), IsOk());
  EXPECT_THAT(dir->open("a", OpenMode::read), IsOk());
}

TEST(MemoryDirectory, OffsetsBeyondAnyFileAreRefused) {
  auto file = MemoryDirectory::create()->open("a", OpenMode::create).value();
  EXPECT_THAT(write_text(*file, UINT64_MAX, "x"), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(write_text(*file, INT64_MAX, "x"), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(file->truncate(UINT64_MAX), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(file->fill_zeros(UINT64_MAX), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(file->size(), IsOkAndHolds(0U));
}

TEST(MemoryDirectory, DirectoryAtTheLockNameIsIo) {
  auto dir = MemoryDirectory::create();
  ASSERT_THAT(dir->subdirectory("LOCK", OpenMode::create), IsOk());
  EXPECT_THAT(dir->lock(), HasErrc(Errc::io));
  EXPECT_THAT(dir->is_locked(), IsOk());
}

void in_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

TEST(MemoryDirectoryThreads, OneOfManyGetsTheLock) {
  auto dir = MemoryDirectory::create();
  std::atomic<int> owners = 0;
  std::vector<std::unique_ptr<DirectoryLock>> locks(8);
  in_threads(8, [&](int i) {
    auto lock = dir->lock();
    if (!lock) return;
    ++owners;
    locks[static_cast<std::size_t>(i)] = std::move(*lock);
  });
  EXPECT_EQ(owners, 1);
}

TEST(MemoryDirectoryThreads, RenamesBothWaysDoNotWaitForEachOther) {
  auto dir = MemoryDirectory::create();
  auto one = dir->subdirectory("one", OpenMode::create).value();
  auto two = dir->subdirectory("two", OpenMode::create).value();
  in_threads(2, [&](int i) {
    Directory& from = i == 0 ? *one : *two;
    Directory& into = i == 0 ? *two : *one;
    const std::string name = std::to_string(i);
    for (int round = 0; round < 10'000; ++round) {
      ASSERT_THAT(from.open(name, OpenMode::create), IsOk());
      ASSERT_THAT(from.rename({.from = name, .to = name, .into = &into}), IsOk());
      ASSERT_THAT(into.remove(name), IsOk());
    }
  });
}

TEST(MemoryDirectoryThreads, FilesOfOneNameMayBeUsedAtOnce) {
  auto dir = MemoryDirectory::create();
  ASSERT_THAT(dir->open("a", OpenMode::create), IsOk());
  in_threads(4, [&](int i) {
    auto file = dir->open("a", OpenMode::write).value();
    for (std::uint64_t at = 0; at < 1'000; ++at) {
      ASSERT_THAT(write_text(*file, at * 4 + static_cast<std::uint64_t>(i), "x"), IsOk());
      ASSERT_THAT(file->size(), IsOk());
    }
  });
  EXPECT_EQ(read_text(*dir->open("a", OpenMode::read).value()), std::string(4'000, 'x'));
}

}  // namespace
}  // namespace walkit
