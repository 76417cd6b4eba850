#pragma once

#include <atomic>
#include <cstdint>

namespace walkit {

/// Who we are to other processes of this machine; for messages only.
[[nodiscard]] std::uint64_t process_id() noexcept;

/// The process that made it, as its forks see it. Any thread.
class Process {
 public:
  Process() noexcept;
  /// This one is a fork of it, or a fork's fork, however it was made. Costs a look into memory,
  /// where a process id would be a system call.
  [[nodiscard]] bool is_ancestor() const noexcept {
    return here_ != nullptr ? here_->load(std::memory_order_relaxed) != life_
                            : process_id() != life_;
  }

 private:
  using Life = std::atomic<std::uint64_t>;
  static Life* make_forgetful() noexcept;

  const Life* here_;  // the life of whoever looks; none: the system has no such memory
  std::uint64_t life_;
};

}  // namespace walkit
