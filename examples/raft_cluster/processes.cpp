#include "processes.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "server.hpp"

Process::Process(const std::vector<std::string>& words, const std::string& output) {
  // All of it before the fork: the child of a process with threads may only make system calls.
  std::vector<std::string> copies{"raft_cluster"};
  copies.insert(copies.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (auto& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const pid_t parent = ::getpid();

  pid_ = ::fork();
  if (pid_ < 0 || out < 0) {
    std::perror("cannot start a process");
    std::abort();
  }
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);  // it died before that
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execv("/proc/self/exe", arguments.data());
    ::_exit(127);
  }
  ::close(out);
}

void Process::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

bool Process::close() {
  int status = -1;
  ::kill(pid_, SIGTERM);
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool Process::has_ended() {
  if (pid_ < 0 || ::waitpid(pid_, nullptr, WNOHANG) != pid_) return false;
  pid_ = -1;
  return true;
}

namespace {

bool is_free(const in_addr& host, unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr = host;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int reuse = 1;  // what libuv does too: connections that ended do not count
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  const bool bound =
      ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::listen(socket, 1) == 0;
  ::close(socket);
  return bound;
}

}  // namespace

// On Linux all of 127/8 is this machine. Each trial takes an address in it that follows from its
// process id, and so meets no other trial; the ports lie below those that the system gives to
// connections, so that nobody takes one while its server is down.
std::vector<std::string> free_addresses(unsigned count) {
  const auto pid = static_cast<std::uint32_t>(::getpid());
  in_addr host{};
  host.s_addr = htonl(0x7f010000u + pid % 0xfd0000u);
  char name[INET_ADDRSTRLEN];
  ::inet_ntop(AF_INET, &host, name, sizeof name);
  for (unsigned first = 21001; first < 32000; first += 200) {
    std::vector<std::string> addresses;
    for (unsigned port = first; port < first + count; ++port) {
      if (!is_free(host, port) || !is_free(host, port + 100)) break;
      addresses.push_back(std::string(name) + ":" + std::to_string(port));
    }
    if (addresses.size() == count) return addresses;
  }
  std::fputs("no ports are free\n", stderr);
  std::exit(2);
}
