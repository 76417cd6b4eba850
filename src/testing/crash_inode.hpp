#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "testing/crash_choices.hpp"
#include "testing/crash_image.hpp"

namespace walkit::testing {

/// One simulated file: what the device has, what the cache shows, and every content and size that
/// may have reached the device since the last sync. One thread.
class Inode {
 public:
  explicit Inode(std::uint32_t sector_bytes) : device_(sector_bytes), cache_(sector_bytes) {}
  /// As a boot finds it: nothing pending.
  explicit Inode(const Image& image) : device_(image), cache_(image) {}

  /// Writes the first `bytes` of the parts.
  void write(std::uint64_t offset, std::span<const BytesView> parts, std::uint64_t bytes);
  void grow(std::uint64_t to);
  void truncate(std::uint64_t bytes);
  void sync();
  /// What a failed sync leaves: something landed, and the cache takes everything for clean.
  void fail_sync(Choices& choices);
  /// Puts `image` into cache and device.
  void replace(const Image& image);

  /// One of the states the device may be found in.
  [[nodiscard]] Image settle(Choices& choices) const;
  /// How many decisions settle() takes at most.
  [[nodiscard]] std::size_t undecided() const { return dirty_.size() + (sizes_.empty() ? 0 : 1); }
  [[nodiscard]] const Image& cache() const { return cache_; }
  [[nodiscard]] const Image& device() const { return device_; }
  [[nodiscard]] std::uint64_t hash() const;

 private:
  using Versions = std::vector<Sector>;  // oldest first

  void put(std::uint64_t index, Sector sector);
  void note_size();
  /// Below this, old bytes of the device still count once the first `sizes` sizes took effect.
  [[nodiscard]] std::uint64_t untouched_below(std::size_t sizes) const;
  [[nodiscard]] Sector settle_sector(const Sector& old, const Versions& versions,
                                     Choices& choices) const;

  Image device_;
  Image cache_;
  std::map<std::uint64_t, Versions> dirty_{};
  std::vector<std::uint64_t> sizes_{};
};

}  // namespace walkit::testing
