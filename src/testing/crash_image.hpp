#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "walkit/base/bytes.hpp"

namespace walkit::testing {

inline constexpr std::uint32_t kSectorBytesMax = 4096;

/// Folds `value` into a running hash. Any thread.
[[nodiscard]] std::uint64_t mix_hash(std::uint64_t hash, std::uint64_t value) noexcept;
[[nodiscard]] std::uint64_t mix_hash(std::uint64_t hash, BytesView bytes) noexcept;

/// The content of one sector, never changed once made, so that images and versions share it.
/// Without bytes it is all zeros. A value; any thread.
struct Sector {
  std::shared_ptr<const std::byte[]> bytes{};
  std::uint64_t hash = 0;
};

[[nodiscard]] Sector make_sector(BytesView bytes);
[[nodiscard]] bool same_content(const Sector& a, const Sector& b, std::uint32_t sector_bytes);

/// The bytes of one file. Copies share all sectors until one of them changes, zeros cost nothing,
/// and bytes beyond the size are always zeros. Copying marks the source, so it needs the source's
/// lock too.
class Image {
 public:
  explicit Image(std::uint32_t sector_bytes) : sector_bytes_(sector_bytes) {}
  Image(const Image& other);
  Image& operator=(const Image& other);
  Image(Image&&) noexcept = default;
  Image& operator=(Image&&) noexcept = default;
  ~Image() = default;

  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const;
  /// What lies beyond the size is dropped.
  void set_sector(std::uint64_t index, Sector sector);
  void resize(std::uint64_t bytes);

  [[nodiscard]] const Sector& sector(std::uint64_t index) const;
  [[nodiscard]] std::uint32_t sector_bytes() const { return sector_bytes_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t hash() const;

 private:
  using Table = std::vector<Sector>;  // sectors behind its end are zeros

  Table& own();

  std::uint32_t sector_bytes_;
  std::uint64_t size_ = 0;
  std::shared_ptr<Table> table_{};
  mutable bool shared_ = false;  // the table is, or was, also another image's
  mutable std::optional<std::uint64_t> hash_{};
};

}  // namespace walkit::testing
