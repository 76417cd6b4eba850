#include "cli/decoder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

extern char** environ;

namespace walkit::cli {
namespace {

constexpr std::size_t kUnsentBytesMax = 256 << 10;
constexpr std::size_t kLineBytesMax = 64 << 20;

Error failed(std::string message, int os_error = 0) {
  return {.code = Errc::io,
          .message = "the decoder " + std::move(message),
          .os_error = os_error,
          .next_step =
              "run its command by hand on the lines of `walkit cat --json`: it has to "
              "print one line for each"};
}

void close_both(const std::array<int, 2>& pipe) {
  for (const int end : pipe) {
    if (end >= 0) ::close(end);
  }
}

// 0, or what failed. Signals that this process ignores are the command's again.
int spawn(const std::string& command, int input, int output, pid_t& process) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  sigaddset(&signals, SIGXFSZ);
  ::posix_spawnattr_setsigdefault(&attributes, &signals);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::array<std::string, 3> words{"sh", "-c", command};
  std::array<char*, 4> arguments{words[0].data(), words[1].data(), words[2].data(), nullptr};
  const int error =
      ::posix_spawn(&process, "/bin/sh", &files, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  return error;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

}  // namespace

Result<Decoder> Decoder::start(const std::string& command) {
  std::array<int, 2> in{-1, -1}, out{-1, -1};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) {
    const int os_error = errno;
    close_both(in);
    return failed("cannot be started", os_error);
  }
  pid_t process = -1;
  const int error = spawn(command, in[0], out[1], process);
  ::close(in[0]);
  ::close(out[1]);
  if (error != 0) {
    ::close(in[1]);
    ::close(out[0]);
    return failed("cannot be started", error);
  }
  ::fcntl(in[1], F_SETFL, O_NONBLOCK);
  ::fcntl(out[0], F_SETFL, O_NONBLOCK);
  return Decoder(process, in[1], out[0]);
}

Decoder::Decoder(Decoder&& other) noexcept
    : process_(std::exchange(other.process_, -1)),
      input_(std::exchange(other.input_, -1)),
      output_(std::exchange(other.output_, -1)),
      unsent_(std::move(other.unsent_)),
      line_(std::move(other.line_)),
      given_(other.given_),
      answered_(other.answered_) {}

Decoder::~Decoder() {
  close_input();
  if (output_ >= 0) ::close(output_);
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  wait();
}

void Decoder::close_input() {
  if (input_ >= 0) ::close(std::exchange(input_, -1));
}

int Decoder::wait() {
  int status = 0;
  const pid_t process = std::exchange(process_, -1);
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

Status Decoder::give(std::string_view line, const Answer& answer) {
  unsent_ += line;
  ++given_;
  return unsent_.size() < kUnsentBytesMax ? Status{} : serve(Until::input_is_small, answer);
}

Status Decoder::finish(const Answer& answer) {
  if (Status ok = serve(Until::output_ended, answer); !ok) return ok;
  return ended();
}

// The command closed its output, or its input before all was sent.
Status Decoder::ended() {
  close_input();
  if (!line_.empty()) return failed("stopped in the middle of a line; it " + how_it_ended(wait()));
  const int status = wait();
  if (answered_ < given_) {
    return failed(fmt::format("printed {} lines for {} entries; it {}", answered_, given_,
                              how_it_ended(status)));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return failed(how_it_ended(status));
  return {};
}

// Waits for whichever pipe moves first, so that a command which is waiting to write is read, and
// one which is waiting to read is written to.
Status Decoder::serve(Until until, const Answer& answer) {
  for (;;) {
    const bool all_sent = unsent_.empty() || input_ < 0;
    if (until == Until::input_is_small && unsent_.size() < kUnsentBytesMax / 2) return {};
    if (until == Until::output_ended && output_ < 0) return {};
    if (until == Until::output_ended && all_sent) close_input();
    if (output_ < 0) return ended();
    std::array<pollfd, 2> pipes{{{.fd = output_, .events = POLLIN, .revents = 0},
                                 {.fd = all_sent ? -1 : input_, .events = POLLOUT, .revents = 0}}};
    if (::poll(pipes.data(), pipes.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return failed("cannot be waited for", errno);
    }
    if (pipes[1].revents != 0) {
      if (Status ok = write_some(); !ok) return ok;
    }
    if (pipes[0].revents != 0) {
      if (Status ok = read_some(answer); !ok) return ok;
    }
  }
}

Status Decoder::write_some() {
  const ssize_t done = ::write(input_, unsent_.data(), unsent_.size());
  if (done >= 0) {
    unsent_.erase(0, static_cast<std::size_t>(done));
  } else if (errno == EPIPE) {
    close_input();  // its last answers may still come
    unsent_.clear();
  } else if (errno != EINTR && errno != EAGAIN) {
    return failed("takes no input", errno);
  }
  return {};
}

Status Decoder::read_some(const Answer& answer) {
  std::array<char, 64 << 10> buffer;
  const ssize_t got = ::read(output_, buffer.data(), buffer.size());
  if (got < 0) {
    if (errno == EINTR || errno == EAGAIN) return {};
    return failed("cannot be read", errno);
  }
  if (got == 0) {
    ::close(std::exchange(output_, -1));
    return {};
  }
  std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() > kLineBytesMax) return failed("printed a line without an end");
    if (end == std::string_view::npos) return {};
    bytes.remove_prefix(end + 1);
    if (answered_ == given_) {
      return failed(
          fmt::format("printed more than {} lines, of which it got {}", answered_, given_));
    }
    ++answered_;
    answer(line_);
    line_.clear();
  }
  return {};
}

}  // namespace walkit::cli
