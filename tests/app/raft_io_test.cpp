// C-Raft on walkit's log: three servers that are closed and opened again from their folders, and
// one whose device fails.

#include "walkit/app/raft_io.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "app/raft_servers.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit::raft {
namespace {

using testing::IsOk;

TEST_F(RaftCluster, ServersComeBackWithWhatTheyHad) {
  open(true);
  apply(1, 200);
  all_have({.total = 200 * 201 / 2, .count = 200});
  close();
  open(false);
  apply(201, 300);
  all_have({.total = 300 * 301 / 2, .count = 300});
  for (auto& server : servers) {
    if (!server) continue;
    EXPECT_TRUE(server->io->storage().snapshot_info().has_value());
    EXPECT_GT(server->io->storage().first_index(), 100u);
  }
  close();
}

/// Where each sync waits to be let go, and then fails, once it is told to.
struct Gate {
  std::atomic<bool> armed{false};
  std::promise<void> open{};
  std::shared_future<void> opened = open.get_future().share();
};

class GatedFile final : public testing::PassingFile {
 public:
  GatedFile(std::unique_ptr<File> file, Gate& gate) : PassingFile(std::move(file)), gate_(gate) {}
  Status sync() override {
    if (!gate_.armed) return PassingFile::sync();
    gate_.opened.wait();
    return Error{.code = Errc::io, .message = "the device is gone"};
  }

 private:
  Gate& gate_;
};

class GatedDirectory final : public testing::PassingDirectory {
 public:
  GatedDirectory(std::shared_ptr<Directory> below, Gate& gate)
      : PassingDirectory(std::move(below)), gate_(gate) {}

 protected:
  std::unique_ptr<File> wrap_file(std::string_view, std::unique_ptr<File> file) override {
    return std::make_unique<GatedFile>(std::move(file), gate_);
  }
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view,
                                               std::shared_ptr<Directory> directory) override {
    return std::make_shared<GatedDirectory>(std::move(directory), gate_);
  }

 private:
  Gate& gate_;
};

// C-Raft goes down where it hears of the failure of an older append before that of a newer one.
TEST_F(RaftCluster, AFailedSyncIsToldForEveryAppendUnderWay) {
  Gate gate;
  const auto directory = std::make_shared<GatedDirectory>(MemoryDirectory::create(), gate);
  servers[0] = make_server(0, directory);
  Server& server = *servers[0];
  start(server, 0, 1);
  run_until([&] { return raft_state(&server.raft) == RAFT_LEADER; });
  gate.armed = true;
  std::vector<int> answers;
  std::array<struct raft_apply, 4> requests{};
  for (struct raft_apply& request : requests) {
    request.data = &answers;
    const raft_buffer buffer{raft_calloc(1, 8), 8};
    ASSERT_EQ(raft_apply(&server.raft, &request, &buffer, 1,
                         [](struct raft_apply* r, int status, void*) {
                           static_cast<std::vector<int>*>(r->data)->push_back(status);
                         }),
              0);
  }
  gate.open.set_value();
  run_until([&] { return answers.size() == requests.size(); });
  EXPECT_EQ(answers, std::vector<int>(requests.size(), RAFT_IOERR));
  close();
}

// A fourth server joins, catches up from a snapshot, votes and leads; another one leaves.
TEST_F(RaftCluster, MembersAndLeadersChange) {
  open(true);
  apply(1, 200);
  transfer(leader()->raft.id % 3 + 1);
  apply(201, 300);
  servers[3] = make_server(3, FsDirectory::open(folder(3) + "/log").value());
  start(*servers[3], 3, 0);
  change([&](auto* r, auto* request, auto done) {
    return raft_add(r, request, 4, addresses[3].c_str(), done);
  });
  const auto assign = [&](int role) {
    change([role](auto* r, auto* request, auto done) {
      return raft_assign(r, request, 4, role, done);
    });
  };
  assign(RAFT_STANDBY);
  apply(301, 320);
  all_have({.total = 320 * 321 / 2, .count = 320});
  assign(RAFT_VOTER);
  transfer(4);
  apply(321, 400);
  transfer(1);
  apply(401, 500);  // it leads once it has committed in its term
  change([](auto* r, auto* request, auto done) { return raft_remove(r, request, 2, done); });
  close();
  for (unsigned n : {0u, 2u, 3u}) {
    servers[n] = make_server(n, FsDirectory::open(folder(n) + "/log").value());
    start(*servers[n], n, 0);
  }
  apply(501, 600);
  all_have({.total = 600 * 601 / 2, .count = 600});
  close();
}

}  // namespace
}  // namespace walkit::raft
