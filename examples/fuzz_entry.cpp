// [readme]
#include <string>
#include <variant>
#include <vector>
#include <walkit/testing/fuzz.hpp>

#include <cereal/types/variant.hpp>

struct Placed {
  std::string customer;
  std::vector<std::uint32_t> items;
  template <class A>
  void serialize(A& a) {
    a(customer, items);
  }
};
struct Paid {
  std::uint64_t cents = 0;
  template <class A>
  void serialize(A& a) {
    a(cents);
  }
};

WALKIT_FUZZ_ENTRY(std::variant<Placed, Paid>)
// [/readme]
