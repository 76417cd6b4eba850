// expect: walkit: this type cannot be written to a log. Give it a public "template <class A> void serialize(A& a) { a(field, other_field); }" (a standard type: include its <cereal/types/...>), or name another codec: WalWriter<E, MyCodec>
#include "round_trip.hpp"

struct Entry {
  int n = 0;
  template <class A>
  void serialize(A& a) {
#ifdef WALKIT_FIXED
    a(n);
#else
    a(cereal::defer(n));
#endif
  }
};

template void round_trip(const Entry&, walkit::ByteSink&);
