#include <chrono>
#include <iostream>
#include <walkit/app/kv_store.hpp>
#include <walkit/walkit.hpp>

int main() {
  // [readme]
  auto dir = walkit::FsDirectory::open("people").value();
  auto people = walkit::kv::Store::open(dir).value();
  people.put("ann", "blue").value();  // it returned: it survives a power cut
  // [/readme]

  using namespace std::chrono_literals;
  people.put("session/17", "ann", {.ttl = 30min}).value();
  const auto visits = people.increment("visits/ann").value();
  const auto late = people.compare_and_swap("ann", "red", "green").value();
  const bool is_done = late == walkit::kv::Outcome::done;

  std::cout << "ann is " << people.get("ann").value().value_or("nobody") << ", was here "
            << visits.number << " time, and " << (is_done ? "changed" : "is not red") << "\n";
  for (const auto& [key, value] : people.scan(walkit::kv::with_prefix(""), 10).value().entries) {
    std::cout << key << " = " << value.value << ", by entry " << value.revision << "\n";
  }
}
