#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "app/raft_io_replies.hpp"
#include "app/raft_io_store.hpp"
#include "walkit/testing/crash_directory.hpp"

extern "C" {
#include <raft/fixture.h>
}

namespace walkit::raft {

/// What a server does wrong, so that a test can see it found.
enum class Flaw { none, answers_before_the_sync, forgets_votes, answers_as_raft_does };

/// Commands in the order in which the servers of a cluster applied them.
struct History {
  std::vector<std::uint64_t> commands{};
  std::string violation{};  // the first one, or empty

  void violated(std::string what) {
    if (violation.empty()) violation = std::move(what);
  }
};

/// One server of C-Raft's fixture. The fixture gives it network, ticks and the time that a disk
/// takes; what it must not forget stands in a walkit log on a device that loses power.
class FixtureNode {
 public:
  FixtureNode(raft_fixture& fixture, unsigned index, std::uint64_t seed, Flaw flaw,
              History& history);
  FixtureNode(const FixtureNode&) = delete;
  FixtureNode& operator=(const FixtureNode&) = delete;

  /// For the first time.
  void start(const raft_configuration& configuration);
  /// Its device finds no power at that operation of this life.
  void cut_power_at(std::uint64_t operation);
  /// Out, though the fixture still has callbacks of it to deliver.
  void crash(testing::Crash kind);
  /// From what the device kept; false: the power went again. Only when may_restart().
  [[nodiscard]] bool restart();

  /// The fixture has no callback for it any more.
  void closed();

  [[nodiscard]] bool is_up() const { return up_; }
  [[nodiscard]] bool is_without_power() const {
    return cut_ != 0 && device_->operation_count() >= cut_;
  }
  [[nodiscard]] bool may_restart() const;
  [[nodiscard]] ::raft& raft() { return server().raft; }
  [[nodiscard]] const std::vector<std::uint64_t>& applied() const { return applied_; }
  [[nodiscard]] std::uint64_t installs() const { return installs_; }
  [[nodiscard]] std::uint64_t operations() const { return device_->operation_count(); }

 private:
  struct Delayed;
  using Run = std::function<void(bool up)>;

  raft_fixture_server& server() { return fixture_.servers[index_]; }
  static FixtureNode& of(raft_io* io);
  void take_over_io();
  [[nodiscard]] bool open();
  int answered(int code);
  int delay(Run run);
  int load(raft_term* term, raft_id* vote, raft_snapshot** snapshot, raft_index* start,
           raft_entry** entries, std::size_t* count);
  int append(raft_io_append* request, const raft_entry* entries, unsigned n);
  int put_snapshot(unsigned trailing, raft_io_snapshot_put* request, const raft_snapshot* snapshot);
  int get_snapshot(raft_io_snapshot_get* request);
  void apply(std::uint64_t command);
  void lets_go_behind(std::uint64_t index);
  void answer_the_rest();
  void expect_kept(const RaftStorage& storage);

  raft_fixture& fixture_;
  const unsigned index_;
  const Flaw flaw_;
  History& history_;
  std::mt19937_64 random_;
  raft_fsm fsm_{};
  raft_io of_fixture_{};
  FollowerReplies replies_{};
  raft_io_recv_cb receive_ = nullptr;  // raft's
  std::shared_ptr<testing::CrashDirectory> device_;
  std::optional<RaftIoStore> store_{};
  std::uint64_t cut_ = 0;
  bool up_ = false;
  raft_io_close_cb closed_ = nullptr;  // to be called once nothing is under way
  unsigned under_way_ = 0;             // delayed by the fixture
  std::vector<raft_io_append*> unanswered_{};
  raft_time down_since_ = 0;
  std::vector<std::uint64_t> applied_{};
  std::uint64_t installs_ = 0;
  // What raft was told is durable.
  HardState kept_{};
  std::uint64_t kept_last_ = 0;
  std::uint64_t replaced_ = 0;  // how often raft let go of entries: appends before it prove nothing
};

}  // namespace walkit::raft
