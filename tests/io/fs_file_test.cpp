#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

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

/// In a child: puts a file system of 64 KiB over `path`, seen by this process only.
void mount_small_disk(const std::filesystem::path& path) {
  ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << "this test mounts a small disk and needs root for it";
  ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(::mount("none", path.c_str(), "tmpfs", 0, "size=64k"), 0) << "cannot mount a tmpfs";
}

TEST(FsFileDiskFull, WriteIsNoSpaceAndWorksAgainAfterRoomWasMade) {
  const TempDirectory temp;
  expect_in_child([&] {
    ASSERT_NO_FATAL_FAILURE(mount_small_disk(temp.path()));
    auto dir = temp.open();
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
  const TempDirectory temp;
  expect_in_child([&] {
    ASSERT_NO_FATAL_FAILURE(mount_small_disk(temp.path()));
    auto dir = temp.open();
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
