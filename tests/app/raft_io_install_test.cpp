// What raft may ask for while a snapshot replaces the log.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <memory>
#include <string>

extern "C" {
#include <raft.h>
#include <raft/uv.h>
}

#include "walkit/app/raft_io.hpp"
#include "walkit/io/fs_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::raft {
namespace {

using testing::IsOk;

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
