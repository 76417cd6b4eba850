#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "app/raft_index.hpp"
#include "app/raft_record.hpp"

namespace walkit::raft {

/// One group, as the records of the log make it, one after the other from its oldest. What does not
/// fit is kept as the group's failure: the others have nothing to do with it.
class GroupImage {
 public:
  void take(const Record& record, EntryId id);

  /// Puts log and newest good snapshot together. corrupt: they do not meet.
  Status finish(const std::optional<SnapshotHeader>& snapshot);

  HardState hard_state{};
  Progress progress{};
  EntryIndex index{};  // also of entries below first_index, which an older snapshot may need
  std::vector<std::uint64_t> configurations{};  // indices of entries that are one
  std::optional<BaseRecord> base{};             // the newest
  EntryId base_id{};
  std::uint64_t first_index = 1, previous_term = 0;
  bool discarded = false;  // finish() did: the log still has to be told of the snapshot

 private:
  void take_entry(const EntryRecord& record, EntryId id);
  void truncate(std::uint64_t from);
  Status begin_behind(const SnapshotHeader& snapshot);
  void fail(std::string message);

  std::optional<Error> failure_{};
};

}  // namespace walkit::raft
