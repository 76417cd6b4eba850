#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace walkit {

/// How values are spread, by powers of two, in 520 bytes. A value; not for two threads at a time.
struct Histogram {
  /// counts[n] of those that have n bits: 0; 1; 2 and 3; 4 to 7; and so on.
  std::array<std::uint64_t, 65> counts{};

  void add(std::uint64_t value) noexcept {
    ++counts[static_cast<std::size_t>(std::bit_width(value))];
  }
  [[nodiscard]] std::uint64_t count() const noexcept {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  }
  /// The largest value that the same bits hold as the one that `part` (0 to 1) of all are not
  /// above: less than twice too large. 0: there is none.
  [[nodiscard]] std::uint64_t quantile(double part) const noexcept {
    const std::uint64_t all = count();
    if (all == 0) return 0;
    const double wanted = std::max(1.0, part * static_cast<double>(all));
    std::size_t bits = 0;
    std::uint64_t seen = counts[0];
    while (static_cast<double>(seen) < wanted && bits + 1 < counts.size()) seen += counts[++bits];
    return bits == 0 ? 0 : ~std::uint64_t{0} >> (64 - bits);
  }
};

}  // namespace walkit
