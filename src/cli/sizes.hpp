#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "cli/json.hpp"

namespace walkit::cli {

/// How sizes are spread, in constant memory: counts in steps of at most 1/16 of the size.
class Sizes {
 public:
  void add(std::uint64_t size);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  /// A size that at least this part of all are not above; too large by 1/16 at most, exact below
  /// 32. 0 where there is none.
  [[nodiscard]] std::uint64_t quantile(double part) const;

  /// By powers of two: {"from":0,"to":0,"count":1}, both included, from the first to the last that
  /// is not empty.
  [[nodiscard]] Json histogram() const;
  /// The same as lines with bars.
  [[nodiscard]] std::string lines() const;

 private:
  static constexpr unsigned kSubBits = 4;
  static constexpr std::size_t kBuckets = 64 << kSubBits;

  [[nodiscard]] static std::size_t bucket_of(std::uint64_t size);
  [[nodiscard]] static std::uint64_t last_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::array<std::uint64_t, 65> powers_{};  // [bits of the size]
  std::uint64_t count_ = 0, max_ = 0;
};

}  // namespace walkit::cli
