// expect: walkit: an entry must not hold a shared_ptr, a weak_ptr or a unique_ptr to a polymorphic class: its bytes would choose the object. Hold the value, a std::optional, a std::variant or a unique_ptr to a plain struct
#include <cereal/types/memory.hpp>
#include <memory>

#include "round_trip.hpp"

struct Entry {
#ifdef WALKIT_FIXED
  std::unique_ptr<int> field{};
#else
  std::shared_ptr<int> field{};
#endif
  template <class A>
  void serialize(A& a) {
    a(field);
  }
};

template void round_trip(const Entry&, walkit::ByteSink&);
