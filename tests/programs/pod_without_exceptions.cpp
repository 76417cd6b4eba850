// Built with -fno-exceptions -fno-rtti: the default codec is left out, all else is there.
#include <cstdint>
#include <walkit/walkit.hpp>

#include "check.hpp"

struct Tick {
  std::uint64_t time_ns = 0;
  std::uint32_t instrument = 0;
  std::int32_t price = 0;
  static constexpr walkit::EntryType entry_type{"market.tick"};
};

using Codec = walkit::PodCodec<Tick>;

walkit::Status record_ticks(const std::shared_ptr<walkit::Directory>& dir) {
  auto wal = walkit::WalWriter<Tick, Codec>::open(dir, {.durability = walkit::Durability::flushed});
  if (!wal) return wal.error();
  for (std::uint32_t i = 1; i <= 100; ++i) {
    if (const auto id = wal->append({.time_ns = i, .instrument = i % 7, .price = -5}); !id) {
      return id.error();
    }
  }
  return wal->close();
}

int main() {
  const auto dir = walkit::FsDirectory::open("ticks");
  CHECK(dir);
  CHECK(record_ticks(*dir));

  const auto log = walkit::WalReader<Tick, Codec>::open(*dir);
  CHECK(log);
  std::int64_t sum = 0;
  const auto done = log->replay_each(
      walkit::ReplayMode::strict, [&](walkit::WalRecord<Tick>& tick) -> walkit::Step {
        sum += tick.payload.price;
        return tick.entry_id == walkit::EntryId{50} ? walkit::Step::stop : walkit::Step::next;
      });
  CHECK(done && done->end == walkit::ReplaySummary::End::stopped);
  CHECK(sum == -250);
  const auto missing = log->read(walkit::EntryId{101});
  CHECK(!missing && missing.error().code == walkit::Errc::not_found);
}
