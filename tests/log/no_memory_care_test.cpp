// Care of a log, with every allocation failing once, alone and with all that follow it.

#include <optional>

#include "log/writer_harness.hpp"
#include "starvation.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/log/marker.hpp"
#include "walkit/maintenance.hpp"

namespace walkit {
namespace {

using starvation::Failing;
using starvation::for_each_allocation;
using starvation::met;
using starvation::set_met;
using starvation::starved;

template <class R>
bool is_memory_error(const R& result) {
  return result.error().code == Errc::no_memory || result.error().code == Errc::poisoned;
}

/// Small segments.
WalOptions starving_options(FlushPolicy flush = {}) {
  return {.flush = flush, .segment_bytes = 4096};
}

const MarkerBody kMarker({.kind = Marker::Kind::checkpoint, .entry_id = EntryId{1}});

// It begins the writer's first segment.
TEST(NoMemoryCare, FirstMarkerSaysSoAndTheLogGoesOn) {
  for_each_allocation([&](std::size_t nth, Failing how) {
    const auto directory = MemoryDirectory::create();
    auto wal = Wal::open(directory, starving_options()).value();
    const Status wrote = starved(nth, how, [&] { return wal.write_marker(kMarker.bytes()); });
    const bool hit = met();
    EXPECT_TRUE(wrote || is_memory_error(wrote)) << wrote.error();
    if (!wrote && wrote.error().code == Errc::no_memory) {
      EXPECT_FALSE(wal.verdict().failure);
      EXPECT_THAT(wal.write_marker(kMarker.bytes()), IsOk()) << "it does not go on";
    }
    EXPECT_TRUE(wal.close() || !wrote);
    expect_recovers(directory, {}, 0);
    set_met(hit);
  });
}

TEST(NoMemoryCare, SteadyMarkerTakesNone) {
  auto wal = Wal::open(MemoryDirectory::create()).value();
  ASSERT_THAT(wal.append("an entry"), IsOk());
  ASSERT_THAT(wal.write_marker(kMarker.bytes()), IsOk());
  const auto write = [&] { return wal.write_marker(kMarker.bytes()); };
  EXPECT_THAT(starved(0, Failing::from_there_on, write), IsOk());
}

TEST(NoMemoryCare, PinsSayTheyAreNotThereAndThenAre) {
  for_each_allocation([&](std::size_t nth, Failing how) {
    const auto directory = MemoryDirectory::create();
    auto wal = Wal::open(directory, starving_options()).value();
    for (int n = 0; n < 5; ++n) ASSERT_THAT(wal.append(std::string(1500, 'x')), IsOk());
    const auto care = wal.maintenance();
    const auto pin_all = [&]() -> Status {
      const auto here = care.pin(EntryId{3});
      if (!here) return here.error();
      const auto named = care.pin("a-name-that-does-not-fit", EntryId{3}, 1u << 20);
      if (!named) return named.error();
      const auto moved = care.move_pin("a-name-that-does-not-fit", EntryId{4});
      if (!moved) return moved.error();
      const auto pins = care.pins();
      return pins ? Status{} : Status(pins.error());
    };
    const Status pinned = starved(nth, how, pin_all);
    const bool hit = met();
    EXPECT_TRUE(pinned || is_memory_error(pinned)) << pinned.error();
    EXPECT_FALSE(wal.verdict().failure);
    EXPECT_THAT(pin_all(), IsOk());
    EXPECT_THAT(care.trim_before(EntryId{5}), IsOkAndHolds(EntryId{3}));
    EXPECT_THAT(care.release_pin("a-name-that-does-not-fit"), IsOk());
    set_met(hit);
  });
}

TEST(NoMemoryCare, ContinueAfterSaysSoAndASecondCallFinishes) {
  for_each_allocation([&](std::size_t nth, Failing how) {
    const auto directory = MemoryDirectory::create();
    auto wal = Wal::open(directory, starving_options()).value();
    for (int n = 0; n < 5; ++n) ASSERT_THAT(wal.append(std::string(1500, 'x')), IsOk());
    ASSERT_THAT(wal.close(), IsOk());
    const auto begin = [&] { return WalMaintenance::continue_after(directory, EntryId{9}); };
    const Status begun = starved(nth, how, begin);
    const bool hit = met();
    EXPECT_TRUE(begun || is_memory_error(begun)) << begun.error();
    EXPECT_THAT(begin(), IsOk());
    EXPECT_EQ(Wal::open(directory)->next_entry_id(), EntryId{10});
    set_met(hit);
  });
}

// Beside a writer and without one: an error, and then the same trim goes through.
TEST(NoMemoryCare, TrimSaysSoAndASecondOneFinishes) {
  for (const bool live : {true, false}) {
    for_each_allocation([&](std::size_t nth, Failing how) {
      const auto directory = MemoryDirectory::create();
      std::optional<Wal> wal = Wal::open(directory, starving_options()).value();
      for (int n = 0; n < 9; ++n) ASSERT_THAT(wal->append(std::string(1500, 'x')), IsOk());
      if (!live) wal.reset();
      const auto care = live ? wal->maintenance() : WalMaintenance::open(directory).value();
      const auto trim = [&] { return care.trim_before(EntryId{6}); };
      const auto trimmed = starved(nth, how, trim);
      const bool hit = met();
      EXPECT_TRUE(trimmed || is_memory_error(trimmed)) << trimmed.error();
      if (live && wal->verdict().failure) {
        wal.reset();
        EXPECT_THAT(WalMaintenance::open(directory)->trim_before(EntryId{6}), IsOk());
      } else {
        EXPECT_THAT(trim(), IsOkAndHolds(EntryId{5}));
      }
      wal.reset();
      EXPECT_EQ(Reader::open(directory)->entry_count().value(), 5u);
      set_met(hit);
    });
  }
}

}  // namespace
}  // namespace walkit
