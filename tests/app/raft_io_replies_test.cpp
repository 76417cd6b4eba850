// What a follower on RaftIo answers: never for entries that it has from elsewhere than this leader.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <uv.h>

#include <array>
#include <memory>
#include <vector>

#include "app/raft_io_store.hpp"
#include "app/raft_network.hpp"
#include "walkit/app/raft_io.hpp"
#include "walkit/codec.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::raft {
namespace {

using testing::IsOk;

class FollowerOnRaftIo : public ::testing::Test {
 protected:
  // Entries 1 to 5 of term 1, of which nobody knows who else has them.
  void SetUp() override {
    ASSERT_EQ(uv_loop_init(&loop), 0);
    const auto directory = MemoryDirectory::create();
    {
      RaftIoStore store(RaftStorage::open(directory, {}, {CodecId{"byte"}.value, {}}).value());
      raft_configuration servers;
      raft_configuration_init(&servers);
      ASSERT_EQ(raft_configuration_add(&servers, 1, "1", RAFT_VOTER), 0);
      ASSERT_EQ(raft_configuration_add(&servers, 2, "2", RAFT_VOTER), 0);
      ASSERT_EQ(store.bootstrap(servers), 0);
      raft_configuration_close(&servers);
      std::array<raft_entry, 4> entries{};
      for (raft_entry& entry : entries) entry = {1, RAFT_COMMAND, {nullptr, 0}, nullptr};
      Ticket ticket;
      ASSERT_EQ(store.append(entries.data(), entries.size(), ticket), 0);
      ASSERT_EQ(store.close(), 0);
    }
    io = RaftIo::open(network.io, loop, directory).value();
    fsm.version = 1;
    fsm.apply = [](raft_fsm*, const raft_buffer*, void**) { return 0; };
    ASSERT_EQ(raft_init(&raft, &io->io(), &fsm, 1, "1"), 0);
    ASSERT_EQ(raft_start(&raft), 0) << raft_errmsg(&raft);
  }
  void TearDown() override {
    raft.data = &closed;
    raft_close(&raft, [](::raft* r) { *static_cast<bool*>(r->data) = true; });
    while (!closed) uv_run(&loop, UV_RUN_ONCE);
    uv_run(&loop, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop), 0);
  }

  uv_loop_t loop{};
  Network network{};
  std::unique_ptr<RaftIo> io{};
  raft_fsm fsm{};
  ::raft raft{};
  bool closed = false;
};

TEST_F(FollowerOnRaftIo, AHeartbeatIsAnsweredForWhatItCompared) {
  network.hear(2, 3, 1);
  ASSERT_EQ(network.sent.size(), 1u);
  EXPECT_EQ(network.sent[0].rejected, 0u);
  EXPECT_EQ(network.sent[0].last_log_index, 3u);  // of 5
  network.hear(2, 2, 1);
  ASSERT_EQ(network.sent.size(), 2u);
  EXPECT_EQ(network.sent[1].last_log_index, 3u);
}

TEST_F(FollowerOnRaftIo, EntriesAreAnsweredForOnceTheyAreDurable) {
  network.hear(2, 3, 1, 1);  // takes the place of 4 and 5
  while (network.sent.empty()) uv_run(&loop, UV_RUN_ONCE);
  EXPECT_EQ(network.sent[0].last_log_index, 4u);
  EXPECT_EQ(io->storage().last_index(), 4u);
}

// A write of one leader's entries ends when another one leads.
TEST_F(FollowerOnRaftIo, AWriteForAnOlderLeaderSaysNothingToTheNext) {
  network.hear(2, 5, 1, 2);
  network.hear(3, 4, 1);  // before the loop could tell of the write
  while (network.sent.size() < 2) uv_run(&loop, UV_RUN_ONCE);
  EXPECT_EQ(network.sent[0].last_log_index, 4u);
  EXPECT_EQ(network.sent[1].term, 3u);
  EXPECT_EQ(network.sent[1].last_log_index, 4u);  // of 7
}

TEST_F(FollowerOnRaftIo, ARefusalTellsTheEndOfTheLog) {
  network.hear(2, 4, 2);
  ASSERT_EQ(network.sent.size(), 1u);
  EXPECT_EQ(network.sent[0].rejected, 4u);
  EXPECT_EQ(network.sent[0].last_log_index, 5u);
}

TEST(RaftIoStore, ACommandThatTheNetworkWouldBreakIsRefused) {
  RaftIoStore store(
      RaftStorage::open(MemoryDirectory::create(), {}, {CodecId{"byte"}.value, {}}).value());
  std::array<char, 16> bytes{};
  const raft_entry fits{1, RAFT_COMMAND, {bytes.data(), 16}, nullptr};
  const raft_entry odd{1, RAFT_COMMAND, {bytes.data(), 12}, nullptr};
  Ticket ticket;
  EXPECT_EQ(store.append(&fits, 1, ticket), 0);
  EXPECT_EQ(store.append(std::array{fits, odd}.data(), 2, ticket), RAFT_INVALID);
  EXPECT_THAT(store.text(), ::testing::HasSubstr("12 bytes"));
  EXPECT_EQ(store.storage().last_index(), 1u);
}

}  // namespace
}  // namespace walkit::raft
