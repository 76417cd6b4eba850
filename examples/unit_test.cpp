// A unit test of a class over a log: no disk, no folder to clean up.
// [readme]
#include <string>
#include <walkit/walkit.hpp>

using Orders = walkit::WalWriter<std::string, walkit::BytesCodec>;

int main() {
  const auto dir = walkit::MemoryDirectory::create();
  {
    auto wal = Orders::open(dir).value();
    wal.append("an order").value();
  }
  // Its next life.
  auto wal = Orders::open(dir).value();
  return wal.last_entry_id() == walkit::EntryId{1} ? 0 : 1;
}
// [/readme]
