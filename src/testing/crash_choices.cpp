#include "testing/crash_choices.hpp"

#include <algorithm>
#include <cstring>

namespace walkit::testing {

std::uint64_t Random::next() {
  state_ += 0x9E3779B97F4A7C15u;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

void Random::fill(std::span<std::byte> into) {
  while (!into.empty()) {
    const std::uint64_t word = next();
    const std::size_t n = std::min(sizeof word, into.size());
    std::memcpy(into.data(), &word, n);
    into = into.subspan(n);
  }
}

Sampler::Sampler(Random& random, std::size_t items)
    : odd_one_(random.below(std::max<std::size_t>(1, items))) {
  // Half of all crashes decide each thing by itself; the other half is shared by the four extremes.
  const std::size_t draw = random.below(8);
  stratum_ = draw < 4 ? static_cast<Stratum>(draw) : Stratum::independent;
}

std::size_t Sampler::pick(Random& random, std::size_t choices) {
  const bool odd = asked_++ == odd_one_;
  switch (stratum_) {
    case Stratum::nothing:
      return 0;
    case Stratum::everything:
      return 1;
    case Stratum::one_missing: {
      if (!odd) return 1;
      const std::size_t other = random.below(choices - 1);  // anything but the newest
      return other == 0 ? 0 : other + 1;
    }
    case Stratum::one_alone:
      return odd ? 1 + random.below(choices - 1) : 0;
    case Stratum::independent:
      break;
  }
  // Old and new are asked for often, or they would drown among the hundreds of torn forms.
  const std::size_t draw = random.below(4);
  return draw < 2 ? draw : random.below(choices);
}

void Choices::begin(std::size_t items) {
  if (!pick_) sampler_ = Sampler(random_, items);
}

std::size_t Choices::choose(std::size_t choices) {
  if (choices <= 1) return 0;
  return pick_ ? std::min(pick_(choices), choices - 1) : sampler_.pick(random_, choices);
}

std::uint64_t Choices::choose_length(std::uint64_t bytes) {
  if (!pick_) return random_.next() % (bytes + 1);
  const std::size_t third = choose(3);
  return third == 0 ? 0 : third == 1 ? bytes : bytes / 2;
}

std::size_t Choices::tear_cuts() const { return pick_ ? tear_cuts_ : SIZE_MAX; }

}  // namespace walkit::testing
