#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <atomic>
#include <thread>

#include "child_process.hpp"
#include "fake_kernel.hpp"
#include "temp_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using testing::HasErrc;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::IsOkAndHolds;

TEST(FsLock, OtherDirectoryOfTheProcessIsLocked) {
  const TempDirectory temp;
  auto lock = temp.open()->lock().value();
  auto other = temp.open();
  EXPECT_THAT(other->is_locked(), IsOkAndHolds(true));
  EXPECT_THAT(other->lock(), HasErrc(Errc::locked));
  lock.reset();
  EXPECT_THAT(other->is_locked(), IsOkAndHolds(false));
  EXPECT_THAT(other->lock(), IsOk());
}

TEST(FsLock, OtherProcessIsLocked) {
  const TempDirectory temp;
  auto lock = temp.open()->lock().value();
  expect_in_child([&] {
    auto dir = temp.open();
    EXPECT_THAT(dir->is_locked(), IsOkAndHolds(true));
    EXPECT_THAT(dir->lock(), HasErrc(Errc::locked));
  });
  EXPECT_THAT(lock->check(), IsOk());
}

TEST(FsLock, ReadOnlyHandleSeesTheOwner) {
  const TempDirectory temp;
  auto lock = temp.open()->lock().value();
  EXPECT_THAT(temp.open({.access = FsAccess::read_only})->is_locked(), IsOkAndHolds(true));
}

TEST(FsLock, OutlivesItsDirectoryHandle) {
  const TempDirectory temp;
  auto dir = temp.open();
  auto lock = dir->lock().value();
  dir.reset();
  EXPECT_THAT(lock->check(), IsOk());
  EXPECT_THAT(temp.open()->lock(), HasErrc(Errc::locked));
}

TEST(FsLock, KilledOwnerIsSucceeded) {
  const TempDirectory temp;
  Channel report;
  Channel never;
  Child owner([&] {
    auto lock = temp.open()->lock().value();
    report.say("locked");
    never.stop_talking();
    EXPECT_EQ(never.wait(), "the end");
  });
  ASSERT_EQ(report.wait(), "locked");
  auto dir = temp.open();
  EXPECT_THAT(dir->lock(), HasErrc(Errc::locked));
  owner.kill_and_wait();
  EXPECT_THAT(dir->is_locked(), IsOkAndHolds(false));
  EXPECT_THAT(dir->lock(), IsOk());
}

TEST(FsLock, ForkedChildIsNoOwner) {
  const TempDirectory temp;
  auto lock = temp.open()->lock().value();
  expect_in_child([&] {
    EXPECT_THAT(lock->check(), HasErrc(Errc::closed));
    EXPECT_THAT(temp.open()->lock(), HasErrc(Errc::locked));
    lock.reset();
  });
  EXPECT_THAT(lock->check(), IsOk());
  EXPECT_THAT(temp.open()->is_locked(), IsOkAndHolds(true));
}

int open_lock_files() {
  int count = 0;
  for (const auto& link : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    count += std::filesystem::read_symlink(link.path(), gone).filename() == "LOCK" ? 1 : 0;
  }
  return count;
}

TEST(FsLock, ForkedChildGivesUpEveryLock) {
  const TempDirectory temp;
  auto dir = temp.open();
  std::vector<std::unique_ptr<DirectoryLock>> locks;
  for (const char* name : {"a", "b", "c"}) {
    locks.push_back(dir->subdirectory(name, OpenMode::create).value()->lock().value());
  }
  locks.erase(locks.begin() + 1);
  EXPECT_EQ(open_lock_files(), 2);
  expect_in_child([&] {
    for (auto& lock : locks) EXPECT_THAT(lock->check(), HasErrc(Errc::closed));
    EXPECT_EQ(open_lock_files(), 0);
    EXPECT_THAT(dir->subdirectory("b", OpenMode::read).value()->lock(), IsOk());
  });
  for (auto& lock : locks) EXPECT_THAT(lock->check(), IsOk());
}

TEST(FsLock, ParentsEndFreesItWhileTheForkedChildLives) {
  const TempDirectory temp;
  Channel report;
  Channel gate;
  Child parent([&] {
    auto lock = temp.open()->lock().value();
    if (::fork() == 0) {
      gate.stop_talking();
      report.say(std::string{to_string(lock->check().error().code)});
      const std::string go = gate.wait();
      report.say("alive until " + go);
      ::_exit(0);
    }
    ::_exit(0);  // runs no destructor: the kernel alone frees the lock
  });
  EXPECT_EQ(report.wait(), "closed");
  EXPECT_TRUE(parent.succeeded());
  EXPECT_THAT(temp.open()->lock(), IsOk());
  gate.say("now");
  EXPECT_EQ(report.wait(), "alive until now");
}

TEST(FsLock, ChildMayLockWhenTheParentIsDone) {
  const TempDirectory temp;
  auto lock = temp.open()->lock().value();
  Channel gate;
  Child child([&] {
    EXPECT_EQ(gate.wait(), "done");
    EXPECT_THAT(temp.open()->lock(), IsOk());
  });
  lock.reset();
  gate.say("done");
  EXPECT_TRUE(child.succeeded());
}

TEST(FsLock, ForksMeanwhileDoNotKeepAReleasedLock) {
  const TempDirectory temp;
  std::atomic<bool> done = false;
  std::atomic<int> rounds = 0;
  std::thread locking([&] {
    auto dir = temp.open();
    for (; !done; ++rounds) EXPECT_THAT(dir->lock(), IsOk()) << "a child kept its copy";
  });
  Channel gate;
  std::vector<pid_t> children;
  for (int i = 0; i < 50; ++i) {
    for (const int before = rounds; rounds == before;) std::this_thread::yield();
    const pid_t child = ::fork();
    if (child == 0) {
      gate.stop_talking();
      ::_exit(gate.wait().empty() ? 0 : 1);
    }
    children.push_back(child);
  }
  done = true;
  locking.join();
  gate.stop_talking();
  for (const pid_t child : children) EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST(FsLock, RemovedLockFileIsTold) {
  const TempDirectory temp;
  auto lock = temp.open()->lock().value();
  std::filesystem::remove(temp / "LOCK");
  const Status status = lock->check();
  ASSERT_THAT(status, HasErrc(Errc::io));
  EXPECT_EQ(status.error().file, "LOCK");
  EXPECT_THAT(status.error().message, HasSubstr("removed"));
}

TEST(FsLock, LockFileRenamedAwayIsTold) {
  const TempDirectory temp;
  auto lock = temp.open()->lock().value();
  std::filesystem::rename(temp / "LOCK", temp / "away");
  EXPECT_THAT(lock->check(), HasErrc(Errc::io));
  std::filesystem::rename(temp / "away", temp / "LOCK");
  EXPECT_THAT(lock->check(), IsOk());
}

TEST(FsLock, ReplacedLockFileIsTold) {
  const TempDirectory temp;
  auto lock = temp.open()->lock().value();
  temp.put("other", "");
  std::filesystem::rename(temp / "other", temp / "LOCK");
  const Status status = lock->check();
  ASSERT_THAT(status, HasErrc(Errc::io));
  EXPECT_THAT(status.error().message, HasSubstr("replaced"));
}

TEST(FsLock, CallerWhoExcludesOthersTakesNoKernelLock) {
  const TempDirectory temp;
  auto dir = temp.open({.locking = FsLocking::caller_excludes_others});
  auto lock = dir->lock().value();
  EXPECT_THAT(lock->check(), IsOk());
  EXPECT_THAT(dir->is_locked(), IsOkAndHolds(false));
  EXPECT_THAT(temp.open()->is_locked(), IsOkAndHolds(false));
  expect_in_child([&] { EXPECT_THAT(lock->check(), HasErrc(Errc::closed)); });
  std::filesystem::remove(temp / "LOCK");
  EXPECT_THAT(lock->check(), HasErrc(Errc::io));
}

TEST(FsLock, FileSystemThatCannotLockIsNotSupported) {
  for (const int os_error : {ENOLCK, EOPNOTSUPP, EINVAL}) {
    const TempDirectory temp;
    expect_in_child([&] {
      break_calls({SYS_fcntl}, os_error);
      auto lock = temp.open()->lock();
      ASSERT_THAT(lock, HasErrc(Errc::not_supported));
      EXPECT_EQ(lock.error().os_error, os_error);
      EXPECT_THAT(lock.error().next_step, HasSubstr("caller_excludes_others"));
      EXPECT_THAT(temp.open()->is_locked(), HasErrc(Errc::not_supported));
      EXPECT_THAT(temp.open({.locking = FsLocking::caller_excludes_others})->lock(), IsOk());
    });
  }
}

}  // namespace
}  // namespace walkit
