// An entry type, a nested type that may grow, and the two suites that a test runs over them.
#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <variant>
#include <vector>
#include <walkit/testing/suites.hpp>
#include <walkit/walkit.hpp>

#include <cereal/types/optional.hpp>

// [readme]
struct Address {
  std::string street, town;
  friend bool operator==(const Address&, const Address&) = default;
  template <class A>
  void serialize(A& a) {
    a(walkit::sized(street, town));  // a block: fields may be added at its end
  }
};

struct Customer {
  std::string name;
  std::vector<Address> addresses;
  std::optional<std::string> note = "new";  // what an entry without the field has
  std::variant<std::monostate, std::chrono::sys_seconds> blocked_since;
  static constexpr walkit::EntryType entry_type{"shop.customer", 1};
  friend bool operator==(const Customer&, const Customer&) = default;
  template <class A>
  void serialize(A& a) {
    a(name, addresses, note, blocked_since);
  }
};

// In your tests: the codec's promises on your values, and bytes that later versions must read.
walkit::Status test_customers(const std::string& golden_file) {
  const std::vector<Customer> samples{{}, {"ada", {{"High Street", "Bath"}}, {}, {}}};
  if (auto ok = walkit::testing::codec_suite<Customer>(samples); !ok) return ok;
  return walkit::testing::golden<Customer>(golden_file, samples);
}
// [/readme]

int main(int, char** argv) {
  const auto done = test_customers("customers_v1.txt");
  // The file was never written: run once with WALKIT_GOLDEN=create, then keep it.
  if (done || done.error().code != walkit::Errc::not_found) {
    std::cerr << argv[0] << ": the missing file was not noticed\n";
    return 1;
  }
  std::cout << done.error().message << "\n";
}
