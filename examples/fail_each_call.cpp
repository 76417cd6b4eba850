// Every operation of a program fails once, while the protocol of a log is watched.
// [readme]
#include <iostream>
#include <string>
#include <walkit/testing/checked_directory.hpp>
#include <walkit/testing/fault_directory.hpp>
#include <walkit/walkit.hpp>

using Orders = walkit::WalWriter<std::string, walkit::BytesCodec>;
using walkit::testing::CheckedDirectory;
using walkit::testing::Fault;
using walkit::testing::FaultDirectory;

// Works until something fails, and returns how many orders were acknowledged.
std::uint64_t take_orders(const std::shared_ptr<walkit::Directory>& dir) {
  std::uint64_t told = 0;
  auto wal = Orders::open(dir, {.segment_bytes = 4096});
  while (wal && told < 100 && wal->append("an order")) ++told;
  return told;
}

int main() {
  const auto healthy = FaultDirectory::create(walkit::MemoryDirectory::create());
  take_orders(healthy);

  std::uint64_t lost = 0, broken_rules = 0;
  for (std::uint64_t n = 1; n <= healthy->operation_count(); ++n) {
    for (const Fault fault : {Fault::io, Fault::no_space, Fault::short_write}) {
      const auto disk = walkit::MemoryDirectory::create();
      const auto faulty = FaultDirectory::create(disk);
      const auto checked = CheckedDirectory::create(faulty);
      faulty->fail_at(n, fault);
      const std::uint64_t told = take_orders(checked);
      broken_rules += checked->violations().size();

      // The next life, on a disk that is well again.
      const auto wal = Orders::open(disk).value();
      if (wal.last_entry_id().value_or(walkit::EntryId{}) < walkit::EntryId{told}) ++lost;
    }
  }
  std::cout << "lost " << lost << " times, " << broken_rules << " rules broken\n";
}
// [/readme]
