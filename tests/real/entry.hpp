#pragma once

#include <cstdint>
#include <string>

namespace walkit::real {

/// What a workload appends. All of it follows from the seed, the life and the number of the call,
/// so that a checker knows each byte of an entry without having been told.
struct Entry {
  std::uint32_t life = 0;          // of the process that appended it
  std::uint32_t k = 0, count = 0;  // the k-th of a batch of so many
  std::uint64_t n = 0;             // number of the call in that life
  std::string filler{};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(life, k, count, n, filler);
  }
  friend bool operator==(const Entry&, const Entry&) = default;
};

[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t h) {
  h += 0x9e3779b97f4a7c15;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
  h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
  return h ^ (h >> 31);
}

/// A quarter of them zeros, which look like what was never written; a quarter compressible.
[[nodiscard]] inline std::string filler_of(std::uint64_t seed, const Entry& entry) {
  std::uint64_t h = mixed(seed ^ mixed(entry.life ^ mixed(entry.n ^ mixed(entry.k))));
  const std::uint64_t bytes = h % 32 == 0 ? 2000 + h / 32 % 3000 : h / 32 % 200;
  std::string filler(bytes, '\0');
  if (entry.n % 4 == 1) return filler;
  for (std::uint64_t at = 0; at < bytes; ++at) {
    if (at % 8 == 0 && (at == 0 || entry.n % 4 != 0)) h = mixed(h);
    filler[at] = static_cast<char>(h >> (at % 8 * 8));
  }
  return filler;
}

[[nodiscard]] inline Entry entry_of(std::uint64_t seed, Entry entry) {
  entry.filler = filler_of(seed, entry);
  return entry;
}

}  // namespace walkit::real
