#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace walkit {

/// A number that a test takes from the environment.
inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Random numbers that come again: the seed is printed, and WALKIT_SEED sets it.
class Random : public std::mt19937_64 {
 public:
  explicit Random(std::uint64_t seed) : Random(from_environment("WALKIT_SEED", seed), 0) {}

 private:
  Random(std::uint64_t seed, int) : std::mt19937_64(seed) {
    std::cout << "WALKIT_SEED=" << seed << "\n";
  }
};

}  // namespace walkit
