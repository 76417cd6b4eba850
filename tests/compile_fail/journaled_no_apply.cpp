// expect: walkit: a journaled State has a public R apply(const Entry&), which changes it
#include "walkit/cereal_codec.hpp"
#include "walkit/journaled.hpp"

struct Total {
  using Entry = int;
  int total = 0;
#ifdef WALKIT_FIXED
  void apply(const Entry& by) { total += by; }
#else
  void apply(Entry& by) { total += by; }
#endif
  template <class A>
  void serialize(A& a) {
    a(total);
  }
};

std::size_t size() { return sizeof(walkit::Journaled<Total>); }
