#include "walkit/io/fs_directory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "child_process.hpp"
#include "temp_directory.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using ::testing::ElementsAre;
using testing::HasErrc;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::IsOkAndHolds;

constexpr OpenMode kAllModes[] = {OpenMode::read, OpenMode::create, OpenMode::write};

TEST(FsDirectoryOpen, MissingLevelsAreMade) {
  const TempDirectory temp;
  auto dir = FsDirectory::open(temp / "a/b/../b/c/");
  ASSERT_THAT(dir, IsOk());
  ASSERT_THAT((*dir)->open("f", OpenMode::create), IsOk());
  EXPECT_TRUE(std::filesystem::is_regular_file(temp / "a/b/c/f"));
  EXPECT_THAT(FsDirectory::open(temp / "a/b/c"), IsOk());
}

TEST(FsDirectoryOpen, RelativePathIsMadeInTheWorkingDirectory) {
  const TempDirectory temp;
  expect_in_child([&] {
    std::filesystem::current_path(temp.path());
    EXPECT_THAT(FsDirectory::open("x/y"), IsOk());
    EXPECT_THAT(FsDirectory::open("."), IsOk());
    EXPECT_TRUE(std::filesystem::is_directory(temp / "x/y"));
  });
}

TEST(FsDirectoryOpen, RootIsOpened) { EXPECT_THAT(FsDirectory::open("/"), IsOk()); }

TEST(FsDirectoryOpen, MustExistAndReadOnlyMakeNothing) {
  const TempDirectory temp;
  for (const FsAccess access : {FsAccess::must_exist, FsAccess::read_only}) {
    EXPECT_THAT(FsDirectory::open(temp / "a", {.access = access}), HasErrc(Errc::not_found));
    EXPECT_THAT(FsDirectory::open(temp.path(), {.access = access}), IsOk());
  }
  EXPECT_TRUE(std::filesystem::is_empty(temp.path()));
}

TEST(FsDirectoryOpen, FileInThePathIsRefused) {
  const TempDirectory temp;
  temp.put("file", "x");
  EXPECT_THAT(FsDirectory::open(temp / "file"), HasErrc(Errc::io));
  EXPECT_THAT(FsDirectory::open(temp / "file/below"), HasErrc(Errc::io));
}

TEST(FsDirectoryOpen, PathsThatNameNothingAreRefused) {
  EXPECT_THAT(FsDirectory::open(""), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(FsDirectory::open(std::string{"/tmp/a\0b", 8}), HasErrc(Errc::invalid_argument));
}

TEST(FsDirectoryOpen, LinkInThePathIsFollowed) {
  const TempDirectory temp;
  std::filesystem::create_directory(temp / "real");
  std::filesystem::create_directory_symlink("real", temp / "link");
  EXPECT_THAT(FsDirectory::open(temp / "link/below"), IsOk());
  EXPECT_TRUE(std::filesystem::is_directory(temp / "real/below"));
}

TEST(FsDirectoryOpen, DanglingLinkInThePathIsRefused) {
  const TempDirectory temp;
  std::filesystem::create_symlink("nowhere", temp / "link");
  EXPECT_THAT(FsDirectory::open(temp / "link/below"), HasErrc(Errc::io));
  EXPECT_FALSE(std::filesystem::exists(temp / "nowhere"));
}

TEST(FsDirectoryReadOnly, EveryChangeIsRefused) {
  const TempDirectory temp;
  temp.put("a", "bytes");
  std::filesystem::create_directory(temp / "below");
  auto dir = temp.open({.access = FsAccess::read_only});
  auto below = dir->subdirectory("below", OpenMode::read).value();
  for (auto& d : {dir, below}) {
    EXPECT_THAT(d->open("b", OpenMode::create), HasErrc(Errc::invalid_argument));
    EXPECT_THAT(d->open("a", OpenMode::write), HasErrc(Errc::invalid_argument));
    EXPECT_THAT(d->subdirectory("c", OpenMode::create), HasErrc(Errc::invalid_argument));
    EXPECT_THAT(d->rename({.from = "a", .to = "b"}), HasErrc(Errc::invalid_argument));
    EXPECT_THAT(d->remove("a"), HasErrc(Errc::invalid_argument));
    EXPECT_THAT(d->lock(), HasErrc(Errc::invalid_argument));
    EXPECT_THAT(d->is_locked(), IsOkAndHolds(false));
  }
  EXPECT_THAT(dir->list(), IsOkAndHolds(ElementsAre("a", "below")));
  EXPECT_THAT(below->list(), IsOkAndHolds(IsEmpty()));
  EXPECT_EQ(read_text(*dir->open("a", OpenMode::read).value()), "bytes");
}

TEST(FsDirectoryReadOnly, DirectoryIsNoTargetOfARename) {
  const TempDirectory temp;
  temp.put("a", "bytes");
  std::filesystem::create_directory(temp / "below");
  auto reading = FsDirectory::open(temp / "below", {.access = FsAccess::read_only}).value();
  EXPECT_THAT(temp.open()->rename({.from = "a", .to = "a", .into = reading.get()}),
              HasErrc(Errc::invalid_argument));
  EXPECT_EQ(temp.get("a"), "bytes");
}

void become_nobody() {
  constexpr uid_t kNobody = 65534;
  if (::geteuid() == 0) {
    ASSERT_EQ(::setresuid(kNobody, kNobody, kNobody), 0);
  }
}

TEST(FsDirectoryReadOnly, DirectoryWithoutWriteRightIsRead) {
  const TempDirectory temp;
  temp.put("a", "bytes");
  temp.put("LOCK", "");
  ASSERT_EQ(::chmod(temp.path().c_str(), 0555), 0);
  auto writer = temp.open();
  expect_in_child([&] {
    become_nobody();
    auto dir = temp.open({.access = FsAccess::read_only});
    EXPECT_EQ(read_text(*dir->open("a", OpenMode::read).value()), "bytes");
    EXPECT_THAT(dir->list(), IsOkAndHolds(ElementsAre("LOCK", "a")));
    EXPECT_THAT(dir->is_locked(), IsOkAndHolds(false));
  });
}

TEST(FsDirectoryRights, MissingRightIsIoWithAWayOn) {
  const TempDirectory temp;
  ASSERT_EQ(::chmod(temp.path().c_str(), 0555), 0);
  expect_in_child([&] {
    become_nobody();
    auto file = temp.open()->open("a", OpenMode::create);
    ASSERT_THAT(file, HasErrc(Errc::io));
    EXPECT_EQ(file.error().os_error, EACCES);
    EXPECT_EQ(file.error().file, "a");
    EXPECT_THAT(file.error().next_step, HasSubstr("right"));
    EXPECT_THAT(FsDirectory::open(temp / "new"), HasErrc(Errc::io));
  });
}

TEST(FsDirectoryRights, ParentThatMayNotBeReadIsNoHindrance) {
  const TempDirectory temp;
  ASSERT_TRUE(std::filesystem::create_directory(temp / "log"));
  ASSERT_EQ(::chmod((temp / "log").c_str(), 0777), 0);
  ASSERT_EQ(::chmod(temp.path().c_str(), 0711), 0);
  expect_in_child([&] {
    become_nobody();
    auto dir = FsDirectory::open(temp / "log");
    ASSERT_THAT(dir, IsOk());
    EXPECT_THAT((*dir)->open("a", OpenMode::create), IsOk());
  });
}

TEST(FsDirectoryKinds, LinkAtAFileNameIsRefused) {
  const TempDirectory temp;
  temp.put("target", "bytes");
  std::filesystem::create_symlink("target", temp / "link");
  auto dir = temp.open();
  for (const OpenMode mode : {OpenMode::read, OpenMode::write}) {
    auto file = dir->open("link", mode);
    ASSERT_THAT(file, HasErrc(Errc::io));
    EXPECT_THAT(file.error().message, HasSubstr("symbolic link"));
  }
  EXPECT_THAT(dir->open("link", OpenMode::create), HasErrc(Errc::already_exists));
}

TEST(FsDirectoryKinds, DanglingLinkMakesNoFile) {
  const TempDirectory temp;
  std::filesystem::create_symlink("nowhere", temp / "link");
  EXPECT_THAT(temp.open()->open("link", OpenMode::create), HasErrc(Errc::already_exists));
  EXPECT_FALSE(std::filesystem::exists(temp / "nowhere"));
}

TEST(FsDirectoryKinds, LinkAtASubdirectoryNameIsRefused) {
  const TempDirectory temp;
  std::filesystem::create_directory(temp / "real");
  std::filesystem::create_directory_symlink("real", temp / "link");
  for (const OpenMode mode : kAllModes) {
    EXPECT_THAT(temp.open()->subdirectory("link", mode), HasErrc(Errc::io));
  }
}

void expect_refused(const TempDirectory& temp, const char* name, const char* kind) {
  for (const OpenMode mode : {OpenMode::read, OpenMode::write}) {
    auto file = temp.open()->open(name, mode);
    ASSERT_THAT(file, HasErrc(Errc::io));
    EXPECT_EQ(file.error().file, name);
    EXPECT_THAT(file.error().message, HasSubstr(kind));
  }
  EXPECT_THAT(temp.open()->open(name, OpenMode::create), HasErrc(Errc::already_exists));
}

TEST(FsDirectoryKinds, FifoIsRefusedWithoutWaiting) {
  const TempDirectory temp;
  ASSERT_EQ(::mkfifo((temp / "fifo").c_str(), 0600), 0);
  expect_refused(temp, "fifo", "a FIFO");
}

TEST(FsDirectoryKinds, DirectoryIsRefused) {
  const TempDirectory temp;
  std::filesystem::create_directory(temp / "below");
  expect_refused(temp, "below", "a directory");
}

TEST(FsDirectoryKinds, DeviceIsRefused) {
  const auto devices = FsDirectory::open("/dev", {.access = FsAccess::read_only}).value();
  const auto file = devices->open("null", OpenMode::read);
  ASSERT_THAT(file, HasErrc(Errc::io));
  EXPECT_THAT(file.error().message, HasSubstr("a device"));
}

TEST(FsDirectoryKinds, FifoAsLockFileIsRefused) {
  const TempDirectory temp;
  ASSERT_EQ(::mkfifo((temp / "LOCK").c_str(), 0600), 0);
  EXPECT_THAT(temp.open()->lock(), HasErrc(Errc::io));
  EXPECT_THAT(temp.open()->is_locked(), HasErrc(Errc::io));
}

TEST(FsDirectoryKinds, HardLinkIsReadButNotWritten) {
  const TempDirectory temp;
  temp.put("a", "bytes");
  std::filesystem::create_hard_link(temp / "a", temp / "b");
  auto dir = temp.open();
  EXPECT_EQ(read_text(*dir->open("a", OpenMode::read).value()), "bytes");
  EXPECT_THAT(dir->open("a", OpenMode::write), HasErrc(Errc::io));
  ASSERT_THAT(dir->remove("b"), IsOk());
  EXPECT_THAT(dir->open("a", OpenMode::write), IsOk());
}

TEST(FsDirectoryKinds, ForeignFilesAreListed) {
  const TempDirectory temp;
  ASSERT_EQ(::mkfifo((temp / "fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("nowhere", temp / "link");
  EXPECT_THAT(temp.open()->list(), IsOkAndHolds(ElementsAre("fifo", "link")));
}

TEST(FsDirectory, RenameIntoADirectoryOfAnotherKindIsRefused) {
  const TempDirectory temp;
  temp.put("a", "bytes");
  auto memory = MemoryDirectory::create();
  EXPECT_THAT(temp.open()->rename({.from = "a", .to = "a", .into = memory.get()}),
              HasErrc(Errc::invalid_argument));
}

TEST(FsDirectory, HandlesSurviveARenameOfTheDirectory) {
  const TempDirectory temp;
  auto dir = FsDirectory::open(temp / "log").value();
  auto lock = dir->lock().value();
  std::filesystem::rename(temp / "log", temp / "moved");
  EXPECT_THAT(lock->check(), IsOk());
  EXPECT_THAT(dir->open("a", OpenMode::create), IsOk());
  EXPECT_TRUE(std::filesystem::exists(temp / "moved/a"));
}

TEST(FsDirectory, DescriptorsAreClosedOnExec) {
  const TempDirectory temp;
  auto dir = temp.open();
  auto file = dir->open("a", OpenMode::create).value();
  auto lock = dir->lock().value();
  int seen = 0;
  for (const auto& link : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(link.path(), gone);
    if (gone || !target.starts_with(temp.path().native())) continue;
    ++seen;
    EXPECT_TRUE(::fcntl(std::stoi(link.path().filename()), F_GETFD) & FD_CLOEXEC) << target;
  }
  EXPECT_EQ(seen, 3);
}

TEST(FsDirectory, ManyThingsOpenAndClosedLeaveNoDescriptor) {
  const TempDirectory temp;
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = count();
  {
    auto dir = temp.open();
    auto below = dir->subdirectory("below", OpenMode::create).value();
    auto file = below->open("a", OpenMode::create).value();
    auto lock = below->lock().value();
    EXPECT_THAT(below->lock(), HasErrc(Errc::locked));
    EXPECT_THAT(below->is_locked(), IsOkAndHolds(true));
    EXPECT_THAT(below->list(), IsOk());
  }
  EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace walkit
