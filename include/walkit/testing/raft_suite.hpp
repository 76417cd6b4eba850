#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "walkit/app/raft_types.hpp"
#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::testing {

/// What the suite asks of a storage for Raft: implement it with yours. Calls that answer success
/// have made durable what they were given. Refusals are errors of any code unless the suite says
/// which, and change nothing.
class RaftAdapter {
 public:
  using Entries = std::vector<raft::OwnedEntryBytes>;  // the schema is not looked at

  virtual ~RaftAdapter() = default;
  /// Both at once or neither; entries take the place of all from their first index on.
  virtual Status save(const std::optional<raft::HardState>& hard_state, const Entries& entries) = 0;
  virtual Status truncate(std::uint64_t from) = 0;
  virtual Status save_snapshot(const raft::Snapshot& snapshot) = 0;     // of an entry that it has
  virtual Status install_snapshot(const raft::Snapshot& snapshot) = 0;  // of the leader
  virtual Status commit(std::uint64_t index) = 0;  // durable with the next save, at the latest

  virtual raft::HardState hard_state() = 0;
  virtual std::uint64_t first_index() = 0;
  virtual std::uint64_t last_index() = 0;
  virtual std::uint64_t commit_index() = 0;
  virtual Result<std::uint64_t> term_at(std::uint64_t index) = 0;
  virtual Result<Entries> entries(std::uint64_t first, std::uint64_t last,
                                  std::uint64_t bytes_max) = 0;
  virtual Result<raft::Snapshot> snapshot() = 0;  // not_found: none
};

/// Opens what an earlier life left in the directory.
using OpenRaft =
    std::function<Result<std::unique_ptr<RaftAdapter>>(const std::shared_ptr<Directory>&)>;

/// One case of the suite: `run` tells the first thing that is wrong.
struct RaftCase {
  const char* name;
  std::function<Status(const OpenRaft&)> run;
};

/// What every storage for Raft must do: append, conflict, truncate, bounds, byte budget,
/// compaction, snapshots, restart, and a power cut at each operation of each of these. What engines
/// ask in their own tests (etcd's MemoryStorage and wal, hashicorp/raft's LogStore and StableStore,
/// openraft's storage suite), in our words. Directories are made by the suite, in memory.
[[nodiscard]] std::vector<RaftCase> raft_cases();

/// All of them: the first that fails, by name.
Status raft_suite(const OpenRaft& open);

}  // namespace walkit::testing
