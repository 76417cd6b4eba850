#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "cli/demo_input.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/wal_reader.hpp"

namespace walkit::demo {

/// The record of what was acknowledged, kept outside the log and the process that writes it, and
/// what a log has to hold by it. One thread.
class Proof {
 public:
  explicit Proof(const Input& input) : input_(input) {}

  /// corrupt: another entry was acknowledged under this id before.
  Status acknowledge(EntryId id, Task task);
  /// Reads the log and compares: ids without a hole; every acknowledged entry under its id; each
  /// thread's lines in order, once, as they stand in the file; batches whole; nothing that an
  /// earlier check saw is gone. corrupt says what is not so.
  Result<ReplaySummary> check(const std::shared_ptr<Directory>& directory, ReplayMode mode);

  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_.size(); }
  [[nodiscard]] EntryId last() const { return last_; }  // as seen by the last check
  /// Lines of the file that the log holds, as seen by the last check.
  [[nodiscard]] std::uint64_t lines_done() const;

 private:
  struct Pass;

  const Input& input_;
  std::unordered_map<std::uint64_t, Task> acknowledged_{};
  std::array<std::uint64_t, kThreads> done_{};
  EntryId last_{};
};

}  // namespace walkit::demo
