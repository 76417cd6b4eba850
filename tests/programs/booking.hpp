#pragma once

#include <cstdint>
#include <string>
#include <walkit/codec.hpp>

struct Booking {
  std::string text;
  std::int64_t cents = 0;
  static constexpr walkit::EntryType entry_type{"bank.booking", 1};
  template <class A>
  void serialize(A& a) {
    a(text, cents);
  }
};
