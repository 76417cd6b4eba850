#include "cli/sizes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace walkit::cli {
namespace {

std::uint64_t first_with(unsigned bits) { return bits == 0 ? 0 : std::uint64_t{1} << (bits - 1); }
std::uint64_t last_with(unsigned bits) {
  return bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

}  // namespace

// Below 32 each size has its own bucket; above, 16 of them share a power of two.
std::size_t Sizes::bucket_of(std::uint64_t size) {
  const auto bits = static_cast<unsigned>(std::bit_width(size));
  if (bits <= kSubBits + 1) return static_cast<std::size_t>(size);
  const unsigned shift = bits - kSubBits - 1;
  return (std::size_t{shift} << kSubBits) + static_cast<std::size_t>(size >> shift);
}

std::uint64_t Sizes::last_of(std::size_t bucket) {
  constexpr std::size_t kExact = std::size_t{2} << kSubBits;
  if (bucket < kExact) return bucket;
  const auto shift = static_cast<unsigned>(bucket >> kSubBits) - 1;
  const std::uint64_t top = bucket - (std::size_t{shift} << kSubBits);
  return ((top + 1) << shift) - 1;
}

void Sizes::add(std::uint64_t size) {
  ++buckets_[bucket_of(size)];
  ++powers_[static_cast<std::size_t>(std::bit_width(size))];
  ++count_;
  max_ = std::max(max_, size);
}

std::uint64_t Sizes::quantile(double part) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted && seen > 0) return std::min(last_of(bucket), max_);
  }
  return 0;
}

Json Sizes::histogram() const {
  Json rows = Json::array();
  unsigned last = 64;
  while (last > 0 && powers_[last] == 0) --last;
  for (unsigned bits = 0; bits <= last; ++bits) {
    if (rows.empty() && powers_[bits] == 0) continue;
    rows.push_back({{"from", first_with(bits)}, {"to", last_with(bits)}, {"count", powers_[bits]}});
  }
  return rows;
}

std::string Sizes::lines() const {
  constexpr std::uint64_t kWidth = 40;
  const std::uint64_t most = *std::max_element(powers_.begin(), powers_.end());
  std::string lines;
  for (const Json& row : histogram()) {
    const auto count = row["count"].get<std::uint64_t>();
    const double part = static_cast<double>(count) / static_cast<double>(most);
    const auto bar = static_cast<std::size_t>(std::ceil(part * static_cast<double>(kWidth)));
    const std::string range =
        fmt::format("{}..{}", row["from"].get<std::uint64_t>(), row["to"].get<std::uint64_t>());
    lines += fmt::format("  {:>21}  {:>10}  {}\n", range, count, std::string(bar, '#'));
  }
  return lines;
}

}  // namespace walkit::cli
