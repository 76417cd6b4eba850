#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "walkit/app/kv_state_machine.hpp"

namespace walkit::kv {

/// Lets threads that write at the same time share a chunk, and so a sync: the first of them leads
/// the group that came together while the one before was on its way. Any thread.
class ChunkGroups {
 public:
  /// chunk_bytes: of what shares one; what one caller brings is never cut.
  ChunkGroups(KvStateMachine& machine, std::size_t chunk_bytes)
      : machine_(machine), chunk_bytes_(chunk_bytes) {}
  /// The outcomes of all `commands`, which are moved from; durable on return. `time`: of now.
  Result<std::vector<Outcome>> apply(std::span<Command> commands, Time time);

 private:
  // One caller's, on its stack: whoever leads is done with it when its group is.
  struct Member {
    std::span<Command> commands{};
    Time time{};
    std::size_t bytes = 0;
    std::vector<Outcome> outcomes{};
    Status status{};
    Member* next = nullptr;
  };
  void lead(std::uint32_t group);
  void apply_chunk(Member* first, const Member* end, std::size_t count);
  void wait_for(std::uint32_t group) const;

  KvStateMachine& machine_;
  const std::size_t chunk_bytes_;
  std::mutex mutex_{};
  Member* first_ = nullptr;  // of the group that comes together
  Member** last_ = &first_;
  std::uint32_t group_ = 1;  // its number; wraps
  // The newest group that is over, of those with even and with odd numbers: with one word each
  // would wake all, to let one lead.
  std::atomic<std::uint32_t> over_[2] = {0, ~std::uint32_t{0}};
};

}  // namespace walkit::kv
