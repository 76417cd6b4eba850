// The whole tool inside one's own program, printing entries as this program describes them.
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <walkit/cli.hpp>
#include <walkit/walkit.hpp>

#include "check.hpp"

namespace shop {
struct Order {
  std::string customer;
  std::uint64_t cents = 0;
  static constexpr walkit::EntryType entry_type{"shop.order", 1};
  template <class A>
  void serialize(A& a) {
    a(customer, cents);
  }
};

std::string describe(const Order& order) {  // found beside the type
  return order.customer + " owes " + std::to_string(order.cents);
}
}  // namespace shop

int main(int argc, char** argv) {
  if (argc > 1) return walkit::cli_main<shop::Order>(argc, argv);

  const auto dir = walkit::FsDirectory::open("orders").value();
  auto wal = walkit::WalWriter<shop::Order>::open(dir).value();
  CHECK(wal.append({"ada", 4200}));
  CHECK(wal.append({"grace", 99}));
  CHECK(wal.close());

  // As a person would: this very program, with arguments.
  const std::string me = argv[0];
  CHECK(std::system((me + " cat orders > out.txt").c_str()) == 0);
  std::ostringstream out;
  out << std::ifstream("out.txt").rdbuf();
  CHECK(out.str().find("ada owes 4200") != std::string::npos);
  CHECK(out.str().find("grace owes 99") != std::string::npos);
  CHECK(std::system((me + " verify orders > /dev/null").c_str()) == 0);
  CHECK(std::system((me + " cat nowhere > /dev/null 2>&1").c_str()) != 0);
}
