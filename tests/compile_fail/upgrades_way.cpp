// expect: walkit: Upgrades<V1, V2>: there is no way from V1 to V2. Give V2 a constructor V2(V1), or write a function "V2 upgrade(V1)" beside V1
#include <string>

#include "walkit/upgrades.hpp"

struct V1 {
  std::string name{};
  static constexpr walkit::EntryType entry_type{"put", 1};
  template <class A>
  void serialize(A& a) {
    a(name);
  }
};

struct V2 {
  std::string name{};
  int count = 0;
  static constexpr walkit::EntryType entry_type{"put", 2};
  template <class A>
  void serialize(A& a) {
    a(name, count);
  }
};

#ifdef WALKIT_FIXED
V2 upgrade(V1 old) { return {old.name, 0}; }
#endif

template walkit::Result<V2> walkit::decode_entry<V2>(const walkit::Upgrades<V1, V2>&,
                                                     walkit::BytesView, std::uint32_t);
