#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

extern "C" {
#include <raft.h>
#include <raft/uv.h>
}

#include "free_addresses.hpp"
#include "walkit/app/raft_io.hpp"
#include "walkit/io/fs_directory.hpp"
#include "walkit/testing/matchers.hpp"

// Servers of C-Raft in one loop, over TCP on loopback.

namespace walkit::raft {

/// Adds up 8-byte numbers, and keeps how many there were.
struct Sum {
  std::uint64_t total = 0, count = 0;
};

inline raft_fsm fsm_of(Sum& sum) {
  raft_fsm fsm{};
  fsm.version = 1;
  fsm.data = &sum;
  fsm.apply = [](raft_fsm* f, const raft_buffer* buf, void** result) {
    auto& s = *static_cast<Sum*>(f->data);
    std::uint64_t number = 0;
    std::memcpy(&number, buf->base, sizeof number);
    s.total += number;
    ++s.count;
    *result = nullptr;
    return 0;
  };
  fsm.snapshot = [](raft_fsm* f, raft_buffer** bufs, unsigned* n) {
    *n = 1;
    *bufs = static_cast<raft_buffer*>(raft_malloc(sizeof(raft_buffer)));
    (*bufs)[0].len = sizeof(Sum);
    (*bufs)[0].base = raft_malloc(sizeof(Sum));
    std::memcpy((*bufs)[0].base, f->data, sizeof(Sum));
    return 0;
  };
  fsm.restore = [](raft_fsm* f, raft_buffer* buf) {
    if (buf->len != sizeof(Sum)) return RAFT_MALFORMED;
    std::memcpy(f->data, buf->base, sizeof(Sum));
    raft_free(buf->base);
    return 0;
  };
  return fsm;
}

struct Server {
  raft_uv_transport transport{};
  raft_io network{};
  std::unique_ptr<RaftIo> io{};
  Sum sum{};
  raft_fsm fsm{};
  ::raft raft{};
  bool closed = false;
};

class RaftCluster : public ::testing::Test {
 protected:
  static constexpr unsigned kServers = 4;  // at most

  void SetUp() override { ASSERT_EQ(uv_loop_init(&loop), 0); }
  void TearDown() override {
    ASSERT_EQ(uv_loop_close(&loop), 0);
    std::filesystem::remove_all(root);
  }

  std::string folder(unsigned n) const { return root + "/" + std::to_string(n); }

  std::unique_ptr<Server> make_server(unsigned n, std::shared_ptr<Directory> directory) {
    auto server = std::make_unique<Server>();
    const std::string network = folder(n) + "/network";
    std::filesystem::create_directories(network);
    EXPECT_EQ(raft_uv_tcp_init(&server->transport, &loop), 0);
    EXPECT_EQ(raft_uv_init(&server->network, &loop, network.c_str(), &server->transport), 0);
    server->io = RaftIo::open(server->network, loop, std::move(directory),
                              {.wal = {.segment_bytes = 1u << 20}, .trailing_entries = 8})
                     .value();
    server->fsm = fsm_of(server->sum);
    return server;
  }

  // bootstrap: with so many voters, unless 0.
  void start(Server& server, unsigned n, unsigned bootstrap) {
    ASSERT_EQ(raft_init(&server.raft, &server.io->io(), &server.fsm, n + 1, addresses[n].c_str()),
              0);
    raft_set_snapshot_threshold(&server.raft, 64);
    raft_set_snapshot_trailing(&server.raft, 8);
    raft_set_election_timeout(&server.raft, 1000);
    raft_set_heartbeat_timeout(&server.raft, 50);
    server.raft.data = &server;
    if (bootstrap > 0) {
      raft_configuration configuration;
      raft_configuration_init(&configuration);
      for (unsigned k = 0; k < bootstrap; ++k) {
        ASSERT_EQ(raft_configuration_add(&configuration, k + 1, addresses[k].c_str(), RAFT_VOTER),
                  0);
      }
      ASSERT_EQ(raft_bootstrap(&server.raft, &configuration), 0);
      raft_configuration_close(&configuration);
    }
    ASSERT_EQ(raft_start(&server.raft), 0) << raft_errmsg(&server.raft);
  }

  void open(bool bootstrap) {
    for (unsigned n = 0; n < 3; ++n) {
      servers[n] = make_server(n, FsDirectory::open(folder(n) + "/log").value());
      start(*servers[n], n, bootstrap ? 3 : 0);
    }
  }

  template <class Done>
  void run_until(Done done) {
    while (!done()) uv_run(&loop, UV_RUN_ONCE);
  }

  Server* leader() {
    for (auto& server : servers) {
      if (server && raft_state(&server->raft) == RAFT_LEADER) return server.get();
    }
    return nullptr;
  }

  // Applied on the leader when it returns.
  void apply(std::uint64_t first, std::uint64_t last) {
    run_until([&] { return leader() != nullptr; });
    std::uint64_t answered = 0, wanted = 0;
    struct Request {
      struct raft_apply request {};
      std::uint64_t* answered = nullptr;
    };
    std::vector<std::unique_ptr<Request>> requests;
    for (std::uint64_t number = first; number <= last; ++number) {
      auto request = std::make_unique<Request>();
      request->answered = &answered;
      request->request.data = request.get();
      raft_buffer buffer{raft_malloc(sizeof number), sizeof number};
      std::memcpy(buffer.base, &number, sizeof number);
      const int failed = raft_apply(&leader()->raft, &request->request, &buffer, 1,
                                    [](struct raft_apply* r, int status, void*) {
                                      EXPECT_EQ(status, 0);
                                      ++*static_cast<Request*>(r->data)->answered;
                                    });
      ASSERT_EQ(failed, 0);
      ++wanted;
      requests.push_back(std::move(request));
    }
    run_until([&] { return answered == wanted; });
  }

  // Done when it returns. how: (raft, request, callback) -> what raft says.
  template <class How>
  void change(How how) {
    run_until([&] { return leader() != nullptr; });
    int status = -1;
    struct raft_change request {};
    request.data = &status;
    ASSERT_EQ(how(&leader()->raft, &request,
                  [](struct raft_change* r, int code) { *static_cast<int*>(r->data) = code; }),
              0)
        << raft_errmsg(&leader()->raft);
    run_until([&] { return status != -1; });
    ASSERT_EQ(status, 0);
  }

  // Asks again where the one who is to lead was too slow.
  void transfer(raft_id to) {
    for (;;) {
      run_until([&] { return leader() != nullptr; });
      if (leader()->raft.id == to) return;
      bool done = false;
      struct raft_transfer request {};
      request.data = &done;
      ASSERT_EQ(raft_transfer(&leader()->raft, &request, to,
                              [](struct raft_transfer* r) { *static_cast<bool*>(r->data) = true; }),
                0);
      run_until([&] { return done; });
    }
  }

  void all_have(const Sum& sum) {
    run_until([&] {
      for (auto& server : servers) {
        if (server && server->sum.count != sum.count) return false;
      }
      return true;
    });
    for (auto& server : servers) EXPECT_EQ(server ? server->sum.total : sum.total, sum.total);
  }

  void close() {
    for (auto& server : servers) {
      if (!server) continue;
      raft_close(&server->raft, [](::raft* r) { static_cast<Server*>(r->data)->closed = true; });
    }
    for (auto& server : servers) run_until([&] { return !server || server->closed; });
    for (auto& server : servers) {
      if (!server) continue;
      raft_uv_close(&server->network);
      raft_uv_tcp_close(&server->transport);
      server.reset();
    }
  }

  const std::string root = ::testing::TempDir() + "walkit_raft_io_" + std::to_string(::getpid());
  uv_loop_t loop{};
  const std::vector<std::string> addresses = free_addresses(kServers);
  std::array<std::unique_ptr<Server>, kServers> servers{};
};

}  // namespace walkit::raft
