#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace walkit {

/// Of different ports on loopback that nobody listens at.
inline std::vector<std::string> free_addresses(unsigned count) {
  std::vector<int> sockets;
  std::vector<std::string> addresses;
  for (unsigned n = 0; n < count; ++n) {
    sockets.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof name;
    auto* plain = reinterpret_cast<sockaddr*>(&name);
    if (::bind(sockets.back(), plain, bytes) != 0 ||
        ::getsockname(sockets.back(), plain, &bytes) != 0) {
      throw std::runtime_error("no free port");
    }
    addresses.push_back("127.0.0.1:" + std::to_string(ntohs(name.sin_port)));
  }
  for (const int socket : sockets) ::close(socket);
  return addresses;
}

}  // namespace walkit
