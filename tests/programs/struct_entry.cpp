// A struct as an entry: there when the log is opened again, and refused as another type.
#include <string>
#include <walkit/walkit.hpp>

#include "check.hpp"

struct Order {
  std::uint64_t id = 0;
  std::string customer;
  bool paid = false;
  static constexpr walkit::EntryType entry_type{"shop.order", 1};
  friend bool operator==(const Order&, const Order&) = default;
  template <class A>
  void serialize(A& a) {
    a(id, customer, paid);
  }
};

struct Invoice : Order {
  static constexpr walkit::EntryType entry_type{"shop.invoice", 1};
};

int main() {
  using Origin = walkit::RecoveryReport::Origin;
  const auto dir = walkit::FsDirectory::open("orders").value();
  {
    auto wal = walkit::WalWriter<Order>::open(dir).value();
    CHECK(wal.recovery().origin == Origin::created);
    CHECK(!wal.last_entry_id());
    CHECK(wal.append({1, "ada", false}).value() == walkit::EntryId{1});
    CHECK(wal.append({2, "grace", true}).value() == walkit::EntryId{2});
    CHECK(wal.close());
    CHECK(wal.append({}).error().code == walkit::Errc::closed);
  }

  const auto wrong = walkit::WalWriter<Invoice>::open(dir);
  CHECK(!wrong);
  CHECK(wrong.error().code == walkit::Errc::incompatible);
  CHECK(to_string(wrong.error()).find("shop.order") != std::string::npos);

  auto wal = walkit::WalWriter<Order>::open(dir).value();
  CHECK(wal.recovery().origin == Origin::clean_close);
  CHECK(wal.next_entry_id() == walkit::EntryId{3});
  const auto records = walkit::WalReader<Order>::open(dir).value().replay().value();
  CHECK(records.size() == 2);
  CHECK(records[0].payload == Order{1, "ada", false});
  CHECK(records[1] == walkit::WalRecord<Order>{walkit::EntryId{2}, {2, "grace", true}});
}
