#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "walkit/testing/raft_suite.hpp"

namespace walkit::testing {

/// What a step of a Raft server changes.
struct SaveStep {
  std::optional<raft::HardState> hard_state{};
  RaftAdapter::Entries entries{};
};
struct TruncateStep {
  std::uint64_t from = 0;
};
struct SnapshotStep {
  raft::Snapshot snapshot{};
  bool install = false;
};
using RaftStep = std::variant<SaveStep, TruncateStep, SnapshotStep>;

Status take_step(RaftAdapter& storage, const RaftStep& step);

/// What a storage shows after steps that it accepted, told by nothing but what Raft means.
class RaftModel {
 public:
  void take(const RaftStep& step);
  /// decode names the first difference.
  [[nodiscard]] Status compare(RaftAdapter& storage) const;
  [[nodiscard]] std::uint64_t last_index() const;

 private:
  [[nodiscard]] Status compare_entries(RaftAdapter& storage) const;

  raft::HardState hard_state_{};
  std::map<std::uint64_t, raft::OwnedEntryBytes> entries_{};
  std::optional<raft::Snapshot> snapshot_{};
};

[[nodiscard]] raft::OwnedEntryBytes raft_entry(std::uint64_t index, std::uint64_t term,
                                               std::string_view payload);
/// Entries `first` to `last` of one term, each with a payload of its own.
[[nodiscard]] RaftAdapter::Entries raft_entries(std::uint64_t first, std::uint64_t last,
                                                std::uint64_t term, std::size_t bytes = 12);
[[nodiscard]] raft::Snapshot raft_snapshot(std::uint64_t index, std::uint64_t term,
                                           std::size_t bytes = 40);
[[nodiscard]] Error differs(std::string message);

}  // namespace walkit::testing
