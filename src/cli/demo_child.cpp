#include "cli/demo_child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace walkit::demo {
namespace {

Error failed(std::string message) {
  return {.code = Errc::io, .message = std::move(message), .os_error = errno};
}

// Between fork and exec: only what a signal handler may do.
[[noreturn]] void become(char* const* arguments, pid_t parent, int pipe) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::fcntl(pipe, F_SETFD, 0);
  ::execv("/proc/self/exe", arguments);
  ::_exit(1);
}

}  // namespace

Result<Child> Child::start(JournalPlan plan) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failed("cannot make a pipe");
  std::array<std::string, 7> words{"walkit-demo",
                                   "--journal",
                                   std::move(plan.folder),
                                   std::move(plan.file),
                                   std::to_string(ends[1]),
                                   std::to_string(plan.seed),
                                   std::to_string(plan.milliseconds)};
  std::array<char*, 8> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  if (process == 0) become(arguments.data(), parent, ends[1]);
  ::close(ends[1]);
  if (process > 0) return Child(process, ends[0]);
  ::close(ends[0]);
  return failed("cannot start a process");
}

Child::Child(Child&& other) noexcept
    : process_(std::exchange(other.process_, -1)),
      pipe_(std::exchange(other.pipe_, -1)),
      ended_(other.ended_) {}

Child::~Child() {
  if (process_ > 0) {
    kill();
    wait().ignore("it was killed, and its parent is on the way out");
  }
  if (pipe_ >= 0) ::close(pipe_);
}

Result<std::optional<Message>> Child::next(std::chrono::milliseconds timeout) {
  pollfd pipe{.fd = pipe_, .events = POLLIN, .revents = 0};
  if (::poll(&pipe, 1, static_cast<int>(timeout.count())) <= 0) return std::nullopt;
  Message message;
  const ssize_t got = ::read(pipe_, &message, sizeof message);
  if (got == sizeof message) return message;
  if (got < 0 && errno == EINTR) return std::nullopt;
  if (got != 0) return failed("a broken message from the journaling process");
  ended_ = true;
  return std::nullopt;
}

void Child::kill() { ::kill(process_, SIGKILL); }

Status Child::wait() {
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  const bool ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (killed || ended_well) return {};
  return Error{.code = Errc::io, .message = "the journaling process failed"};
}

}  // namespace walkit::demo
