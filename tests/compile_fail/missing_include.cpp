// expect: walkit: this type cannot be written to a log. Give it a public "template <class A> void serialize(A& a) { a(field, other_field); }" (a standard type: include its <cereal/types/...>), or name another codec: WalWriter<E, MyCodec>
#ifdef WALKIT_FIXED
#include <cereal/types/map.hpp>
#endif
#include <map>

#include "round_trip.hpp"

struct Entry {
  std::map<int, int> map{};
  template <class A>
  void serialize(A& a) {
    a(map);
  }
};

template void round_trip(const Entry&, walkit::ByteSink&);
