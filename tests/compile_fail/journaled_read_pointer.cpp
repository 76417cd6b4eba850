// expect: walkit: Journaled::read copies its result out; a pointer into the state would outlive the lock
#include "walkit/cereal_codec.hpp"
#include "walkit/journaled.hpp"

struct Total {
  using Entry = int;
  int total = 0;
  void apply(const Entry& by) { total += by; }
  template <class A>
  void serialize(A& a) {
    a(total);
  }
};

auto look(const walkit::Journaled<Total>& journal) {
#ifdef WALKIT_FIXED
  return journal.read([](const Total& state) { return state.total; });
#else
  return journal.read([](const Total& state) { return &state.total; });
#endif
}
