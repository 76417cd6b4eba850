#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "temp_directory.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/testing/passing_directory.hpp"
#include "walkit/testing/suites.hpp"

namespace walkit {
namespace {

using testing::directory_suite;
using testing::HasErrc;
using ::testing::HasSubstr;
using testing::IsOk;

TEST(DirectorySuite, FileSystemPasses) {
  std::optional<TempDirectory> temp;
  EXPECT_THAT(directory_suite([&] { return FsDirectory::open(temp.emplace().path()); }), IsOk());
}

TEST(DirectorySuite, MemoryPasses) {
  EXPECT_THAT(directory_suite([] { return MemoryDirectory::create(); }), IsOk());
}

TEST(DirectorySuite, FailureToMakeADirectoryIsHandedOn) {
  const auto fails = []() -> Result<std::shared_ptr<Directory>> {
    return Error{.code = Errc::no_memory};
  };
  EXPECT_THAT(directory_suite(fails), HasErrc(Errc::no_memory));
}

TEST(DirectorySuite, DirectoryThatIsNotEmptyIsRejected) {
  auto dir = MemoryDirectory::create();
  EXPECT_THAT(directory_suite([&] { return dir; }), HasErrc(Errc::not_supported));
}

using testing::PassingFile;

/// The broken ones below override what they break.
class PassingDirectory : public testing::PassingDirectory {
 public:
  PassingDirectory() : testing::PassingDirectory(MemoryDirectory::create()) {}
};

template <class Broken>
Status suite_over() {
  return directory_suite([] { return std::make_shared<Broken>(); });
}

/// The error names the check that must find it.
void expect_rejected(const Status& status, const char* check) {
  ASSERT_THAT(status, HasErrc(Errc::not_supported));
  EXPECT_THAT(status.error().message, HasSubstr(check));
  EXPECT_THAT(status.error().message, HasSubstr("found"));
  EXPECT_THAT(status.error().message, HasSubstr("expected"));
}

TEST(DirectorySuite, WrapperThatBreaksNothingPasses) {
  EXPECT_THAT(suite_over<PassingDirectory>(), IsOk());
}

template <class BrokenFile>
class DirectoryOf final : public PassingDirectory {
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    auto file = PassingDirectory::open(name, mode);
    if (!file) return file;
    return std::make_unique<BrokenFile>(std::move(*file));
  }
};

class ShortReads final : public PassingFile {
 public:
  using PassingFile::PassingFile;
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    return PassingFile::read_at(offset, into.first(std::min<std::size_t>(into.size(), 7)));
  }
};

TEST(DirectorySuite, ShortReadsAreRejected) {
  expect_rejected(suite_over<DirectoryOf<ShortReads>>(), "reads_are_short_only_at_the_end");
}

class LosesLaterParts final : public PassingFile {
 public:
  using PassingFile::PassingFile;
  Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override {
    return PassingFile::write_at(offset, parts.first(std::min<std::size_t>(parts.size(), 1024)));
  }
};

TEST(DirectorySuite, WritesThatStopAtSomePartAreRejected) {
  expect_rejected(suite_over<DirectoryOf<LosesLaterParts>>(),
                  "many_and_large_parts_are_written_whole");
}

class ZerosOverData final : public PassingFile {
 public:
  using PassingFile::PassingFile;
  Status fill_zeros(std::uint64_t to) override {
    const Bytes zeros(to);
    const BytesView part{zeros};
    return write_at(0, {&part, 1});
  }
};

TEST(DirectorySuite, ZerosWrittenOverDataAreRejected) {
  expect_rejected(suite_over<DirectoryOf<ZerosOverData>>(), "fill_zeros_only_grows");
}

class SyncsAnything final : public PassingFile {
 public:
  using PassingFile::PassingFile;
  Status sync() override { return {}; }
};

TEST(DirectorySuite, SyncOfARemovedFileIsRejected) {
  expect_rejected(suite_over<DirectoryOf<SyncsAnything>>(),
                  "sync_tells_of_a_file_removed_by_others");
}

class KeepsTheOld final : public PassingDirectory {
  Status rename(Rename names) override {
    Directory& into = names.into == nullptr ? *this : *names.into;
    if (!into.open(names.to, OpenMode::read)) return PassingDirectory::rename(names);
    return remove(names.from);
  }
};

TEST(DirectorySuite, RenameThatKeepsTheOldFileIsRejected) {
  expect_rejected(suite_over<KeepsTheOld>(), "rename_replaces");
}

class LocksForEverybody final : public PassingDirectory {
  struct NoLock final : DirectoryLock {
    Status check() override { return {}; }
  };
  Result<std::unique_ptr<DirectoryLock>> lock() override { return std::make_unique<NoLock>(); }
};

TEST(DirectorySuite, LockForEverybodyIsRejected) {
  expect_rejected(suite_over<LocksForEverybody>(), "lock_has_one_owner");
}

class ListsUnsorted final : public PassingDirectory {
  Result<std::vector<std::string>> list() override {
    auto names = PassingDirectory::list();
    if (names) std::reverse(names->begin(), names->end());
    return names;
  }
};

TEST(DirectorySuite, UnsortedListIsRejected) {
  expect_rejected(suite_over<ListsUnsorted>(), "list:");
}

}  // namespace
}  // namespace walkit
