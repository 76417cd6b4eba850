#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

/// This program once more, as another process. Killed when it is destroyed, or its parent dies.
class Process {
 public:
  /// What it prints goes to the end of the file.
  Process(const std::vector<std::string>& words, const std::string& output);
  ~Process() { kill(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// SIGKILL, and it is gone on return.
  void kill();
  /// SIGTERM. False: it did not end by itself with exit code 0.
  bool close();
  /// By itself, since it was begun or last asked.
  [[nodiscard]] bool has_ended();

 private:
  pid_t pid_ = -1;
};

/// So many addresses that no server of a trial uses that runs at the same time. The port 100 above
/// each is free too.
std::vector<std::string> free_addresses(unsigned count);
