// A test of your own code against every state that a power cut can leave.
// [readme]
#include <iostream>
#include <string>
#include <walkit/testing/crash_test.hpp>
#include <walkit/walkit.hpp>

using Orders = walkit::WalWriter<std::string, walkit::BytesCodec>;

// Works until the power goes, and returns how many orders were acknowledged.
std::size_t take_orders(const std::shared_ptr<walkit::Directory>& dir) {
  auto wal = Orders::open(dir);
  std::size_t acknowledged = 0;
  while (wal && acknowledged < 3 && wal->append("order")) ++acknowledged;
  return acknowledged;
}

// Judges what the next boot finds.
walkit::Status all_there(const std::shared_ptr<walkit::Directory>& dir, std::size_t acknowledged) {
  auto wal = Orders::open(dir);
  if (!wal) return wal.error();
  const auto found = wal->last_entry_id().value_or(walkit::EntryId{}).value;
  if (found >= acknowledged) return {};
  return walkit::Error{.code = walkit::Errc::corrupt, .message = "an order is gone"};
}

int main() {
  const auto report = walkit::testing::crash_test({}, take_orders, all_there).value();
  std::cout << "orders survive " << (report.crash_points > 10 ? "every" : "no") << " power cut\n";
}
// [/readme]
