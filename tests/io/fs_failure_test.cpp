#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <memory>
#include <set>

#include "child_process.hpp"
#include "fake_kernel.hpp"
#include "temp_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using ::testing::ElementsAre;
using testing::HasErrc;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::IsOkAndHolds;

std::atomic<int> g_signals = 0;

/// While it lives the process is interrupted all the time, and no call is restarted by the kernel.
class SignalStorm {
 public:
  SignalStorm() {
    struct sigaction action {};
    action.sa_handler = [](int) { ++g_signals; };
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval often{.it_interval = {0, 100}, .it_value = {0, 100}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
  }
  ~SignalStorm() {
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
  }
};

TEST(FsFileInterrupted, StormOfSignalsChangesNothing) {
  const TempDirectory temp;
  expect_in_child([&] {
    std::string text;
    for (int i = 0; i < 1'000'000; ++i) text += static_cast<char>('a' + i % 23);
    const SignalStorm storm;
    for (int round = 0; round < 10 || g_signals < 100; ++round) {
      auto dir = temp.open();
      auto lock = dir->lock().value();
      auto file = dir->open("a", OpenMode::create).value();
      ASSERT_THAT(write_text(*file, 0, text), IsOk());
      ASSERT_THAT(file->sync(), IsOk());
      ASSERT_TRUE(read_text(*file) == text);
      ASSERT_THAT(dir->remove("a"), IsOk());
      ASSERT_THAT(dir->sync(), IsOk());
    }
  });
}

/// Each call fails at first and is let through when it comes again.
CallJudge::Judge interrupt_every_other(std::shared_ptr<std::atomic<int>> count) {
  return [count, failed = std::set<int>{}](const seccomp_data& call) mutable {
    std::optional<long> verdict;
    if (failed.erase(call.nr) != 0) return verdict;
    failed.insert(call.nr);
    ++*count;
    verdict = -EINTR;
    return verdict;
  };
}

TEST(FsFailure, EveryCallIsRepeatedAfterAnInterrupt) {
  const TempDirectory temp;
  expect_in_child([&] {
    auto count = std::make_shared<std::atomic<int>>(0);
    const CallJudge judge({SYS_openat, SYS_mkdirat, SYS_fcntl, SYS_pread64, SYS_pwritev,
                           SYS_ftruncate, SYS_fdatasync, SYS_fsync, SYS_renameat, SYS_unlinkat},
                          interrupt_every_other(count));
    auto dir = FsDirectory::open(temp / "x/y").value();
    auto lock = dir->lock().value();
    auto file = dir->open("a", OpenMode::create).value();
    EXPECT_THAT(write_text(*file, 0, "bytes"), IsOk());
    EXPECT_THAT(file->truncate(4), IsOk());
    EXPECT_THAT(file->sync(), IsOk());
    EXPECT_EQ(read_text(*file), "byte");
    EXPECT_THAT(dir->rename({.from = "a", .to = "b"}), IsOk());
    EXPECT_THAT(dir->remove("b"), IsOk());
    EXPECT_THAT(dir->sync(), IsOk());
    EXPECT_THAT(dir->is_locked(), IsOkAndHolds(true));
    EXPECT_GT(*count, 10);
  });
}

/// pread and pwritev move three bytes at most.
std::optional<long> three_bytes(const seccomp_data& call) {
  constexpr std::size_t kMost = 3;
  const int fd = static_cast<int>(call.args[0]);
  const auto offset = static_cast<off_t>(call.args[3]);
  if (call.nr == SYS_pread64) {
    const auto room = std::min<std::size_t>(call.args[2], kMost);
    return ::pread(fd, reinterpret_cast<void*>(call.args[1]), room, offset);
  }
  const iovec part = *reinterpret_cast<const iovec*>(call.args[1]);
  return ::pwrite(fd, part.iov_base, std::min(part.iov_len, kMost), offset);
}

TEST(FsFailure, ShortReadsAndWritesAreCompleted) {
  const TempDirectory temp;
  expect_in_child([&] {
    auto file = temp.open()->open("a", OpenMode::create).value();
    const CallJudge judge({SYS_pread64, SYS_pwritev}, three_bytes);
    const std::array<BytesView, 3> parts = {as_bytes("0123456789"), as_bytes("abc"),
                                            as_bytes("ABCDEFG")};
    ASSERT_THAT(file->write_at(0, parts), IsOk());
    EXPECT_EQ(read_text(*file), "0123456789abcABCDEFG");
    EXPECT_EQ(temp.get("a"), "0123456789abcABCDEFG");
  });
}

TEST(FsFailure, NothingIsClosedTwice) {
  const TempDirectory temp;
  expect_in_child([&] {
    auto closed = std::make_shared<std::atomic<int>>(0);
    const CallJudge judge({SYS_close}, [closed](const seccomp_data& call) -> std::optional<long> {
      ++*closed;
      EXPECT_NE(::fcntl(static_cast<int>(call.args[0]), F_GETFD), -1) << "not open";
      return std::nullopt;
    });
    auto dir = temp.open();
    EXPECT_THAT(dir->list(), IsOk());
    EXPECT_THAT(dir->lock(), IsOk());
    EXPECT_THAT(dir->open("a", OpenMode::create), IsOk());
    dir.reset();
    EXPECT_GT(*closed, 3);
  });
}

TEST(FsFailure, FailedReadIsNotTheEndOfTheFile) {
  const TempDirectory temp;
  temp.put("a", "bytes");
  expect_in_child([&] {
    auto file = temp.open()->open("a", OpenMode::read).value();
    ASSERT_NO_FATAL_FAILURE(break_calls({SYS_pread64}, EIO));
    Bytes into(5);
    EXPECT_THAT(file->read_at(0, into), HasErrc(Errc::io));
  });
}

struct Meaning {
  int os_error;
  Errc code;
};

class FsFailureMeaning : public ::testing::TestWithParam<Meaning> {};

TEST_P(FsFailureMeaning, WriteAnswersByTheReason) {
  const TempDirectory temp;
  const auto [os_error, code] = GetParam();
  expect_in_child([&, os_error = os_error, code = code] {
    auto file = temp.open()->open("a", OpenMode::create).value();
    ASSERT_NO_FATAL_FAILURE(break_calls({SYS_pwritev}, os_error));
    const Status status = write_text(*file, 7, "bytes");
    ASSERT_THAT(status, HasErrc(code));
    EXPECT_EQ(status.error().os_error, os_error);
    EXPECT_EQ(status.error().file, "a");
    EXPECT_EQ(status.error().offset, 7U);
    EXPECT_NE(status.error().next_step, "");
  });
}

INSTANTIATE_TEST_SUITE_P(Reasons, FsFailureMeaning,
                         ::testing::Values(Meaning{ENOSPC, Errc::no_space},
                                           Meaning{EDQUOT, Errc::no_space},
                                           Meaning{EFBIG, Errc::no_space},
                                           Meaning{ENOMEM, Errc::no_memory}, Meaning{EIO, Errc::io},
                                           Meaning{EROFS, Errc::io}, Meaning{EAGAIN, Errc::io}));

TEST(FsFailure, WriteThatTakesNothingIsIoAndEnds) {
  const TempDirectory temp;
  expect_in_child([&] {
    auto file = temp.open()->open("a", OpenMode::create).value();
    ASSERT_NO_FATAL_FAILURE(break_calls({SYS_pwritev}, 0));  // answers 0
    EXPECT_THAT(write_text(*file, 0, "bytes"), HasErrc(Errc::io));
  });
}

TEST(FsFailure, FailedSyncsAreTold) {
  const TempDirectory temp;
  expect_in_child([&] {
    auto dir = temp.open();
    auto file = dir->open("a", OpenMode::create).value();
    ASSERT_NO_FATAL_FAILURE(break_calls({SYS_fsync, SYS_fdatasync}, EIO));
    EXPECT_THAT(file->sync(), HasErrc(Errc::io));
    EXPECT_THAT(dir->sync(), HasErrc(Errc::io));
    EXPECT_THAT(dir->subdirectory("below", OpenMode::create), HasErrc(Errc::io));
    EXPECT_THAT(FsDirectory::open(temp / "new"), HasErrc(Errc::io));
    EXPECT_THAT(FsDirectory::open(temp.path()), HasErrc(Errc::io));
  });
}

TEST(FsFailure, ReadOnlyOpenSyncsNothing) {
  const TempDirectory temp;
  expect_in_child([&] {
    ASSERT_NO_FATAL_FAILURE(break_calls({SYS_fsync, SYS_fdatasync, SYS_mkdirat}, EIO));
    auto dir = FsDirectory::open(temp.path(), {.access = FsAccess::read_only});
    ASSERT_THAT(dir, IsOk());
    EXPECT_THAT((*dir)->list(), IsOkAndHolds(IsEmpty()));
  });
}

TEST(FsFailure, FailedListIsNoEmptyList) {
  const TempDirectory temp;
  temp.put("a", "");
  expect_in_child([&] {
    auto dir = temp.open();
    EXPECT_THAT(dir->list(), IsOkAndHolds(ElementsAre("a")));
    ASSERT_NO_FATAL_FAILURE(break_calls({SYS_getdents64}, EIO));
    EXPECT_THAT(dir->list(), HasErrc(Errc::io));
  });
}

TEST(FsFailure, TooManyOpenFilesIsIoAndChangesNothing) {
  const TempDirectory temp;
  expect_in_child([&] {
    auto dir = temp.open();
    ASSERT_NO_FATAL_FAILURE(break_calls({SYS_openat}, EMFILE));
    EXPECT_THAT(dir->open("a", OpenMode::create), HasErrc(Errc::io));
    EXPECT_THAT(dir->lock(), HasErrc(Errc::io));
    EXPECT_THAT(dir->list(), HasErrc(Errc::io));
  });
  EXPECT_TRUE(std::filesystem::is_empty(temp.path()));
}

}  // namespace
}  // namespace walkit
