#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "app/raft_group.hpp"

namespace walkit::raft {

/// The entries of one leader. Indices are given by one addition; an entry that is complete waits
/// here for those before it.
struct Leadership::Core {
  Core(std::shared_ptr<Group> of, std::uint64_t leader_term, std::uint64_t first)
      : group(std::move(of)), term(leader_term), next(first), to_enter(first) {}
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  struct Entered {
    std::uint64_t index = 0;
    Ticket ticket{};
    Done done{};
  };

  Status add(std::uint64_t index, Pending pending, std::vector<Entered>& entered, Ended& ended);
  /// With the group's mutex held: what is next goes into the log, until one is missing.
  void enter(std::vector<Entered>& entered, Ended& ended);
  /// The same: nothing more does. Those who wait get `why`.
  [[nodiscard]] Ended end(const Error& why) noexcept;
  static void tell(std::vector<Entered>& entered);

  const std::shared_ptr<Group> group;
  const std::uint64_t term;
  std::atomic<std::uint64_t> next;
  // Under the group's mutex:
  std::uint64_t to_enter;
  PendingEntries waiting{};
  bool is_over = false;
  std::condition_variable told{};
};

}  // namespace walkit::raft
