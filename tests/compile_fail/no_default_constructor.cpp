// expect: walkit: CerealCodec reads into a fresh E: give E a default constructor, or name another codec: WalWriter<E, MyCodec>
#include "round_trip.hpp"

struct Entry {
#ifdef WALKIT_FIXED
  Entry() = default;
#endif
  explicit Entry(int number) : n(number) {}
  int n = 0;
  template <class A>
  void serialize(A& a) {
    a(n);
  }
};

template void round_trip(const Entry&, walkit::ByteSink&);
