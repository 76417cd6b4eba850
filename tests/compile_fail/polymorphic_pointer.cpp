// expect: walkit: an entry must not hold a shared_ptr, a weak_ptr or a unique_ptr to a polymorphic class: its bytes would choose the object. Hold the value, a std::optional, a std::variant or a unique_ptr to a plain struct
#include <cereal/types/memory.hpp>
#include <memory>

#include "round_trip.hpp"

struct Base {
#ifndef WALKIT_FIXED
  virtual ~Base() = default;
#endif
  int n = 0;
  template <class A>
  void serialize(A& a) {
    a(n);
  }
};

struct Entry {
  std::unique_ptr<Base> base{};
  template <class A>
  void serialize(A& a) {
    a(base);
  }
};

template void round_trip(const Entry&, walkit::ByteSink&);
