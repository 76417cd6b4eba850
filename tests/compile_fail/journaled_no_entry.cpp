// expect: walkit: a journaled State says what its entries are: using Entry = MyEntry;
#include "walkit/cereal_codec.hpp"
#include "walkit/journaled.hpp"

struct Total {
#ifdef WALKIT_FIXED
  using Entry = int;
#endif
  int total = 0;
  void apply(const int& by) { total += by; }
  template <class A>
  void serialize(A& a) {
    a(total);
  }
};

std::size_t size() { return sizeof(walkit::Journaled<Total>); }
