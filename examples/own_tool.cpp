#include <iostream>
#include <string>
#include <walkit/cli.hpp>
#include <walkit/walkit.hpp>

struct Order {
  std::string customer;
  std::uint64_t cents = 0;
  static constexpr walkit::EntryType entry_type{"shop.order", 1};
  template <class A>
  void serialize(A& a) {
    a(customer, cents);
  }
};

// How the tool prints one.
std::string describe(const Order& order) {
  return order.customer + " owes " + std::to_string(order.cents) + " cents";
}

walkit::Status take_orders() {
  auto dir = walkit::FsDirectory::open("orders");
  if (!dir) return dir.error();
  auto wal = walkit::WalWriter<Order>::open(*dir);
  if (!wal) return wal.error();
  for (const Order& order : {Order{"ada", 4200}, Order{"grace", 99}}) {
    if (auto id = wal->append(order); !id) return id.error();
  }
  return wal->close();
}

// `own_tool` takes orders; `own_tool cat orders`, `own_tool verify orders --json` look at them.
int main(int argc, char** argv) {
  if (argc > 1) return walkit::cli_main<Order>(argc, argv);
  const walkit::Status done = take_orders();
  if (!done) std::cerr << done.error() << "\n";
  return done ? 0 : 1;
}
