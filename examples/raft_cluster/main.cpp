// A replicated store of keys and values, of three servers. By hand, in three terminals and a
// fourth:
//
//   raft_cluster serve 1 one 127.0.0.1:9001 127.0.0.1:9002 127.0.0.1:9003
//   raft_cluster serve 2 two 127.0.0.1:9001 127.0.0.1:9002 127.0.0.1:9003
//   raft_cluster serve 3 three 127.0.0.1:9001 127.0.0.1:9002 127.0.0.1:9003
//   raft_cluster ask 127.0.0.1:9001 127.0.0.1:9002 127.0.0.1:9003 put color blue
//   raft_cluster ask 127.0.0.1:9001 127.0.0.1:9002 127.0.0.1:9003 get color
//
// And by itself: `raft_cluster trial KILLS [SEED]`.

#include <charconv>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "client.hpp"
#include "server.hpp"
#include "trial.hpp"

namespace {

std::optional<std::uint64_t> to_number(const std::string& word) {
  std::uint64_t number = 0;
  const char* end = word.data() + word.size();
  const auto read = std::from_chars(word.data(), end, number);
  if (word.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

Lie to_lie(const std::string& word) {
  if (word == "early") return Lie::early;
  return word == "forget" ? Lie::forget : Lie::none;
}

int ask(const std::vector<std::string>& words) {
  std::vector<std::string> addresses;
  std::string question;
  for (const std::string& word : words) {
    if (question.empty() && word.find(':') != std::string::npos) {
      addresses.push_back(word);
    } else {
      question += (question.empty() ? "" : " ") + word;
    }
  }
  const auto answer = Client(addresses).ask_leader(question);
  const bool done = answer.outcome == Outcome::done;
  std::cout << (done ? "ok " : "") << answer.text << "\n";
  return done ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::size_t count = words.size();
  const auto number = count >= 2 ? to_number(words[1]) : std::nullopt;
  if (count >= 6 && words[0] == "serve" && number && *number >= 1 && *number <= 3) {
    return serve({.id = static_cast<unsigned>(*number),
                  .folder = words[2],
                  .addresses = {words.begin() + 3, words.begin() + 6},
                  .lie = to_lie(words.back())});
  }
  if (count >= 5 && words[0] == "ask") return ask({words.begin() + 1, words.end()});
  const auto seed = count >= 3 ? to_number(words[2]) : 1;
  if (count >= 2 && words[0] == "trial" && number && seed) {
    return try_cluster(
        {.kills = static_cast<unsigned>(*number), .seed = *seed, .lie = to_lie(words.back())});
  }
  std::cerr << "raft_cluster serve 1|2|3 FOLDER ADDRESS ADDRESS ADDRESS\n"
               "raft_cluster ask ADDRESS ADDRESS ADDRESS put KEY VALUE | get KEY\n"
               "raft_cluster trial KILLS [SEED]\n";
  return 2;
}
