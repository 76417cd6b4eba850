#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <string>
#include <utility>

namespace walkit {

/// Orders processes without sleeping: wait() returns the line that somebody said, or "" once all
/// other ends are closed.
class Channel {
 public:
  Channel() {
    if (::pipe2(ends_, O_CLOEXEC) != 0) ADD_FAILURE() << "no pipe";
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    close_end(0);
    close_end(1);
  }

  void say(const std::string& word) {
    const std::string line = word + "\n";
    if (::write(ends_[1], line.data(), line.size()) < 0) ADD_FAILURE() << "nobody listens";
  }
  [[nodiscard]] std::string wait() {
    std::string line;
    for (char c = 0; ::read(ends_[0], &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  /// This process will say nothing more.
  void stop_talking() { close_end(1); }

 private:
  void close_end(int i) {
    if (ends_[i] >= 0) ::close(std::exchange(ends_[i], -1));
  }

  int ends_[2] = {-1, -1};
};

/// A fork that runs `body` and exits, with 0 if no expectation failed there.
class Child {
 public:
  explicit Child(const std::function<void()>& body) {
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) ADD_FAILURE() << "cannot fork";
    if (pid_ != 0) return;
    body();
    std::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) kill_and_wait();
  }

  /// Waits for its end; whether all went well there.
  [[nodiscard]] bool succeeded() {
    int status = 0;
    const pid_t ended = ::waitpid(std::exchange(pid_, -1), &status, 0);
    return ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  void kill_and_wait() {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
};

/// Runs what changes the whole process (limits, mounts, user) where it harms no other test.
inline void expect_in_child(const std::function<void()>& body) {
  EXPECT_TRUE(Child(body).succeeded()) << "see the child's failures above";
}

}  // namespace walkit
