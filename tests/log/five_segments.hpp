#pragma once

// What trims and pins are tried on.

#include "log/log_box.hpp"
#include "walkit/maintenance.hpp"

namespace walkit {

/// Five segments of three entries each, 1 to 15, closed.
inline LogBox five_segments() {
  LogBox box;
  for (int life = 1; life <= 5; ++life) {
    box.append(3).close();
    if (life < 5) box.open();
  }
  return box;
}

inline WalMaintenance care_for(const LogBox& box) {
  return WalMaintenance::open(box.directory).value();
}

}  // namespace walkit
