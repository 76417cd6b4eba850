#include "io/process.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "io/child_process.hpp"

namespace walkit {
namespace {

TEST(Process, LifeIsTheSameForAllThreadsAndCalls) {
  const std::uint64_t life = process_life();
  std::vector<std::uint64_t> seen(4);
  std::vector<std::thread> threads;
  for (std::uint64_t& one : seen) threads.emplace_back([&one] { one = process_life(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen, std::vector<std::uint64_t>(4, life));
}

TEST(Process, LifeIsAnotherInEachGeneration) {
  const std::uint64_t life = process_life();
  expect_in_child([&] {
    expect_in_child([&] { EXPECT_NE(process_life(), life) << "of one that was not asked before"; });
    const std::uint64_t child = process_life();
    EXPECT_NE(child, life);
    EXPECT_EQ(process_life(), child);
    expect_in_child([&] {
      EXPECT_NE(process_life(), child);
      EXPECT_NE(process_life(), life);
    });
  });
  EXPECT_EQ(process_life(), life);
}

// No handler of a fork is called there.
TEST(Process, LifeIsAnotherWhereTheLibraryDoesNotSeeTheFork) {
  const std::uint64_t life = process_life();
  const long child = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(process_life() == life ? 1 : 0);
  int status = 0;
  ASSERT_EQ(::waitpid(static_cast<pid_t>(child), &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace walkit
