// expect: walkit: wchar_t and long double differ between machines. Use char32_t or double
#include "round_trip.hpp"

#ifdef WALKIT_FIXED
enum class Sign : char32_t { plus, minus };
#else
enum class Sign : wchar_t { plus, minus };
#endif

struct Entry {
  Sign sign{};
  template <class A>
  void serialize(A& a) {
    a(sign);
  }
};

template void round_trip(const Entry&, walkit::ByteSink&);
