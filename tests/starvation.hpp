#pragma once

#include <cstddef>
#include <functional>

// Memory that runs out when a test says so. starvation.cpp replaces operator new and delete of the
// whole executable.

namespace walkit::starvation {

enum class Failing { once, from_there_on };

/// From now on allocation number `nth` (from 0) of this thread fails, alone or with all behind it.
void begin(std::size_t nth, Failing how);
void end();
/// Whether one failed since begin().
[[nodiscard]] bool met();
/// For a test that asks for more than one thing: what met() says from now on.
void set_met(bool met);

/// From now on allocation number `nth` of all other threads together fails, and all behind it.
void begin_for_others(std::size_t nth);
void end_for_others();
/// How many failed since begin_for_others().
[[nodiscard]] std::size_t met_by_others();

/// What `call` answers when its allocation number `nth` fails.
template <class Call>
auto starved(std::size_t nth, Failing how, Call&& call) {
  begin(nth, how);
  const struct Disarm {
    ~Disarm() { end(); }
  } disarm;
  return call();
}

/// body(nth, how) for each allocation, until none was left to fail: the body calls starved() and
/// leaves what met() says. Both ways to fail.
void for_each_allocation(const std::function<void(std::size_t, Failing)>& body);

}  // namespace walkit::starvation
