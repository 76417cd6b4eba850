#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "walkit/app/kv_state_machine.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::kv {

/// A state machine on a disk in memory. Entries are numbered on from those that were applied.
class KvBox {
 public:
  explicit KvBox(KvOptions options = {},
                 std::shared_ptr<Directory> disk = MemoryDirectory::create())
      : disk_(std::move(disk)), options_(std::move(options)) {
    reopen();
  }
  void reopen() {
    machine_.reset();
    machine_.emplace(KvStateMachine::open(disk_, options_).value());
  }
  [[nodiscard]] KvStateMachine& machine() { return *machine_; }
  [[nodiscard]] const std::shared_ptr<Directory>& disk() const { return disk_; }

  std::vector<Request> requests(std::vector<Command> commands, Time time = {}) {
    std::vector<Request> chunk;
    std::uint64_t index = machine_->last_index();
    for (Command& command : commands) chunk.push_back({++index, std::move(command), term, time});
    return chunk;
  }
  std::vector<Outcome> apply(std::vector<Command> commands, Time time = {}) {
    return machine_->apply(requests(std::move(commands), time)).value();
  }
  Outcome apply_one(Command command, Time time = {}) {
    return apply({std::move(command)}, time).front();
  }
  [[nodiscard]] std::optional<std::string> get(std::string_view key) { return machine_->get(key); }
  void expect_sound() { EXPECT_EQ(machine_->check_invariants(), std::vector<std::string>{}); }

  std::uint64_t term = 1;

 private:
  std::shared_ptr<Directory> disk_;
  KvOptions options_;
  std::optional<KvStateMachine> machine_{};
};

inline std::vector<Outcome::Code> codes(const std::vector<Outcome>& outcomes) {
  std::vector<Outcome::Code> codes;
  for (const Outcome& outcome : outcomes) codes.push_back(outcome.code);
  return codes;
}

/// The state as bytes: equal states are equal.
inline Bytes digest(const KvStateMachine& machine) { return machine.snapshot().bytes().value(); }

using Codes = std::vector<Outcome::Code>;
using Texts = std::vector<std::optional<std::string>>;

}  // namespace walkit::kv
