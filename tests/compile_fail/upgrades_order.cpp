// expect: walkit: Upgrades<V1, V2>: entry_type schema numbers must rise from left to right
#include <string>

#include "walkit/upgrades.hpp"

struct V1 {
  std::string name{};
  static constexpr walkit::EntryType entry_type{"put", 2};
  template <class A>
  void serialize(A& a) {
    a(name);
  }
};

struct V2 {
  std::string name{};
  int count = 0;
#ifdef WALKIT_FIXED
  static constexpr walkit::EntryType entry_type{"put", 3};
#else
  static constexpr walkit::EntryType entry_type{"put", 2};
#endif
  template <class A>
  void serialize(A& a) {
    a(name, count);
  }
};

V2 upgrade(V1 old) { return {old.name, 0}; }

template walkit::Result<V2> walkit::decode_entry<V2>(const walkit::Upgrades<V1, V2>&,
                                                     walkit::BytesView, std::uint32_t);
