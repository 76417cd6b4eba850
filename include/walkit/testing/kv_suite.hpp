#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "walkit/app/kv_types.hpp"
#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::testing {

/// What the suite asks of a state machine: implement it with yours. Calls that answer success have
/// made durable what they did. Refusals are errors of any code, and change nothing.
class KvAdapter {
 public:
  virtual ~KvAdapter() = default;
  /// All of the chunk, or nothing.
  virtual Result<std::vector<kv::Outcome>> apply(const std::vector<kv::Request>& chunk) = 0;
  virtual std::optional<kv::Value> find(std::string_view key) = 0;
  virtual kv::Page scan(const kv::KeyRange& range, std::size_t limit) = 0;
  virtual std::uint64_t last_index() = 0;
  virtual std::uint64_t last_term() = 0;
  virtual std::optional<kv::Time> lease_end(std::uint64_t lease) = 0;
  /// Equal states are equal bytes.
  virtual Result<Bytes> snapshot() = 0;
  virtual Status install(BytesView snapshot) = 0;
  virtual Status checkpoint() = 0;  // durable; one without checkpoints does nothing
};

/// Opens what an earlier life left in the directory. No checkpoint is taken but by checkpoint().
using OpenKv = std::function<Result<std::unique_ptr<KvAdapter>>(const std::shared_ptr<Directory>&)>;

/// One case of the suite: `run` tells the first thing that is wrong.
struct KvCase {
  const char* name;
  std::function<Status(const OpenKv&)> run;
};

/// What every key-value state machine must do: outcomes in order, compare-and-swap within a chunk,
/// entries that are delivered again, ends of keys and leases, empty values, chunks that are refused
/// whole, replicas with other clocks, snapshots and damaged ones, and a power cut or a kill at each
/// operation of each of these. Directories are made by the suite, in memory.
[[nodiscard]] std::vector<KvCase> kv_cases();

/// All of them: the first that fails, by name.
Status kv_suite(const OpenKv& open);

}  // namespace walkit::testing
