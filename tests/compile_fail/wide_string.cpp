// expect: walkit: wchar_t and long double differ between machines. Use char32_t or double
#include <string>

#include "round_trip.hpp"

struct Entry {
#ifdef WALKIT_FIXED
  std::u32string field{};
#else
  std::wstring field{};
#endif
  template <class A>
  void serialize(A& a) {
    a(field);
  }
};

template void round_trip(const Entry&, walkit::ByteSink&);
