#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What became of a question that needs the leader.
enum class Outcome {
  done,
  unknown,  // the connection broke, or the leader lost its office: done, or not
};

/// Asks the servers of a cluster, one question at a time. One thread.
class Client {
 public:
  /// The servers' Raft addresses, in the order of their numbers.
  explicit Client(std::vector<std::string> addresses) : addresses_(std::move(addresses)) {}
  ~Client() { hang_up(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  struct Answer {
    Outcome outcome = Outcome::unknown;
    std::string text{};   // behind the "ok"; of unknown, all that was said
    unsigned server = 0;  // who gave it
  };
  /// Goes from server to server until one of them is the leader and takes the question, or give_up
  /// says true, which is asked between two of them: unknown. Who sends an unknown put again may
  /// overwrite what others wrote meanwhile.
  Answer ask_leader(
      const std::string& question, const std::function<bool()>& give_up = [] { return false; });
  /// One try with one server, with what stands behind its "ok".
  std::optional<std::string> ask(unsigned server, const std::string& question);

 private:
  bool connect(unsigned server);
  std::optional<std::string> exchange(const std::string& question);
  void hang_up();

  std::vector<std::string> addresses_;
  unsigned server_ = 1;  // with whom it is connected, if it is
  int socket_ = -1;
};
