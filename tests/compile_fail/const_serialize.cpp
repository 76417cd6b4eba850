// expect: walkit: serialize must not be const: it also reads
#include "round_trip.hpp"

struct Entry {
  int n = 0;
  template <class A>
#ifdef WALKIT_FIXED
  void serialize(A& a) {
#else
  void serialize(A& a) const {
#endif
    a(n);
  }
};

template void round_trip(const Entry&, walkit::ByteSink&);
