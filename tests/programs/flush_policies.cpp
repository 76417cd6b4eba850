// What a kill and a power cut leave, for each policy, on a disk that loses power on command.
#include <chrono>
#include <string>
#include <walkit/testing/crash_directory.hpp>
#include <walkit/walkit.hpp>

#include "check.hpp"

using walkit::FlushPolicy;
using walkit::testing::Crash;
using Wal = walkit::WalWriter<std::string, walkit::BytesCodec>;

/// How many of `entries` the next boot finds.
template <class Then>
std::uint64_t kept(walkit::WalOptions options, int entries, Crash crash, Then then) {
  const auto disk = walkit::testing::CrashDirectory::create();
  auto wal = Wal::open(disk, options).value();
  for (int i = 0; i < entries; ++i) wal.append("entry").value();
  then(wal);
  return Wal::open(disk->crash(crash)).value().recovery().entries.size();
}

int main() {
  using namespace std::chrono_literals;
  constexpr auto kFlushed = walkit::Durability::flushed;
  const auto nothing = [](Wal&) {};
  const auto sync = [](Wal& wal) { wal.sync().value(); };
  const auto flush = [](Wal& wal) { wal.flush().value(); };
  const auto wait_5 = [](Wal& wal) { wal.wait_durable(walkit::EntryId{5}).value(); };

  CHECK(kept({}, 5, Crash::power_cut, nothing) == 5);
  CHECK(kept({.durability = kFlushed}, 5, Crash::process_kill, nothing) == 5);
  CHECK(kept({.durability = kFlushed}, 5, Crash::power_cut, sync) == 5);

  CHECK(kept({.flush = FlushPolicy::manual()}, 5, Crash::process_kill, nothing) == 0);
  CHECK(kept({.flush = FlushPolicy::manual()}, 5, Crash::process_kill, flush) == 5);
  CHECK(kept({.flush = FlushPolicy::manual()}, 5, Crash::power_cut, sync) == 5);
  CHECK(kept({.flush = FlushPolicy::manual()}, 5, Crash::power_cut, wait_5) == 5);

  CHECK(kept({.flush = FlushPolicy::every_n(2)}, 5, Crash::power_cut, nothing) == 4);
  CHECK(kept({.flush = FlushPolicy::every_n(2)}, 6, Crash::power_cut, nothing) == 6);
  CHECK(kept({.flush = FlushPolicy::every_bytes(10)}, 3, Crash::power_cut, nothing) == 2);

  // The timer pushes out what the count does not reach; who asks need not wait for it.
  auto wal = Wal::open(walkit::MemoryDirectory::create(),
                       {.flush = FlushPolicy::every_n(1000).or_after(1ms)})
                 .value();
  const auto id = wal.append("alone").value();
  while (wal.durable_entry_id() < id) {
  }
  CHECK(wal.stats().entries == 1);
}
