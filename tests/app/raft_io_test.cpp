// C-Raft on walkit's log: three servers in one loop, over TCP on loopback, that are closed and
// opened again from their folders.

#include "walkit/app/raft_io.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

extern "C" {
#include <raft.h>
#include <raft/uv.h>
}

#include "walkit/io/fs_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::raft {
namespace {

using testing::IsOk;

/// Adds up 8-byte numbers, and keeps how many there were.
struct Sum {
  std::uint64_t total = 0, count = 0;
};

raft_fsm fsm_of(Sum& sum) {
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
  uv_loop_t* loop = nullptr;
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
  static constexpr unsigned kServers = 3;

  void SetUp() override { ASSERT_EQ(uv_loop_init(&loop), 0); }
  void TearDown() override {
    ASSERT_EQ(uv_loop_close(&loop), 0);
    std::filesystem::remove_all(root);
  }

  static std::string address(unsigned n) { return "127.0.0.1:" + std::to_string(19301 + n); }

  void open(bool bootstrap) {
    for (unsigned n = 0; n < kServers; ++n) {
      auto server = std::make_unique<Server>();
      const std::string folder = root + "/" + std::to_string(n);
      std::filesystem::create_directories(folder + "/network");
      ASSERT_EQ(raft_uv_tcp_init(&server->transport, &loop), 0);
      ASSERT_EQ(
          raft_uv_init(&server->network, &loop, (folder + "/network").c_str(), &server->transport),
          0);
      auto io = RaftIo::open(server->network, loop, FsDirectory::open(folder + "/log").value(),
                             {.wal = {.segment_bytes = 1u << 20}, .trailing_entries = 8});
      ASSERT_THAT(io, IsOk());
      server->io = std::move(*io);
      server->fsm = fsm_of(server->sum);
      ASSERT_EQ(
          raft_init(&server->raft, &server->io->io(), &server->fsm, n + 1, address(n).c_str()), 0);
      raft_set_snapshot_threshold(&server->raft, 64);
      raft_set_snapshot_trailing(&server->raft, 8);
      raft_set_election_timeout(&server->raft, 1000);
      raft_set_heartbeat_timeout(&server->raft, 50);
      server->raft.data = server.get();
      if (bootstrap) {
        raft_configuration configuration;
        raft_configuration_init(&configuration);
        for (unsigned k = 0; k < kServers; ++k) {
          ASSERT_EQ(raft_configuration_add(&configuration, k + 1, address(k).c_str(), RAFT_VOTER),
                    0);
        }
        ASSERT_EQ(raft_bootstrap(&server->raft, &configuration), 0);
        raft_configuration_close(&configuration);
      }
      ASSERT_EQ(raft_start(&server->raft), 0) << raft_errmsg(&server->raft);
      servers[n] = std::move(server);
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

  void all_have(const Sum& sum) {
    run_until([&] {
      for (auto& server : servers) {
        if (server->sum.count != sum.count) return false;
      }
      return true;
    });
    for (auto& server : servers) EXPECT_EQ(server->sum.total, sum.total);
  }

  void close() {
    for (auto& server : servers) {
      raft_close(&server->raft, [](::raft* r) { static_cast<Server*>(r->data)->closed = true; });
    }
    for (auto& server : servers) run_until([&] { return server->closed; });
    for (auto& server : servers) {
      raft_uv_close(&server->network);
      raft_uv_tcp_close(&server->transport);
      server.reset();
    }
  }

  const std::string root = ::testing::TempDir() + "walkit_raft_io_" + std::to_string(::getpid());
  uv_loop_t loop{};
  std::array<std::unique_ptr<Server>, kServers> servers{};
};

TEST_F(RaftCluster, ServersComeBackWithWhatTheyHad) {
  open(true);
  apply(1, 200);
  all_have({.total = 200 * 201 / 2, .count = 200});
  close();
  open(false);
  apply(201, 300);
  all_have({.total = 300 * 301 / 2, .count = 300});
  for (auto& server : servers) {
    EXPECT_TRUE(server->io->storage().snapshot_info().has_value());
    EXPECT_GT(server->io->storage().first_index(), 100u);
  }
  close();
}

/// One raft_io without a raft, whose installs wait at the end until they are let go.
class RaftInstall : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(root + "/network");
    ASSERT_EQ(uv_loop_init(&loop), 0);
    ASSERT_EQ(raft_uv_tcp_init(&transport, &loop), 0);
    ASSERT_EQ(raft_uv_init(&network, &loop, (root + "/network").c_str(), &transport), 0);
    RaftOptions options{.wal = {.segment_bytes = 1u << 20}};
    options.snapshots.progress = [this](const CheckpointProgress& progress) {
      if (progress.step != CheckpointProgress::Step::reading || was_reached) return;
      was_reached = true;
      reached.set_value();
      let_go.get_future().wait();
    };
    auto opened =
        RaftIo::open(network, loop, FsDirectory::open(root + "/log").value(), std::move(options));
    ASSERT_THAT(opened, IsOk());
    kept = std::move(*opened);
    ASSERT_EQ(kept->io().init(&kept->io(), 1, "127.0.0.1:19311"), 0);
    raft_configuration_init(&snapshot.configuration);
    snapshot.index = 50;
    snapshot.term = 2;
    snapshot.bufs = &state;
    snapshot.n_bufs = 1;
  }
  void TearDown() override {
    kept->io().close(&kept->io(), [](raft_io*) {});
    uv_run(&loop, UV_RUN_DEFAULT);
    raft_uv_close(&network);
    raft_uv_tcp_close(&transport);
    kept.reset();
    ASSERT_EQ(uv_loop_close(&loop), 0);
    std::filesystem::remove_all(root);
  }

  // Returns while it is under way.
  void install() {
    put.data = &put_status;
    ASSERT_EQ(kept->io().snapshot_put(
                  &kept->io(), 0, &put, &snapshot,
                  [](raft_io_snapshot_put* r, int code) { *static_cast<int*>(r->data) = code; }),
              0);
    reached.get_future().wait();
  }

  const std::string root =
      ::testing::TempDir() + "walkit_raft_install_" + std::to_string(::getpid());
  uv_loop_t loop{};
  raft_uv_transport transport{};
  raft_io network{};
  std::promise<void> reached{}, let_go{};
  bool was_reached = false;
  std::unique_ptr<RaftIo> kept{};
  char bytes[8] = "state";
  raft_buffer state{bytes, sizeof bytes};
  raft_snapshot snapshot{};
  raft_io_snapshot_put put{};
  int put_status = -1;
};

// An election does not wait for a snapshot, and raft gives up where it is refused.
TEST_F(RaftInstall, TermAndVoteAreKeptMeanwhile) {
  install();
  EXPECT_EQ(kept->io().set_term(&kept->io(), 3), 0);
  EXPECT_EQ(kept->io().set_vote(&kept->io(), 2), 0);
  let_go.set_value();
  while (put_status == -1) uv_run(&loop, UV_RUN_ONCE);
  EXPECT_EQ(put_status, 0);
  EXPECT_EQ(kept->storage().hard_state(), (HardState{3, 2}));
  EXPECT_EQ(kept->storage().last_index(), 50u);
}

TEST_F(RaftInstall, AnAppendWaitsForItsEnd) {
  install();
  raft_entry entry{};
  entry.term = 2;
  entry.type = RAFT_COMMAND;
  entry.buf = state;
  raft_io_append append{};
  int appended = -1;
  append.data = &appended;
  EXPECT_EQ(
      kept->io().append(&kept->io(), &append, &entry, 1,
                        [](raft_io_append* r, int code) { *static_cast<int*>(r->data) = code; }),
      0);
  let_go.set_value();
  while (put_status == -1 || appended == -1) uv_run(&loop, UV_RUN_ONCE);
  EXPECT_EQ(put_status, 0);
  EXPECT_EQ(appended, 0);
  EXPECT_EQ(kept->storage().last_index(), 51u);
}

}  // namespace
}  // namespace walkit::raft
