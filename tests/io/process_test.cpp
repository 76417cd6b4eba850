#include "io/process.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "io/child_process.hpp"

namespace walkit {
namespace {

TEST(Process, IsNotItsOwnAncestor) {
  const Process one, two;
  EXPECT_FALSE(one.is_ancestor());
  EXPECT_FALSE(two.is_ancestor());
  std::thread([&] {
    EXPECT_FALSE(one.is_ancestor());
    EXPECT_FALSE(Process().is_ancestor());
  }).join();
}

TEST(Process, IsAncestorOfAllThatComeFromIt) {
  const Process first;
  expect_in_child([&] {
    expect_in_child([&] { EXPECT_TRUE(first.is_ancestor()) << "its child made none"; });
    EXPECT_TRUE(first.is_ancestor());
    const Process child;
    EXPECT_FALSE(child.is_ancestor());
    EXPECT_TRUE(first.is_ancestor());
    expect_in_child([&] {
      EXPECT_TRUE(first.is_ancestor());
      EXPECT_TRUE(child.is_ancestor());
      EXPECT_FALSE(Process().is_ancestor());
      EXPECT_TRUE(child.is_ancestor());
    });
  });
  EXPECT_FALSE(first.is_ancestor());
}

// No handler of a fork is called there.
TEST(Process, IsAncestorWhereTheLibraryDoesNotSeeTheFork) {
  const Process parent;
  const long child = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(parent.is_ancestor() ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(static_cast<pid_t>(child), &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace walkit
