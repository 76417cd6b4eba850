#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

namespace walkit {

/// When a checkpoint is taken without being asked for: whichever comes first, counted since the
/// last one. 0: not for that reason.
struct CheckpointPolicy {
  std::uint64_t bytes = 0, entries = 0;  // of the log
  std::chrono::milliseconds time{0};     // and something is new
};

/// What became of the checkpoints of one store, since it was opened.
struct CheckpointStats {
  std::uint64_t taken = 0, failed = 0;
  EntryId last{};                   // of the last one that went well, complete to this entry
  std::chrono::nanoseconds time{};  // of the last one, from the copy of the state to the trim
  std::optional<Error> failure{};   // of the last try; none: it went well
};

/// Takes checkpoints beside who works: a thread of its own, started when the first one is due, runs
/// one at a time. One that failed is tried again after a second, then after twice as long, up to a
/// minute. Any thread may call.
class BackgroundCheckpoints {
 public:
  /// Takes one and gives the entry that it is complete to; called by one thread at a time.
  using Take = std::function<Result<EntryId>()>;

  BackgroundCheckpoints(CheckpointPolicy policy, Take take);
  ~BackgroundCheckpoints();  // stop()
  BackgroundCheckpoints(const BackgroundCheckpoints&) = delete;
  BackgroundCheckpoints& operator=(const BackgroundCheckpoints&) = delete;

  /// The last one, of a life before, was complete to that many entries. Before anything else.
  void begin(std::uint64_t entries) noexcept;
  /// The log has so many entries in all, and so many bytes since that one. Cheap where nothing is
  /// due.
  void note(std::uint64_t entries, std::uint64_t bytes) noexcept;
  /// Takes one now, on this thread, behind one that is under way.
  Result<EntryId> take_now();
  /// Waits for the one that is under way; none is taken behind it.
  void stop() noexcept;
  [[nodiscard]] CheckpointStats stats() const;

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace walkit
