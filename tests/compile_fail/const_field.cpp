// expect: walkit: serialize must not be const: it also reads
#include "round_trip.hpp"

struct Entry {
#ifdef WALKIT_FIXED
  int n = 0;
#else
  const int n = 0;
#endif
  template <class A>
  void serialize(A& a) {
    a(n);
  }
};

template void round_trip(const Entry&, walkit::ByteSink&);
