#include "trial.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "client.hpp"
#include "processes.hpp"

namespace {

using Clock = std::chrono::steady_clock;
constexpr unsigned kServers = 3, kWriters = 6, kKeysEach = 7;
constexpr auto kPatience = std::chrono::seconds(60);  // then something hangs

/// What is wrong with the cluster: thrown, and said at the end.
struct Violation {
  std::string text;
};

/// Of one key, whose values are numbers that only grow.
struct Key {
  std::string name{};
  std::uint64_t sent = 0, acknowledged = 0;

  /// A write that was not answered may be done or not, so more than one value can be right.
  [[nodiscard]] bool may_be(const std::string& value) const {
    const std::uint64_t found = value.empty() ? 0 : std::stoull(value);
    return acknowledged <= found && found <= sent;
  }
  [[nodiscard]] std::string wrong(const std::string& value) const {
    return name + " is " + (value.empty() ? "not there" : value) + "; " +
           std::to_string(acknowledged) + " was acknowledged and " + std::to_string(sent) +
           " was sent last";
  }
};

/// Clients that write, each to keys of its own, one write at a time, and read some of it back.
class Load {
 public:
  explicit Load(const std::vector<std::string>& addresses) : addresses_(addresses) {
    for (unsigned writer = 0; writer < kWriters; ++writer) {
      for (unsigned key = 0; key < kKeysEach; ++key) {
        keys_[writer][key].name = "w" + std::to_string(writer) + "k" + std::to_string(key);
      }
      threads_.emplace_back([this, writer](std::stop_token stop) { write(stop, keys_[writer]); });
    }
  }

  /// Returns once so many more are acknowledged.
  void wait_for(std::uint64_t more) {
    std::unique_lock lock(mutex_);
    const std::uint64_t wanted = acknowledged_ + more;
    const bool came = changed_.wait_for(
        lock, kPatience, [&] { return acknowledged_ >= wanted || !misread_.empty(); });
    if (!misread_.empty()) throw Violation{misread_};
    if (!came) throw Violation{"no write is acknowledged any more"};
  }
  /// Who acknowledged the last one.
  unsigned leader() {
    const std::lock_guard lock(mutex_);
    return leader_;
  }
  void stop() {
    for (auto& thread : threads_) thread.request_stop();
    for (auto& thread : threads_) thread.join();
    if (!misread_.empty()) throw Violation{misread_};
  }

  // Once it has stopped.
  [[nodiscard]] const auto& keys() const { return keys_; }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }

 private:
  void write(const std::stop_token& stop, std::array<Key, kKeysEach>& keys) {
    Client client(addresses_);
    const auto stopped = [&] { return stop.stop_requested(); };
    for (std::uint64_t n = 1; !stopped(); ++n) {
      Key& key = keys[n % kKeysEach];
      key.sent = n;
      const auto put = client.ask_leader("put " + key.name + " " + std::to_string(n), stopped);
      if (put.outcome == Outcome::done) {
        key.acknowledged = n;
        const std::lock_guard lock(mutex_);
        ++acknowledged_;
        leader_ = put.server;
      }
      if (n % 10 == 0) {
        const auto got = client.ask_leader("get " + key.name, stopped);
        const std::lock_guard lock(mutex_);
        if (got.outcome == Outcome::done && !key.may_be(got.text)) {
          misread_ = "read from server " + std::to_string(got.server) + ": " + key.wrong(got.text);
        }
      }
      changed_.notify_one();
    }
  }

  const std::vector<std::string>& addresses_;
  std::array<std::array<Key, kKeysEach>, kWriters> keys_{};
  std::mutex mutex_{};
  std::condition_variable changed_{};
  std::uint64_t acknowledged_ = 0;
  unsigned leader_ = 0;
  std::string misread_{};
  std::vector<std::jthread> threads_{};  // last: they use the rest
};

class Trial {
 public:
  explicit Trial(const TrialOptions& options) : options_(options), random_(options.seed) {}

  void run() {
    std::cout << "seed " << options_.seed << ", servers at " << addresses_.front() << " and behind"
              << std::endl;
    for (unsigned server = 1; server <= kServers; ++server) start(server);
    load_ = std::make_unique<Load>(addresses_);
    wait_for(1);
    for (unsigned kill = 1; kill <= options_.kills; ++kill) kill_leader(kill);
    load_->stop();
    agree();
    nothing_is_lost();
    for (auto& server : servers_) {
      if (!server->close()) throw Violation{"a server did not close when it was told to"};
    }
  }
  /// What it came to, for people.
  [[nodiscard]] std::string summary() const {
    std::uint64_t elections = 0, installs = 0;
    for (unsigned server = 1; server <= kServers; ++server) {
      std::ifstream said(said_by(server));
      for (std::string line; std::getline(said, line);) {
        elections += line.find("leader of term") != std::string::npos;
        installs += line.find("installed a snapshot") != std::string::npos;
      }
    }
    std::ostringstream text;
    text << options_.kills << " kills of the leader, " << restarts_ << " restarts, " << elections
         << " elections, " << installs << " snapshots installed, " << load_->acknowledged()
         << " writes acknowledged in "
         << std::chrono::duration<double>(Clock::now() - began_).count() << " s";
    return text.str();
  }

 private:
  static std::string said_by(unsigned server) {
    return "server-" + std::to_string(server) + ".txt";
  }

  void start(unsigned server) {
    std::vector<std::string> words{"serve", std::to_string(server),
                                   "server-" + std::to_string(server)};
    words.insert(words.end(), addresses_.begin(), addresses_.end());
    if (options_.lie != Lie::none) {
      words.emplace_back(options_.lie == Lie::early ? "early" : "forget");
    }
    servers_[server - 1] = std::make_unique<Process>(words, said_by(server));
  }

  void wait_for(std::uint64_t writes) try { load_->wait_for(writes); } catch (const Violation&) {
    all_run();  // or that is the reason
    throw;
  }

  // With it go others sometimes, even all of them. At what moment follows from the seed as far as
  // the number of writes says it.
  void kill_leader(unsigned number) {
    wait_for(1 + random_() % 200);  // one at least, so that it is known who leads now
    const unsigned leader = load_->leader();
    std::vector<unsigned> down{leader};
    for (unsigned server = 1; server <= kServers; ++server) {
      const bool too = random_() % 4 == 0;
      if (server != leader && too) down.push_back(server);
    }
    std::cout << "kill " << number << ": server";
    for (const unsigned server : down) {
      servers_[server - 1]->kill();
      std::cout << " " << server;
    }
    // The others go on without it, so that it has something to catch up with: one entry, or more
    // than they keep, which takes a snapshot. Two of three that are down keep the third waiting.
    const std::uint64_t meanwhile = random_() % 300;
    if (down.size() == 1) wait_for(meanwhile);
    std::cout << ", back after " << (down.size() == 1 ? meanwhile : 0) << " writes" << std::endl;
    for (const unsigned server : down) start(server);
    restarts_ += down.size();
    all_run();
  }

  void all_run() {
    for (unsigned server = 1; server <= kServers; ++server) {
      if (servers_[server - 1]->has_ended()) {
        throw Violation{"server " + std::to_string(server) + " ended by itself: see " +
                        said_by(server)};
      }
    }
  }

  // A last write, which is behind all that anybody was told of: who has applied it has applied
  // them.
  void agree() {
    Client client(addresses_);
    const auto give_up = [&, until = Clock::now() + kPatience] {
      all_run();
      if (Clock::now() > until) throw Violation{"the replicas do not become equal"};
      return false;
    };
    while (client.ask_leader("put end reached", give_up).outcome != Outcome::done) {
    }
    for (bool equal = false; !equal; give_up()) {
      std::vector<std::string> applied, digests;
      for (unsigned server = 1; server <= kServers; ++server) {
        if (client.ask(server, "peek end") != "reached") continue;
        std::istringstream digest(client.ask(server, "digest").value_or(""));
        digest >> applied.emplace_back() >> digests.emplace_back();
      }
      const auto all_are = [](const std::vector<std::string>& what, const std::string& first) {
        return std::count(what.begin(), what.end(), first) == kServers;
      };
      equal = !applied.empty() && all_are(applied, applied[0]);
      if (equal && !all_are(digests, digests[0])) {
        throw Violation{"replicas that applied entries through " + applied[0] + " differ"};
      }
    }
  }

  void nothing_is_lost() {
    Client client(addresses_);
    for (unsigned server = 1; server <= kServers; ++server) {
      for (const auto& keys : load_->keys()) {
        for (const Key& key : keys) {
          const auto value = client.ask(server, "peek " + key.name);
          if (value && key.may_be(*value)) continue;
          throw Violation{"server " + std::to_string(server) + ": " +
                          (value ? key.wrong(*value) : "does not answer")};
        }
      }
    }
  }

  const TrialOptions& options_;
  std::mt19937_64 random_;
  const Clock::time_point began_ = Clock::now();
  std::uint64_t restarts_ = 0;
  const std::vector<std::string> addresses_ = free_addresses(kServers);
  // The servers go first, so that no writer waits for an answer for ever.
  std::unique_ptr<Load> load_{};
  std::array<std::unique_ptr<Process>, kServers> servers_{};
};

}  // namespace

int try_cluster(const TrialOptions& options) {
  std::string violation;
  try {
    Trial trial(options);
    trial.run();
    std::cout << trial.summary() << "; nothing was lost\n";
  } catch (const Violation& found) {
    violation = found.text;
    std::cout << "\nVIOLATION: " << violation << "\n";
  }
  if (options.lie == Lie::none) return violation.empty() ? 0 : 1;
  std::cout << (violation.empty() ? "the lie was not found out\n" : "the lie was found out\n");
  return violation.empty() ? 1 : 0;
}
