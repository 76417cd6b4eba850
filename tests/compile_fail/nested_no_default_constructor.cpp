// expect: walkit: CerealCodec reads into a fresh E: give E a default constructor, or name another codec: WalWriter<E, MyCodec>
#include <vector>

#include "round_trip.hpp"

struct Inner {
#ifdef WALKIT_FIXED
  Inner() = default;
#endif
  explicit Inner(int number) : n(number) {}
  int n = 0;
  template <class A>
  void serialize(A& a) {
    a(n);
  }
};

struct Entry {
  std::vector<Inner> inner{};
  template <class A>
  void serialize(A& a) {
    a(inner);
  }
};

template void round_trip(const Entry&, walkit::ByteSink&);
