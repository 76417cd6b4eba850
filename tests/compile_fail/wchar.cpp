// expect: walkit: wchar_t and long double differ between machines. Use char32_t or double
#include "round_trip.hpp"

struct Entry {
#ifdef WALKIT_FIXED
  char32_t field{};
#else
  wchar_t field{};
#endif
  template <class A>
  void serialize(A& a) {
    a(field);
  }
};

template void round_trip(const Entry&, walkit::ByteSink&);
