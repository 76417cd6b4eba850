#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

#include "child_process.hpp"
#include "temp_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using testing::HasErrc;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::IsOkAndHolds;
using ::testing::Lt;

/// In a child: a file system of 64 KiB that stands in no folder, so that nobody else sees it and a
/// chroot will do. Who is not root makes it in a user namespace.
std::shared_ptr<Directory> open_small_disk() {
  constexpr int kSetString = 1, kCreate = 6;  // of <linux/mount.h>, at odds with <sys/mount.h>
  if (::geteuid() != 0) {
    const std::string user = "0 " + std::to_string(::geteuid()) + " 1";
    const std::string group = "0 " + std::to_string(::getegid()) + " 1";
    EXPECT_EQ(::unshare(CLONE_NEWUSER | CLONE_NEWNS), 0) << "no user namespaces here: be root";
    std::ofstream("/proc/self/uid_map") << user;
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/gid_map") << group;
  }
  const auto kind = static_cast<int>(::syscall(SYS_fsopen, "tmpfs", 0));
  EXPECT_GE(kind, 0) << "a small disk for this test: " << std::strerror(errno);
  EXPECT_EQ(::syscall(SYS_fsconfig, kind, kSetString, "size", "64k", 0), 0);
  EXPECT_EQ(::syscall(SYS_fsconfig, kind, kCreate, nullptr, nullptr, 0), 0);
  const auto disk = static_cast<int>(::syscall(SYS_fsmount, kind, 0, 0));
  EXPECT_GE(disk, 0) << std::strerror(errno);
  return FsDirectory::open("/proc/self/fd/" + std::to_string(disk)).value();
}

TEST(FsFileDiskFull, WriteIsNoSpaceAndWorksAgainAfterRoomWasMade) {
  expect_in_child([] {
    const auto dir = open_small_disk();
    auto big = dir->open("big", OpenMode::create).value();
    ASSERT_THAT(big->fill_zeros(40'960), IsOk());
    auto file = dir->open("a", OpenMode::create).value();
    const std::string text(32'768, 'x');
    const Status full = write_text(*file, 0, text);
    ASSERT_THAT(full, HasErrc(Errc::no_space));
    EXPECT_EQ(full.error().os_error, ENOSPC);
    EXPECT_EQ(full.error().file, "a");
    ASSERT_THAT(big->truncate(0), IsOk());
    EXPECT_THAT(write_text(*file, 0, text), IsOk());
    EXPECT_THAT(file->sync(), IsOk());
    EXPECT_EQ(read_text(*file), text);
  });
}

TEST(FsFileDiskFull, FillZerosIsNoSpaceAndGoesOnAfterRoomWasMade) {
  expect_in_child([] {
    const auto dir = open_small_disk();
    ASSERT_THAT(dir->open("big", OpenMode::create).value()->fill_zeros(40'960), IsOk());
    auto file = dir->open("a", OpenMode::create).value();
    ASSERT_THAT(write_text(*file, 0, "bytes"), IsOk());
    ASSERT_THAT(file->fill_zeros(40'960), HasErrc(Errc::no_space));
    ASSERT_THAT(dir->remove("big"), IsOk());
    EXPECT_THAT(file->fill_zeros(40'960), IsOk());
    EXPECT_EQ(read_text(*file), "bytes" + std::string(40'955, '\0'));
  });
}

TEST(FsFileLimit, WriteBeyondTheSizeLimitIsNoSpace) {
  const TempDirectory temp;
  expect_in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 10'000, .rlim_max = RLIM_INFINITY};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    auto file = temp.open()->open("a", OpenMode::create).value();
    const Status status = write_text(*file, 0, std::string(20'000, 'x'));
    ASSERT_THAT(status, HasErrc(Errc::no_space));
    EXPECT_EQ(status.error().os_error, EFBIG);
    EXPECT_EQ(status.error().offset, 10'000U) << "a short write is gone on with";
    EXPECT_THAT(status.error().next_step, HasSubstr("ulimit"));
    EXPECT_THAT(file->fill_zeros(20'000), HasErrc(Errc::no_space));
    EXPECT_THAT(file->truncate(20'000), HasErrc(Errc::no_space));
    EXPECT_THAT(write_text(*file, 9'000, std::string(1'000, 'y')), IsOk());
  });
}

TEST(FsFileSync, FileUnlinkedByOthersIsIo) {
  const TempDirectory temp;
  auto file = temp.open()->open("a", OpenMode::create).value();
  ASSERT_THAT(write_text(*file, 0, "bytes"), IsOk());
  ASSERT_THAT(file->sync(), IsOk());
  std::filesystem::remove(temp / "a");
  const Status status = file->sync();
  ASSERT_THAT(status, HasErrc(Errc::io));
  EXPECT_EQ(status.error().file, "a");
  EXPECT_THAT(status.error().message, HasSubstr("removed"));
}

TEST(FsFileSync, FileCutByOthersIsIo) {
  const TempDirectory temp;
  auto file = temp.open()->open("a", OpenMode::create).value();
  ASSERT_THAT(write_text(*file, 0, "bytes"), IsOk());
  std::filesystem::resize_file(temp / "a", 4);
  const Status status = file->sync();
  ASSERT_THAT(status, HasErrc(Errc::io));
  EXPECT_THAT(status.error().message, HasSubstr("found 4 bytes, expected at least 5"));
}

TEST(FsFileSync, FileCutByItsOwnerIsFine) {
  const TempDirectory temp;
  auto file = temp.open()->open("a", OpenMode::create).value();
  ASSERT_THAT(write_text(*file, 0, "bytes"), IsOk());
  ASSERT_THAT(file->truncate(2), IsOk());
  EXPECT_THAT(file->sync(), IsOk());
}

TEST(FsFileSync, PrefilledFileCutByOthersIsIo) {
  const TempDirectory temp;
  auto file = temp.open()->open("a", OpenMode::create).value();
  ASSERT_THAT(file->fill_zeros(10'000), IsOk());
  std::filesystem::resize_file(temp / "a", 9'999);
  EXPECT_THAT(file->sync(), HasErrc(Errc::io));
}

TEST(FsFileFillZeros, BlocksAreWrittenNotOnlyReserved) {
  const TempDirectory temp;
  auto file = temp.open()->open("a", OpenMode::create).value();
  ASSERT_THAT(file->fill_zeros(3'000'001), IsOk());
  ASSERT_THAT(file->sync(), IsOk());
  struct stat found {};
  ASSERT_EQ(::stat((temp / "a").c_str(), &found), 0);
  EXPECT_EQ(found.st_size, 3'000'001);
  EXPECT_GE(found.st_blocks * 512, found.st_size);
}

TEST(FsFileMap, ShowsAllOfTheFileForAsLongAsItIsOpen) {
  const TempDirectory temp;
  const std::string text = std::string(5000, 'a') + std::string(5000, 'b');
  temp.put("a", text);
  temp.put("empty", "");
  const auto dir = temp.open();
  const auto file = dir->open("a", OpenMode::read).value();
  const BytesView seen = file->map().value();
  EXPECT_EQ(as_text(seen), text);
  EXPECT_EQ(file->map().value().data(), seen.data()) << "once is enough";
  ASSERT_THAT(dir->remove("a"), IsOk());
  EXPECT_EQ(as_text(seen), text);
  EXPECT_TRUE(dir->open("empty", OpenMode::read).value()->map().value().empty());
}

TEST(FsFileMap, MoreThanAProcessMayHaveIsAnError) {
  const TempDirectory temp;
  temp.put("a", "x");
  std::filesystem::resize_file(temp / "a", std::uintmax_t{4} << 40);  // of a hole
  std::vector<std::unique_ptr<File>> files;
  for (int n = 0; n < 64; ++n) {  // 256 TiB
    files.push_back(temp.open()->open("a", OpenMode::read).value());
    const auto bytes = files.back()->map();
    if (bytes) continue;
    EXPECT_THAT(bytes, HasErrc(Errc::no_memory));
    return;
  }
  ADD_FAILURE() << "no process has so many addresses";
}

TEST(FsFileRange, OffsetsBeyondAnyFileAreRefused) {
  const TempDirectory temp;
  auto file = temp.open()->open("a", OpenMode::create).value();
  EXPECT_THAT(write_text(*file, UINT64_MAX, "x"), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(write_text(*file, INT64_MAX, "x"), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(file->truncate(UINT64_MAX), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(file->fill_zeros(UINT64_MAX), HasErrc(Errc::invalid_argument));
  Bytes into(10);
  EXPECT_THAT(file->read_at(INT64_MAX, into), IsOkAndHolds(Lt(1U)));
  EXPECT_THAT(file->size(), IsOkAndHolds(0U));
}

}  // namespace
}  // namespace walkit
