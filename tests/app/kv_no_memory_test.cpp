// Every allocation of a state machine's calls fails once, alone and with all that follow it: an
// answer and no exception, and the next life finds the state before the call or behind it.

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "starvation.hpp"
#include "walkit/app/kv_state_machine.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::kv {
namespace {

using starvation::Failing;
using starvation::for_each_allocation;
using starvation::met;
using starvation::set_met;
using starvation::starved;
using testing::IsOk;

KvOptions options() {
  return {.checkpoint_every_bytes = 0,
          .checkpoint_every_entries = 0,
          .checkpoint_every = std::chrono::milliseconds(0)};
}

std::vector<Request> begin() {
  std::vector<Request> chunk{{1, Grant{1, Time(50)}, 1}};
  for (std::uint64_t n = 2; n <= 40; ++n) {
    chunk.push_back(
        {n, Put{"key" + std::to_string(n), std::string(50, 'v'), Time(40 + n), n % 2}, 1});
  }
  return chunk;
}

const std::vector<Request> kChunk{{41, Put{"a", std::string(50, 'w'), Time(90), 1}, 1},
                                  {42, Increment{"n"}, 1},
                                  {43, EraseRange{with_prefix("key1")}, 1},
                                  {44, Tick{Time(50)}, 2}};

Bytes bytes_of(const KvStateMachine& machine) { return machine.snapshot().bytes().value(); }

// `call` leaves the state as it was, or as it is after it, whatever it answers; and so does a
// restart. One that answers success was done.
void is_all_or_nothing(const std::function<Status(KvStateMachine&)>& call) {
  const auto model_disk = MemoryDirectory::create();
  auto model = KvStateMachine::open(model_disk, options()).value();
  model.apply(begin()).value();
  const Bytes before = bytes_of(model);
  ASSERT_THAT(call(model), IsOk());
  const Bytes after = bytes_of(model);
  for_each_allocation([&](std::size_t nth, Failing how) {
    const auto disk = MemoryDirectory::create();
    bool was_met = false, is_done = false;
    {
      auto machine = KvStateMachine::open(disk, options()).value();
      machine.apply(begin()).value();
      const Status answer = starved(nth, how, [&] { return call(machine); });
      was_met = met();
      is_done = answer.has_value();
      if (!answer) {
        const Errc code = answer.error().code;
        EXPECT_TRUE(code == Errc::no_memory || code == Errc::poisoned) << answer.error();
        EXPECT_TRUE(code == Errc::poisoned || bytes_of(machine) == before);
      }
    }
    const auto again = KvStateMachine::open(disk, options()).value();
    EXPECT_EQ(again.check_invariants(), std::vector<std::string>{});
    const Bytes left = bytes_of(again);
    EXPECT_TRUE(left == after || (!is_done && left == before)) << "allocation " << nth;
    set_met(was_met);
  });
}

TEST(KvNoMemory, AChunkIsAppliedOrNot) {
  is_all_or_nothing([](KvStateMachine& machine) -> Status {
    auto outcomes = machine.apply(kChunk);
    if (!outcomes) return outcomes.error();
    return {};
  });
}

TEST(KvNoMemory, ASnapshotIsInstalledOrNot) {
  KvStateMachine other = KvStateMachine::open(MemoryDirectory::create(), options()).value();
  other.apply(begin()).value();
  other.apply(kChunk).value();
  const KvSnapshot snapshot = other.snapshot();
  is_all_or_nothing([&](KvStateMachine& machine) { return machine.install(snapshot); });
}

TEST(KvNoMemory, ACheckpointThatFailsChangesNothing) {
  is_all_or_nothing([](KvStateMachine& machine) { return machine.checkpoint(); });
}

TEST(KvNoMemory, ReadersOfSnapshotsAndChangesAreAnswered) {
  auto machine = KvStateMachine::open(MemoryDirectory::create(), options()).value();
  machine.apply(begin()).value();
  const Bytes bytes = bytes_of(machine);
  for_each_allocation([&](std::size_t nth, Failing how) {
    const auto read = starved(nth, how, [&] { return KvSnapshot::read(bytes).has_value(); });
    EXPECT_TRUE(read || met());
  });
  for_each_allocation([&](std::size_t nth, Failing how) {
    Watch watch = machine.watch("key", 1);
    const auto first = starved(nth, how, [&] { return watch.next(Time(0)); });
    const bool was_met = met();
    const bool is_change = first && first->has_value();
    EXPECT_TRUE(is_change || was_met);
    set_met(was_met);
  });
}

}  // namespace
}  // namespace walkit::kv
