#include "testing/crash_image.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace walkit::testing {
namespace {

const Sector kZeros{};

bool all_zeros(BytesView bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

Sector keep_front(const Sector& sector, std::size_t keep, std::uint32_t sector_bytes) {
  if (!sector.bytes) return sector;
  const BytesView whole{sector.bytes.get(), sector_bytes};
  if (all_zeros(whole.subspan(keep))) return sector;
  std::array<std::byte, kSectorBytesMax> front{};
  std::memcpy(front.data(), whole.data(), keep);
  return make_sector(BytesView{front}.first(sector_bytes));
}

}  // namespace

std::uint64_t mix_hash(std::uint64_t hash, std::uint64_t value) noexcept {
  // The first product keeps two equal values, such as cache and device at rest, from cancelling
  // out.
  hash = (hash * 0xD6E8FEB86659FD93u ^ value) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

std::uint64_t mix_hash(std::uint64_t hash, BytesView bytes) noexcept {
  hash = mix_hash(hash, bytes.size());
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t n = std::min(sizeof word, bytes.size());
    std::memcpy(&word, bytes.data(), n);
    hash = mix_hash(hash, word);
    bytes = bytes.subspan(n);
  }
  return hash;
}

Sector make_sector(BytesView bytes) {
  if (all_zeros(bytes)) return {};
  auto copy = std::make_shared_for_overwrite<std::byte[]>(bytes.size());
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  // Zero is the hash of zeros alone.
  return {std::move(copy), std::max<std::uint64_t>(1, mix_hash(0, bytes))};
}

bool same_content(const Sector& a, const Sector& b, std::uint32_t sector_bytes) {
  if (a.bytes == b.bytes) return true;
  if (!a.bytes || !b.bytes || a.hash != b.hash) return false;
  return std::memcmp(a.bytes.get(), b.bytes.get(), sector_bytes) == 0;
}

Image::Image(const Image& other)
    : sector_bytes_(other.sector_bytes_),
      size_(other.size_),
      table_(other.table_),
      shared_(true),
      hash_(other.hash_) {
  other.shared_ = true;
}

Image& Image::operator=(const Image& other) {
  if (this != &other) *this = Image(other);
  return *this;
}

Image::Table& Image::own() {
  if (!table_) {
    table_ = std::make_shared<Table>();
  } else if (shared_) {
    table_ = std::make_shared<Table>(*table_);
  }
  shared_ = false;
  hash_.reset();
  return *table_;
}

const Sector& Image::sector(std::uint64_t index) const {
  return table_ && index < table_->size() ? (*table_)[index] : kZeros;
}

std::size_t Image::read(std::uint64_t offset, std::span<std::byte> into) const {
  if (offset >= size_) return 0;
  const std::size_t bytes = std::min<std::uint64_t>(into.size(), size_ - offset);
  for (std::size_t done = 0; done < bytes;) {
    const std::uint64_t at = offset + done;
    const std::size_t within = at % sector_bytes_;
    const std::size_t n = std::min<std::size_t>(bytes - done, sector_bytes_ - within);
    const Sector& from = sector(at / sector_bytes_);
    if (from.bytes) {
      std::memcpy(into.data() + done, from.bytes.get() + within, n);
    } else {
      std::memset(into.data() + done, 0, n);
    }
    done += n;
  }
  return bytes;
}

void Image::set_sector(std::uint64_t index, Sector sector) {
  const std::uint64_t begin = index * sector_bytes_;
  if (begin >= size_) return;
  if (size_ - begin < sector_bytes_) sector = keep_front(sector, size_ - begin, sector_bytes_);
  if (!sector.bytes && (!table_ || index >= table_->size())) return;
  Table& table = own();
  if (index >= table.size()) table.resize(index + 1);
  table[index] = std::move(sector);
}

void Image::resize(std::uint64_t bytes) {
  if (bytes == size_) return;
  const std::uint64_t whole = bytes / sector_bytes_;
  if (bytes < size_ && table_ && whole < table_->size()) {
    Table& table = own();
    const std::size_t rest = bytes % sector_bytes_;
    if (rest != 0) table[whole] = keep_front(table[whole], rest, sector_bytes_);
    table.resize(whole + (rest != 0 ? 1 : 0));
  }
  size_ = bytes;
  hash_.reset();
}

std::uint64_t Image::hash() const {
  if (hash_) return *hash_;
  std::uint64_t hash = mix_hash(1, size_);
  for (std::size_t i = 0; table_ && i < table_->size(); ++i) {
    if ((*table_)[i].bytes) hash = mix_hash(mix_hash(hash, i), (*table_)[i].hash);
  }
  hash_ = hash;
  return hash;
}

}  // namespace walkit::testing
