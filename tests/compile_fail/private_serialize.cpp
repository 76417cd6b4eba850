// expect: walkit: this type cannot be written to a log. Give it a public "template <class A> void serialize(A& a) { a(field, other_field); }" (a standard type: include its <cereal/types/...>), or name another codec: WalWriter<E, MyCodec>
#include "round_trip.hpp"

class Entry {
#ifdef WALKIT_FIXED
 public:
#endif
  template <class A>
  void serialize(A& a) {
    a(n_);
  }

 private:
  int n_ = 0;
};

template void round_trip(const Entry&, walkit::ByteSink&);
