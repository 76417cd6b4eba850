// expect: walkit: an entry must not hold a pointer: it means nothing after a restart. Hold the value, a std::string or a std::vector
#include "round_trip.hpp"

struct Entry {
#ifdef WALKIT_FIXED
  int field{};
#else
  int* field[2]{};
#endif
  template <class A>
  void serialize(A& a) {
    a(field);
  }
};

template void round_trip(const Entry&, walkit::ByteSink&);
