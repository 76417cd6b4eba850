// expect: walkit: this type cannot be written to a log. Give it a public "template <class A> void serialize(A& a) { a(field, other_field); }" (a standard type: include its <cereal/types/...>), or name another codec: WalWriter<E, MyCodec>
#include "round_trip.hpp"

struct Entry {
  int n = 0;
  template <class A>
  void save(A& a) const {
    a(n);
  }
#ifdef WALKIT_FIXED
  template <class A>
  void load(A& a) {
    a(n);
  }
#endif
};

template void round_trip(const Entry&, walkit::ByteSink&);
