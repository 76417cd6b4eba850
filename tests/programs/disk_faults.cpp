// How a program tests what it does on a bad disk: each operation fails once, a full disk gets room
// again, and a look at whether what it does by itself in that folder keeps to the protocol.
#include <string>
#include <vector>
#include <walkit/testing/checked_directory.hpp>
#include <walkit/testing/fault_directory.hpp>
#include <walkit/walkit.hpp>

#include "check.hpp"

using walkit::Errc;
using walkit::testing::CheckedDirectory;
using walkit::testing::Fault;
using walkit::testing::FaultDirectory;
using Wal = walkit::WalWriter<std::string, walkit::BytesCodec>;
using Log = walkit::WalReader<std::string, walkit::BytesCodec>;

/// The program under test: how many of three entries it may promise to its users.
std::size_t store_three(const std::shared_ptr<walkit::Directory>& disk) {
  auto wal = Wal::open(disk);
  if (!wal) return 0;
  std::size_t promised = 0;
  while (promised < 3 && wal->append("entry " + std::to_string(promised))) ++promised;
  return promised;
}

int each_operation_fails() {
  const auto whole = FaultDirectory::create(walkit::MemoryDirectory::create());
  CHECK(store_three(whole) == 3);
  for (std::uint64_t at = 1; at <= whole->operation_count(); ++at) {
    for (const Fault fault : {Fault::io, Fault::short_write, Fault::read_only}) {
      const auto disk = FaultDirectory::create(walkit::MemoryDirectory::create());
      disk->fail_at(at, fault);
      const std::size_t promised = store_three(disk);
      CHECK(Wal::open(disk));  // and that settles what was in doubt
      CHECK(Log::open(disk).value().replay().value().size() >= promised);
    }
  }
  return 0;
}

int full_disk() {
  const auto disk = FaultDirectory::create(walkit::FsDirectory::open("full").value());
  auto wal = Wal::open(disk).value();
  CHECK(wal.append("there is room"));
  disk->fail_from(disk->operation_count() + 1, Fault::no_space);
  CHECK(wal.append(std::string(3u << 20, 'x')).error().code == Errc::no_space);
  CHECK(!wal.verdict().failure);
  disk->lift();
  CHECK(wal.append(std::string(3u << 20, 'x')));
  CHECK(wal.close());
  return 0;
}

int protocol() {
  const auto disk = CheckedDirectory::create(walkit::FsDirectory::open("checked").value());
  CHECK(store_three(disk) == 3);
  CHECK(disk->violations().empty());
  // A file of the program's own, renamed before it was synced.
  auto file = disk->open("state.tmp", walkit::OpenMode::create).value();
  const walkit::BytesView bytes = walkit::as_bytes("state");
  CHECK(file->write_at(0, {&bytes, 1}));
  CHECK(disk->rename({.from = "state.tmp", .to = "state"}));
  CHECK(!disk->violations().empty());
  return 0;
}

int main() {
  CHECK(each_operation_fails() == 0);
  CHECK(full_disk() == 0);
  CHECK(protocol() == 0);
}
