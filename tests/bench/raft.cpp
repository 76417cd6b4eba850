// C-Raft on its own storage and on walkit's, the network of both over TCP on loopback and in one
// loop; raft.py makes tables of it.
//
//   walkit_raft commit STORAGE FOLDER SERVERS BYTES IN_FLIGHT SECONDS   commits, as JSON
//   walkit_raft fill STORAGE FOLDER BYTES ENTRIES   a log of one server that is not closed
//   walkit_raft load STORAGE FOLDER                 seconds until that server has its log again
//
// STORAGE is uv, libraft's own, or walkit.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

extern "C" {
#include <raft.h>
#include <raft/uv.h>
}

#include "free_addresses.hpp"
#include "walkit/app/raft_io.hpp"
#include "walkit/io/fs_directory.hpp"

namespace walkit::bench {
namespace {

using Clock = std::chrono::steady_clock;

void check(bool fine, const char* what) {
  if (fine) return;
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

void check(int failed, const char* what) { check(failed == 0, what); }

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// A server whose state machine counts.
struct Server {
  raft_uv_transport transport{};
  raft_io uv{};
  std::unique_ptr<raft::RaftIo> walkit{};
  raft_fsm fsm{};
  ::raft raft{};
  std::uint64_t applied = 0;

  Server(uv_loop_t& loop, const std::string& storage, const std::string& folder) {
    std::filesystem::create_directories(folder + "/uv");
    check(raft_uv_tcp_init(&transport, &loop), "raft_uv_tcp_init");
    check(raft_uv_init(&uv, &loop, (folder + "/uv").c_str(), &transport), "raft_uv_init");
    if (storage == "walkit") {
      auto directory = FsDirectory::open(folder + "/walkit");
      check(directory.has_value(), "no folder");
      auto io = raft::RaftIo::open(uv, loop, *directory);
      check(io.has_value(), "walkit's log does not open");
      walkit = std::move(*io);
    }
    fsm.version = 1;
    fsm.data = &applied;
    fsm.apply = [](raft_fsm* f, const raft_buffer*, void** result) {
      ++*static_cast<std::uint64_t*>(f->data);
      *result = nullptr;
      return 0;
    };
  }

  void start(unsigned number, const std::vector<std::string>& voters, bool bootstrap) {
    raft_io* io = walkit ? &walkit->io() : &uv;
    check(raft_init(&raft, io, &fsm, number, voters[number - 1].c_str()), "raft_init");
    raft_set_snapshot_threshold(&raft, 1u << 30);
    if (bootstrap) {
      raft_configuration servers;
      raft_configuration_init(&servers);
      for (std::size_t n = 0; n < voters.size(); ++n) {
        check(raft_configuration_add(&servers, n + 1, voters[n].c_str(), RAFT_VOTER), "no memory");
      }
      check(raft_bootstrap(&raft, &servers), "raft_bootstrap");
      raft_configuration_close(&servers);
    }
    check(raft_start(&raft), raft_errmsg(&raft));
  }
};

/// So many commands under way at the leader of a group.
class Load {
 public:
  Load(uv_loop_t& loop, ::raft& leader, std::size_t bytes) : loop_(loop), leader_(leader) {
    command_.assign(bytes, 'x');
  }

  /// Until `done` of those that are answered; then all are.
  template <class Done>
  void run(unsigned in_flight, Done done) {
    std::vector<Request> requests(in_flight);
    for (Request& request : requests) submit(request);
    while (!done(answered_)) uv_run(&loop_, UV_RUN_ONCE);
    stopping_ = true;
    while (under_way_ > 0) uv_run(&loop_, UV_RUN_ONCE);
  }
  std::vector<double>& microseconds() { return microseconds_; }

 private:
  struct Request {
    struct raft_apply request {};
    Load* load = nullptr;
    Clock::time_point begin{};
  };

  void submit(Request& request) {
    request.request = {};
    request.request.data = &request;
    request.load = this;
    request.begin = Clock::now();
    raft_buffer buffer{raft_malloc(command_.size()), command_.size()};
    std::memcpy(buffer.base, command_.data(), command_.size());
    ++under_way_;
    check(raft_apply(&leader_, &request.request, &buffer, 1,
                     [](struct raft_apply* r, int status, void*) {
                       check(status, "a command was not committed");
                       auto& answered = *static_cast<Request*>(r->data);
                       answered.load->answer(answered);
                     }),
          "raft_apply");
  }

  void answer(Request& request) {
    --under_way_;
    ++answered_;
    microseconds_.push_back(1e6 * seconds_since(request.begin));
    if (!stopping_) submit(request);
  }

  uv_loop_t& loop_;
  ::raft& leader_;
  std::string command_;
  std::uint64_t answered_ = 0;
  unsigned under_way_ = 0;
  bool stopping_ = false;
  std::vector<double> microseconds_{};
};

struct Group {
  uv_loop_t loop{};
  std::vector<std::unique_ptr<Server>> servers{};

  Group(const std::string& storage, const std::string& folder, unsigned count) {
    check(uv_loop_init(&loop), "uv_loop_init");
    const std::vector<std::string> voters = free_addresses(count);
    for (unsigned n = 0; n < count; ++n) {
      servers.push_back(
          std::make_unique<Server>(loop, storage, folder + "/" + std::to_string(n + 1)));
      servers.back()->start(n + 1, voters, true);
    }
  }

  ::raft& leader() {
    for (;;) {
      for (auto& server : servers) {
        if (raft_state(&server->raft) == RAFT_LEADER) return server->raft;
      }
      uv_run(&loop, UV_RUN_ONCE);
    }
  }
};

int commit(const std::string& storage, const std::string& folder, char** numbers) {
  const auto servers = static_cast<unsigned>(std::atoi(numbers[0]));
  Group group(storage, folder, servers);
  Load load(group.loop, group.leader(), std::strtoull(numbers[1], nullptr, 10));
  const auto in_flight = static_cast<unsigned>(std::atoi(numbers[2]));
  const double seconds = std::atof(numbers[3]);
  const auto begin = Clock::now();
  load.run(in_flight, [&](std::uint64_t) { return seconds_since(begin) >= seconds; });
  const double took = seconds_since(begin);
  std::vector<double>& each = load.microseconds();
  // Every server applies what was committed; a leader that says so alone would not count.
  for (auto& server : group.servers) {
    while (server->applied < each.size()) uv_run(&group.loop, UV_RUN_ONCE);
  }
  std::sort(each.begin(), each.end());
  std::printf("{\"rate\": %.1f, \"p50\": %.1f, \"p99\": %.1f, \"commits\": %zu}\n",
              static_cast<double>(each.size()) / took, each[each.size() / 2],
              each[each.size() * 99 / 100], each.size());
  std::fflush(stdout);
  ::_exit(0);  // as a crash leaves them
}

int fill(const std::string& storage, const std::string& folder, char** numbers) {
  Group group(storage, folder, 1);
  Load load(group.loop, group.leader(), std::strtoull(numbers[0], nullptr, 10));
  const std::uint64_t entries = std::strtoull(numbers[1], nullptr, 10);
  load.run(256, [&](std::uint64_t answered) { return answered >= entries; });
  std::printf("{\"entries\": %zu}\n", load.microseconds().size());
  std::fflush(stdout);
  ::_exit(0);  // as a crash leaves it
}

int load(const std::string& storage, const std::string& folder) {
  uv_loop_t loop{};
  check(uv_loop_init(&loop), "uv_loop_init");
  const auto begin = Clock::now();
  Server server(loop, storage, folder + "/1");
  server.start(1, free_addresses(1), false);
  const double took = seconds_since(begin);
  std::printf("{\"seconds\": %.6f, \"entries\": %llu}\n", took, raft_last_index(&server.raft));
  std::fflush(stdout);
  ::_exit(0);
}

}  // namespace
}  // namespace walkit::bench

int main(int count, char** arguments) {
  using namespace walkit::bench;
  const std::string what = count > 3 ? arguments[1] : "";
  const std::string storage = count > 3 ? arguments[2] : "", folder = count > 3 ? arguments[3] : "";
  if (what == "commit" && count == 8) return commit(storage, folder, arguments + 4);
  if (what == "fill" && count == 6) return fill(storage, folder, arguments + 4);
  if (what == "load" && count == 4) return load(storage, folder);
  std::fprintf(stderr, "see the head of raft.cpp\n");
  return 2;
}
