#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "walkit/testing/crash_directory.hpp"

namespace walkit::testing {

/// The splitmix64 generator: small, seedable, the same everywhere. One thread.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  [[nodiscard]] std::uint64_t next();
  [[nodiscard]] std::size_t below(std::size_t limit) { return next() % limit; }
  void fill(std::span<std::byte> into);

 private:
  std::uint64_t state_;
};

/// Picks the choices of one crash so that the telling states are frequent: nothing landed, all
/// landed, one thing missing, one thing alone, or each by itself. One thread.
class Sampler {
 public:
  Sampler() = default;
  /// `items`: about how many choices will be asked for.
  Sampler(Random& random, std::size_t items);

  [[nodiscard]] std::size_t pick(Random& random, std::size_t choices);

 private:
  enum class Stratum { nothing, everything, one_missing, one_alone, independent };

  Stratum stratum_ = Stratum::independent;
  std::size_t odd_one_ = 0;
  std::size_t asked_ = 0;
};

/// All decisions of one simulated device, by the caller's `pick` or by seed. One thread.
class Choices {
 public:
  explicit Choices(const CrashOptions& options)
      : pick_(options.pick), tear_cuts_(options.tear_cuts), random_(options.seed) {}

  /// A crash, or a failed sync, with about so many things to decide is next.
  void begin(std::size_t items);
  [[nodiscard]] std::size_t choose(std::size_t choices);
  /// How much of an interrupted write was done, 0 to `bytes`.
  [[nodiscard]] std::uint64_t choose_length(std::uint64_t bytes);
  [[nodiscard]] std::size_t tear_cuts() const;
  /// Whether a sync that answers success tells a lie; by seed one in four does.
  [[nodiscard]] bool lies() { return pick_ ? choose(2) == 1 : random_.below(4) == 0; }

 private:
  std::function<std::size_t(std::size_t)> pick_;
  std::size_t tear_cuts_;
  Random random_;
  Sampler sampler_{};
};

}  // namespace walkit::testing
