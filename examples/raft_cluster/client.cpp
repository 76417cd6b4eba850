#include "client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "server.hpp"

namespace {

constexpr std::string_view kOk = "ok", kRefused = "not leader, ask ";

// Behind "ok" and a space, if there is more.
std::string rest_of(const std::string& answer) {
  return answer.size() > kOk.size() ? answer.substr(kOk.size() + 1) : "";
}

}  // namespace

bool Client::connect(unsigned server) {
  if (socket_ >= 0 && server == server_) return true;
  hang_up();
  server_ = server;
  const std::string address = client_address(addresses_[server - 1]);
  const auto colon = address.find(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return true;
  hang_up();
  return false;
}

void Client::hang_up() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

// It waits as long as the server lives. One that gave up might send its next write past this one,
// and find the older of the two in force at the end.
std::optional<std::string> Client::exchange(const std::string& question) {
  const std::string line = question + "\n";
  std::string answer;
  if (::send(socket_, line.data(), line.size(), MSG_NOSIGNAL) ==
      static_cast<ssize_t>(line.size())) {
    char bytes[4096];
    for (ssize_t count = 1; count > 0;) {
      count = ::recv(socket_, bytes, sizeof bytes, 0);
      if (count > 0) answer.append(bytes, static_cast<std::size_t>(count));
      if (!answer.empty() && answer.back() == '\n') {
        answer.pop_back();
        return answer;
      }
    }
  }
  hang_up();
  return std::nullopt;
}

Client::Answer Client::ask_leader(const std::string& question,
                                  const std::function<bool()>& give_up) {
  unsigned server = server_;
  while (!give_up()) {
    unsigned leader = 0;
    if (connect(server)) {
      const auto answer = exchange(question);
      if (!answer) return {.text = "the connection broke"};
      if (answer->starts_with(kOk)) return {Outcome::done, rest_of(*answer), server};
      if (!answer->starts_with(kRefused)) return {.text = *answer};
      leader = static_cast<unsigned>(std::atoi(answer->c_str() + kRefused.size()));
    }
    if (leader > 0 && leader <= addresses_.size() && connect(leader)) {
      server = leader;
    } else {
      server = server % static_cast<unsigned>(addresses_.size()) + 1;
      // Not to wear out those who are electing a leader.
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  return {.text = "no leader was found"};
}

std::optional<std::string> Client::ask(unsigned server, const std::string& question) {
  if (!connect(server)) return std::nullopt;
  const auto answer = exchange(question);
  if (!answer || !answer->starts_with(kOk)) return std::nullopt;
  return rest_of(*answer);
}
