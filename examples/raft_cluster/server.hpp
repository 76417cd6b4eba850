#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// How a server is broken on purpose, so that a trial can be seen to find it.
enum class Lie {
  none,
  early,   // answers a put when it has arrived, and proposes eight of them together
  forget,  // begins with an empty folder, whatever it had promised
};

struct ServerOptions {
  unsigned id = 1;  // 1 is the first of the addresses
  std::filesystem::path folder{};
  std::vector<std::string> addresses{};  // "127.0.0.1:9001" of every server, for Raft
  Lie lie = Lie::none;
};

/// Where clients reach the server whose Raft address that is: the port 100 above.
std::string client_address(const std::string& raft_address);

/// Serves until SIGTERM or SIGINT. Prints what happens to it. The exit code.
int serve(const ServerOptions& options);
