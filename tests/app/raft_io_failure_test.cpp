// What a server on RaftIo says and keeps when a snapshot or an append fails.

#include <gtest/gtest.h>
#include <uv.h>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "app/raft_network.hpp"
#include "walkit/app/raft_io.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit::raft {
namespace {

class FullFile final : public testing::PassingFile {
 public:
  FullFile(std::unique_ptr<File> file, const std::atomic<bool>& full)
      : PassingFile(std::move(file)), full_(full) {}
  Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override {
    if (full_) return Error{.code = Errc::no_space, .message = "no space left"};
    return PassingFile::write_at(offset, parts);
  }

 private:
  const std::atomic<bool>& full_;
};

/// There is room for the log, and for snapshots only where `full` is not set.
class FullDirectory final : public testing::PassingDirectory {
 public:
  FullDirectory(std::shared_ptr<Directory> below, const std::atomic<bool>& full, bool snapshots)
      : PassingDirectory(std::move(below)), full_(full), snapshots_(snapshots) {}

 protected:
  std::unique_ptr<File> wrap_file(std::string_view, std::unique_ptr<File> file) override {
    if (!snapshots_) return file;
    return std::make_unique<FullFile>(std::move(file), full_);
  }
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view name,
                                               std::shared_ptr<Directory> directory) override {
    return std::make_shared<FullDirectory>(std::move(directory), full_, name == "snapshots");
  }

 private:
  const std::atomic<bool>& full_;
  bool snapshots_;
};

raft_fsm fsm_of_nothing() {
  raft_fsm fsm{};
  fsm.version = 1;
  fsm.apply = [](raft_fsm*, const raft_buffer*, void** result) {
    *result = nullptr;
    return 0;
  };
  fsm.snapshot = [](raft_fsm*, raft_buffer** buffers, unsigned* n) {
    *buffers = static_cast<raft_buffer*>(raft_malloc(sizeof(raft_buffer)));
    (*buffers)[0] = {raft_calloc(1, 8), 8};
    *n = 1;
    return 0;
  };
  fsm.restore = [](raft_fsm*, raft_buffer* buffer) {
    raft_free(buffer->base);
    return 0;
  };
  return fsm;
}

class FailingServer : public ::testing::Test {
 protected:
  // voters: 0 goes on from what is there.
  void open(unsigned voters, unsigned snapshot_threshold = 1000, unsigned trailing = 10) {
    ASSERT_EQ(uv_loop_init(&loop), 0);
    io = RaftIo::open(network.io, loop, std::make_shared<FullDirectory>(memory, full, false),
                      options)
             .value();
    raft = {};
    ASSERT_EQ(raft_init(&raft, &io->io(), &fsm, 1, "1"), 0);
    raft_set_snapshot_threshold(&raft, snapshot_threshold);
    raft_set_snapshot_trailing(&raft, trailing);
    if (voters > 0) {
      raft_configuration servers = configuration(voters);
      ASSERT_EQ(raft_bootstrap(&raft, &servers), 0);
      raft_configuration_close(&servers);
    }
    ASSERT_EQ(raft_start(&raft), 0) << raft_errmsg(&raft);
  }

  void close() {
    bool closed = false;
    raft.data = &closed;
    raft_close(&raft, [](::raft* r) { *static_cast<bool*>(r->data) = true; });
    while (!closed) uv_run(&loop, UV_RUN_ONCE);
    uv_run(&loop, UV_RUN_DEFAULT);
    io.reset();
    EXPECT_EQ(uv_loop_close(&loop), 0);
  }

  static raft_configuration configuration(unsigned voters) {
    raft_configuration servers;
    raft_configuration_init(&servers);
    for (unsigned n = 1; n <= voters; ++n) {
      EXPECT_EQ(raft_configuration_add(&servers, n, std::to_string(n).c_str(), RAFT_VOTER), 0);
    }
    return servers;
  }

  // Returns when it is installed, or failed.
  void hear_snapshot(raft_term term, raft_index index, raft_term index_term) {
    raft_message message{};
    message.type = RAFT_IO_INSTALL_SNAPSHOT;
    message.server_id = 2;
    message.server_address = "2";
    message.install_snapshot.term = term;
    message.install_snapshot.last_index = index;
    message.install_snapshot.last_term = index_term;
    message.install_snapshot.conf_index = 1;
    message.install_snapshot.conf = configuration(3);
    message.install_snapshot.data = {raft_calloc(1, 8), 8};
    network.receive(&network.io, &message);
    while (raft.snapshot.put.data != nullptr) uv_run(&loop, UV_RUN_ONCE);
  }

  const std::shared_ptr<Directory> memory = MemoryDirectory::create();
  std::atomic<bool> full{false};
  RaftOptions options{};
  uv_loop_t loop{};
  Network network{};
  std::unique_ptr<RaftIo> io{};
  raft_fsm fsm = fsm_of_nothing();
  ::raft raft{};
};

// raft believes from then on that it has what the snapshot covers.
TEST_F(FailingServer, ASnapshotThatDidNotFitIsNotAnsweredFor) {
  open(3);
  full = true;
  hear_snapshot(2, 50, 1);
  full = false;
  hear_snapshot(2, 50, 1);  // the leader tries again
  network.hear(2, 50, 1, 1);
  for (const auto& result : network.sent) {
    EXPECT_TRUE(result.rejected != 0 || result.last_log_index == 0)
        << "answered for " << result.last_log_index;
  }
  network.now = 1'000'000;  // no leader is heard, and raft wants to be one
  network.tick(&network.io);
  EXPECT_EQ(raft_state(&raft), RAFT_UNAVAILABLE);
  EXPECT_EQ(io->storage().last_index(), 1u) << "an entry stands at another's index";
  EXPECT_FALSE(io->storage().snapshot_info());
  close();
}

// raft gives its own snapshots with no trailing entries as it gives those of a leader.
TEST_F(FailingServer, EntriesBehindItsOwnSnapshotStay) {
  open(1, 8, 0);
  unsigned done = 0;
  std::vector<std::unique_ptr<struct raft_apply>> requests;
  for (unsigned n = 1; n <= 120; ++n) {
    requests.push_back(std::make_unique<struct raft_apply>());
    requests.back()->data = &done;
    const raft_buffer command{raft_calloc(1, 8), 8};
    ASSERT_EQ(raft_apply(&raft, requests.back().get(), &command, 1,
                         [](struct raft_apply* r, int status, void*) {
                           if (status == 0) ++*static_cast<unsigned*>(r->data);
                         }),
              0);
    if (n % 3 == 0) uv_run(&loop, UV_RUN_NOWAIT);
    while (n % 15 == 0 && done < n) uv_run(&loop, UV_RUN_ONCE);
  }
  while (raft.snapshot.put.data != nullptr) uv_run(&loop, UV_RUN_ONCE);
  const std::uint64_t last = raft_last_index(&raft);
  EXPECT_EQ(io->storage().last_index(), last);
  EXPECT_TRUE(io->storage().snapshot_info());
  close();
  open(0);
  EXPECT_EQ(raft_last_index(&raft), last);
  close();
}

TEST_F(FailingServer, WhatIsRecoveredWithoutALogHasATerm) {
  ASSERT_EQ(uv_loop_init(&loop), 0);
  io = RaftIo::open(network.io, loop, memory).value();
  ASSERT_EQ(raft_init(&raft, &io->io(), &fsm, 1, "1"), 0);
  raft_configuration servers = configuration(1);
  EXPECT_EQ(raft_recover(&raft, &servers), 0);
  raft_configuration_close(&servers);
  EXPECT_EQ(io->storage().term_at(1).value(), 1u);
  EXPECT_EQ(io->storage().hard_state().term, 1u);
  close();
}

// Two appends wait for an install, and the first is refused: the second does not take its index.
TEST_F(FailingServer, AppendsBehindAnInstallFailTogether) {
  std::promise<void> reached, let_go;
  options.wal.max_entry_bytes = 4096;
  options.snapshots.progress = [&, once = true](const CheckpointProgress& progress) mutable {
    if (progress.step != CheckpointProgress::Step::reading || !once) return;
    once = false;
    reached.set_value();
    let_go.get_future().wait();
  };
  open(3);
  raft_io& own = io->io();
  std::array<char, 8192> bytes{};
  raft_buffer state{bytes.data(), 8}, large{bytes.data(), bytes.size()};
  raft_snapshot snapshot{};
  snapshot.configuration = configuration(3);
  snapshot.index = 50;
  snapshot.term = 2;
  snapshot.bufs = &state;
  snapshot.n_bufs = 1;
  int put_status = -1;
  raft_io_snapshot_put put{};
  put.data = &put_status;
  const auto put_done = [](raft_io_snapshot_put* r, int status) {
    *static_cast<int*>(r->data) = status;
  };
  ASSERT_EQ(own.snapshot_put(&own, 0, &put, &snapshot, put_done), 0);
  reached.get_future().wait();
  const std::array<raft_entry, 2> entries{raft_entry{2, RAFT_COMMAND, large, nullptr},
                                          raft_entry{2, RAFT_COMMAND, state, nullptr}};
  std::array<raft_io_append, 2> appends{};
  std::array<int, 2> statuses{-1, -1};
  for (int n = 0; n < 2; ++n) {
    appends[n].data = &statuses[n];
    const auto done = [](raft_io_append* r, int status) { *static_cast<int*>(r->data) = status; };
    ASSERT_EQ(own.append(&own, &appends[n], &entries[n], 1, done), 0);
  }
  let_go.set_value();
  while (put_status == -1 || statuses[0] == -1 || statuses[1] == -1) uv_run(&loop, UV_RUN_ONCE);
  EXPECT_EQ(put_status, 0);
  EXPECT_EQ(statuses, (std::array<int, 2>{RAFT_TOOBIG, RAFT_TOOBIG}));
  EXPECT_EQ(io->storage().last_index(), 50u);
  EXPECT_EQ(own.set_term(&own, 9), RAFT_TOOBIG) << "it goes on";
  raft_configuration_close(&snapshot.configuration);
  close();
}

}  // namespace
}  // namespace walkit::raft
