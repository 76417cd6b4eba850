#include "starvation.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

namespace {

using walkit::starvation::Failing;

thread_local bool armed = false;
thread_local bool fired = false;
thread_local std::size_t allocations_left = 0;
thread_local Failing failing = Failing::once;

thread_local bool is_test = false;
std::atomic<bool> others_armed = false;
std::atomic<std::size_t> others_allocations = 0, others_fail_from = 0;

bool fails_for_others() noexcept {
  return others_armed && !is_test && others_allocations++ >= others_fail_from;
}

void* allocate(std::size_t bytes) noexcept {
  if (fails_for_others()) return nullptr;
  if (armed) {
    if (allocations_left == 0) {
      fired = true;
      if (failing == Failing::once) armed = false;
      return nullptr;
    }
    --allocations_left;
  }
  return std::malloc(bytes == 0 ? 1 : bytes);
}

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (void* memory = allocate(bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new[](std::size_t bytes) {
  if (void* memory = allocate(bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes);
}
// A sanitizer's own arrays would not come by here.
[[gnu::noinline]] void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace walkit::starvation {

void begin(std::size_t nth, Failing how) {
  fired = false;
  failing = how;
  allocations_left = nth;
  armed = true;
}
void end() { armed = false; }
bool met() { return fired; }
void begin_for_others(std::size_t nth) {
  is_test = true;
  others_allocations = 0;
  others_fail_from = nth;
  others_armed = true;
}
void end_for_others() { others_armed = false; }
std::size_t met_by_others() {
  return others_allocations > others_fail_from ? others_allocations - others_fail_from : 0;
}
void set_met(bool met) { fired = met; }

void for_each_allocation(const std::function<void(std::size_t, Failing)>& body) {
  for (const Failing how : {Failing::once, Failing::from_there_on}) {
    std::size_t nth = 0;
    do {
      SCOPED_TRACE("allocation " + std::to_string(nth) +
                   (how == Failing::once ? " alone" : " and all behind it"));
      set_met(false);
      body(nth++, how);
      ASSERT_LT(nth, 10'000u);
    } while (met() && !::testing::Test::HasFailure());
    EXPECT_GT(nth, 1u) << "no allocation was met";
  }
}

}  // namespace walkit::starvation
