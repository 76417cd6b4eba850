#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "walkit/app/kv_state_machine.hpp"
#include "walkit/testing/kv_suite.hpp"

namespace walkit::kv {

/// The state machine as the suite sees it.
class MachineAdapter : public testing::KvAdapter {
 public:
  explicit MachineAdapter(KvStateMachine machine) : machine_(std::move(machine)) {}

  static Result<std::unique_ptr<testing::KvAdapter>> open(
      const std::shared_ptr<Directory>& directory, const KvOptions& options) {
    auto machine = KvStateMachine::open(directory, options);
    if (!machine) return std::move(machine).error();
    return std::unique_ptr<testing::KvAdapter>(new MachineAdapter(std::move(*machine)));
  }

  Result<std::vector<Outcome>> apply(const std::vector<Request>& chunk) override {
    return machine_.apply(chunk);
  }
  std::optional<Value> find(std::string_view key) override { return machine_.find(key); }
  Page scan(const KeyRange& range, std::size_t limit) override {
    return machine_.scan(range, limit);
  }
  std::uint64_t last_index() override { return machine_.last_index(); }
  std::uint64_t last_term() override { return machine_.last_term(); }
  std::optional<Time> lease_end(std::uint64_t lease) override { return machine_.lease_end(lease); }
  Result<Bytes> snapshot() override { return machine_.snapshot().bytes(); }
  Status install(BytesView bytes) override {
    const auto snapshot = KvSnapshot::read(bytes);
    if (!snapshot) return snapshot.error();
    return machine_.install(*snapshot);
  }
  Status checkpoint() override { return machine_.checkpoint(); }

  [[nodiscard]] KvStateMachine& machine() { return machine_; }

 private:
  KvStateMachine machine_;
};

/// Small files, and no checkpoint but those that are asked for: equal calls are equal bytes.
inline KvOptions small_options() {
  return {.wal = {.segment_bytes = 4096, .max_frame_bytes = 1u << 18, .max_entry_bytes = 1u << 17},
          .checkpoint_every_bytes = 0,
          .checkpoint_every_entries = 0,
          .checkpoint_every = std::chrono::milliseconds(0)};
}

}  // namespace walkit::kv
