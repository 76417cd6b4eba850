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

/// How a power cut, or a failed sync, decides about a file. `older`: what other files have, which
/// shows where blocks are given out before they are written.
struct Settling {
  Choices& choices;
  const CrashModel& model;
  std::vector<const Image*> older{};
};

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
  void fail_sync(const Settling& by);
  /// Puts `image` into cache and device.
  void replace(const Image& image);

  /// One of the states the device may be found in.
  [[nodiscard]] Image settle(const Settling& by) const;
  /// About how many decisions settle() takes.
  [[nodiscard]] std::size_t undecided() const { return dirty_.size() + (sizes_.empty() ? 0 : 1); }
  /// What may still read as it was, though it is written over.
  [[nodiscard]] std::uint64_t overwritten_bytes() const;
  [[nodiscard]] const Image& cache() const { return cache_; }
  [[nodiscard]] const Image& device() const { return device_; }
  [[nodiscard]] std::uint64_t hash() const;

 private:
  struct Version {
    Sector sector{};
    std::uint64_t change = 0;  // of the file: the number of the one that made it
  };
  struct Size {
    std::uint64_t bytes = 0, change = 0;
  };
  using Versions = std::vector<Version>;  // oldest first

  void put(std::uint64_t index, Sector sector);
  void note_size();
  /// Below this, old bytes of the device still count once the first `sizes` sizes took effect.
  [[nodiscard]] std::uint64_t untouched_below(std::size_t sizes) const;
  [[nodiscard]] Sector settle_sector(const Sector& old, std::span<const Version> versions,
                                     const Settling& by) const;
  [[nodiscard]] Sector one_of(const Sector& old, std::span<const Version> versions,
                              const Settling& by) const;

  Image device_;
  Image cache_;
  std::map<std::uint64_t, Versions> dirty_{};
  std::vector<Size> sizes_{};
  std::uint64_t changes_ = 0;
};

}  // namespace walkit::testing
