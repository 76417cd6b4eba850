// Every allocation of every call fails once, alone and with all that follow it.

#include <gtest/gtest.h>

#include <string>

#include "checkpoint/checkpoint_format.hpp"
#include "starvation.hpp"
#include "walkit/checkpoint/checkpoint_store.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using starvation::Failing;
using starvation::for_each_allocation;
using starvation::met;
using starvation::set_met;
using starvation::starved;
using testing::HasErrc;
using testing::IsOk;
using Store = CheckpointStore<std::string, BytesCodec>;

std::string state_at(std::uint64_t id) { return std::string(5000, 's') + std::to_string(id); }

Store open(const std::shared_ptr<Directory>& directory) {
  return Store::open(directory, {.compression = Compression::zstd}).value();
}

std::shared_ptr<Directory> with_two() {
  const auto directory = MemoryDirectory::create();
  Store store = open(directory);
  for (const std::uint64_t id : {10u, 20u}) {
    EXPECT_THAT(store.save(EntryId{id}, state_at(id), EntryId{id}), IsOk());
  }
  return directory;
}

TEST(NoMemoryCheckpoint, SavingIsAnErrorAndTheNextOneGoesThrough) {
  for_each_allocation([](std::size_t nth, Failing how) {
    const auto directory = with_two();
    Store store = open(directory);
    const std::string state = state_at(30);
    const Status saved =
        starved(nth, how, [&] { return store.save(EntryId{30}, state, EntryId{30}); });
    const bool hit = met();
    if (!saved) {
      EXPECT_THAT(saved, HasErrc(Errc::no_memory));
    }
    const auto found = open(directory).load_latest();
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(found->state, state_at(found->entry_id.value));
    EXPECT_GE(found->entry_id, EntryId{saved ? 30u : 20u});
    EXPECT_THAT(store.save(EntryId{40}, state_at(40), EntryId{40}), IsOk());
    EXPECT_EQ(open(directory).load_latest()->entry_id, EntryId{40});
    EXPECT_TRUE(store.other_files()->empty());
    set_met(hit);
  });
}

TEST(NoMemoryCheckpoint, LoadingIsAnErrorAndNoOlderState) {
  const auto directory = with_two();
  for_each_allocation([&](std::size_t nth, Failing how) {
    const Store store = open(directory);
    const auto found = starved(nth, how, [&] { return store.load_latest(); });
    const bool hit = met();
    if (found) {
      EXPECT_EQ(found->entry_id, EntryId{20});
    } else {
      EXPECT_THAT(found, HasErrc(Errc::no_memory));
    }
    set_met(hit);
  });
}

TEST(NoMemoryCheckpoint, LookingAndPruningAreErrors) {
  for_each_allocation([&](std::size_t nth, Failing how) {
    const auto directory = with_two();
    Store store = open(directory);
    const auto memory_or_fine = [](const auto& result) {
      return result.has_value() || result.error().code == Errc::no_memory;
    };
    bool hit = false;
    const auto look = [&](auto call) {
      EXPECT_TRUE(memory_or_fine(starved(nth, how, call)));
      hit |= met();
    };
    look([&] { return store.list(); });
    look([&] { return store.verify(); });
    look([&] { return store.other_files(); });
    look([&] { return store.covered_through(); });
    look([&] { return store.plan_prune(); });
    look([&] { return store.prune(); });
    look([&] { return Store::open(directory); });
    EXPECT_EQ(store.list()->size(), 2u);
    set_met(hit);
  });
}

}  // namespace
}  // namespace walkit
