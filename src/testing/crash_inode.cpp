#include "testing/crash_inode.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace walkit::testing {
namespace {

using Buffer = std::array<std::byte, kSectorBytesMax>;

void load(const Sector& sector, std::span<std::byte> into) {
  if (sector.bytes) {
    std::memcpy(into.data(), sector.bytes.get(), into.size());
  } else {
    std::memset(into.data(), 0, into.size());
  }
}

/// Where a tear of `version` over `old` gives something that is neither: after `begin` to `end`
/// bytes, both included. Empty when begin > end.
struct TearRange {
  std::size_t begin = 1, end = 0;

  [[nodiscard]] std::size_t cuts(std::size_t cuts_max) const {
    return begin > end ? 0 : std::min(cuts_max, end - begin + 1);
  }
  /// The n-th of `count` cuts, evenly spread.
  [[nodiscard]] std::size_t cut(std::size_t n, std::size_t count) const {
    return count < 2 ? begin : begin + n * (end - begin) / (count - 1);
  }
};

TearRange tear_range(BytesView old, BytesView version) {
  const auto first = std::ranges::mismatch(old, version).in1 - old.begin();
  std::size_t last = old.size();
  while (last > 0 && old[last - 1] == version[last - 1]) --last;
  if (last == 0) return {};
  return {static_cast<std::size_t>(first) + 1, last - 1};
}

/// Bytes that nobody wrote, the same for the same `salt`.
Sector garbage(std::uint64_t salt, std::uint32_t sector_bytes) {
  Buffer buffer;
  const std::span<std::byte> bytes = std::span(buffer).first(sector_bytes);
  Random(salt).fill(bytes);
  return make_sector(bytes);
}

/// The sectors behind `from` were given to the file and never written.
void show_stale(Image& image, std::uint64_t from, const Settling& by) {
  if (by.choices.choose(3) < 2) return;  // zeros, as where nothing and where all landed
  const std::size_t source = by.choices.choose(1 + by.older.size());
  const std::uint32_t sector_bytes = image.sector_bytes();
  std::uint64_t index = (from + sector_bytes - 1) / sector_bytes;
  for (; index * sector_bytes < image.size(); ++index) {
    image.set_sector(
        index, source == 0 ? garbage(index, sector_bytes) : by.older[source - 1]->sector(index));
  }
}

/// Hands out the bytes of several parts in order.
class PartsReader {
 public:
  explicit PartsReader(std::span<const BytesView> parts) : parts_(parts) {}

  void read(std::span<std::byte> into) {
    while (!into.empty()) {
      if (used_ == parts_.front().size()) {
        parts_ = parts_.subspan(1);
        used_ = 0;
        continue;
      }
      const std::size_t n = std::min(into.size(), parts_.front().size() - used_);
      std::memcpy(into.data(), parts_.front().data() + used_, n);
      used_ += n;
      into = into.subspan(n);
    }
  }

 private:
  std::span<const BytesView> parts_;
  std::size_t used_ = 0;
};

}  // namespace

void Inode::write(std::uint64_t offset, std::span<const BytesView> parts, std::uint64_t bytes) {
  if (bytes == 0) return;
  ++changes_;
  if (offset + bytes > cache_.size()) cache_.resize(offset + bytes);
  note_size();
  PartsReader from(parts);
  const std::uint32_t sector_bytes = cache_.sector_bytes();
  for (std::uint64_t at = offset; at < offset + bytes;) {
    const std::size_t within = at % sector_bytes;
    const std::size_t n = std::min<std::uint64_t>(offset + bytes - at, sector_bytes - within);
    Buffer buffer;
    const std::span<std::byte> content = std::span(buffer).first(sector_bytes);
    load(cache_.sector(at / sector_bytes), content);
    from.read(content.subspan(within, n));
    put(at / sector_bytes, make_sector(content));
    at += n;
  }
}

void Inode::put(std::uint64_t index, Sector sector) {
  const auto known = dirty_.find(index);
  const bool cut_pending = untouched_below(sizes_.size()) < device_.size();
  const Sector* last = known != dirty_.end() ? &known->second.back().sector
                       : cut_pending         ? nullptr  // the device's content may be gone by then
                                             : &device_.sector(index);
  if (!last || !same_content(sector, *last, cache_.sector_bytes())) {
    dirty_[index].push_back({sector, changes_});
  }
  cache_.set_sector(index, std::move(sector));
}

void Inode::note_size() {
  // Compared with what the device will have, not with the cache: after a failed sync only a new
  // write brings a lost size back.
  const std::uint64_t coming = sizes_.empty() ? device_.size() : sizes_.back().bytes;
  if (cache_.size() != coming) sizes_.push_back({cache_.size(), changes_});
}

void Inode::grow(std::uint64_t to) {
  if (to <= cache_.size()) return;
  ++changes_;
  cache_.resize(to);
  note_size();
}

void Inode::truncate(std::uint64_t bytes) {
  ++changes_;
  cache_.resize(bytes);
  note_size();
  // Data that was on its way to the part cut off must not come back when the file grows again.
  const std::uint64_t first = bytes / cache_.sector_bytes();
  for (auto at = dirty_.lower_bound(first); at != dirty_.end(); ++at) {
    const Sector& now = cache_.sector(at->first);
    if (same_content(now, at->second.back().sector, cache_.sector_bytes())) continue;
    at->second.push_back({now, changes_});
  }
}

std::uint64_t Inode::untouched_below(std::size_t sizes) const {
  std::uint64_t below = device_.size();
  for (std::size_t i = 0; i < sizes; ++i) below = std::min(below, sizes_[i].bytes);
  return below;
}

void Inode::sync() {
  if (!sizes_.empty()) {
    device_.resize(untouched_below(sizes_.size()));
    device_.resize(sizes_.back().bytes);
  }
  for (auto& [index, versions] : dirty_) {
    device_.set_sector(index, std::move(versions.back().sector));
  }
  dirty_.clear();
  sizes_.clear();
}

void Inode::fail_sync(const Settling& by) {
  by.choices.begin(undecided());
  device_ = settle(by);
  dirty_.clear();
  sizes_.clear();
}

void Inode::replace(const Image& image) {
  device_ = image;
  cache_ = image;
  dirty_.clear();
  sizes_.clear();
}

Image Inode::settle(const Settling& by) const {
  Image image = device_;
  std::uint64_t grown_from = UINT64_MAX, grown_at = 0;
  const std::size_t choice = by.choices.choose(sizes_.size() + 1);
  if (choice != 0) {  // 1 is the newest, the others oldest first
    const std::size_t taken = choice == 1 ? sizes_.size() : choice - 1;
    grown_from = untouched_below(taken);
    grown_at = sizes_[taken - 1].change;
    image.resize(grown_from);
    image.resize(sizes_[taken - 1].bytes);
    const bool stale = by.model.growth == CrashModel::Growth::stale;
    if (stale && image.size() > grown_from) show_stale(image, grown_from, by);
  }
  for (const auto& [index, versions] : dirty_) {
    if (index * image.sector_bytes() >= image.size()) break;
    Sector old = image.sector(index);
    std::span<const Version> later = versions;
    const bool is_grown = (index + 1) * image.sector_bytes() > grown_from;
    while (by.model.sizes == CrashModel::Sizes::ordered && is_grown && !later.empty() &&
           later.front().change <= grown_at) {
      old = later.front().sector;  // this much landed before the file grew
      later = later.subspan(1);
    }
    image.set_sector(index, later.empty() ? old : settle_sector(old, later, by));
  }
  return image;
}

Sector Inode::settle_sector(const Sector& old, std::span<const Version> versions,
                            const Settling& by) const {
  if (by.model.sectors != CrashModel::Sectors::garbage) return one_of(old, versions, by);
  const std::size_t choice = by.choices.choose(3);
  if (choice == 0) return old;
  if (choice == 1) return versions.back().sector;
  if (by.choices.choose(2) == 1) return one_of(old, versions, by);
  return garbage(versions.back().sector.hash, device_.sector_bytes());
}

Sector Inode::one_of(const Sector& old, std::span<const Version> versions,
                     const Settling& by) const {
  Choices& choices = by.choices;
  Buffer old_buffer, new_buffer;
  const auto old_bytes = std::span(old_buffer).first(device_.sector_bytes());
  const auto new_bytes = std::span(new_buffer).first(device_.sector_bytes());
  load(old, old_bytes);
  const bool tears_any = choices.tear_cuts() != 0 && by.model.sectors != CrashModel::Sectors::whole;
  std::vector<TearRange> tears(tears_any ? versions.size() : 0);
  std::size_t torn_forms = 0;
  for (std::size_t i = 0; i < tears.size(); ++i) {
    load(versions[i].sector, new_bytes);
    tears[i] = tear_range(old_bytes, new_bytes);
    torn_forms += tears[i].cuts(choices.tear_cuts());
  }
  std::size_t choice = choices.choose(1 + versions.size() + torn_forms);
  if (choice == 0) return old;
  if (choice == 1) return versions.back().sector;
  if (choice <= versions.size()) return versions[choice - 2].sector;
  choice -= versions.size() + 1;
  std::size_t torn = 0;
  for (; choice >= tears[torn].cuts(choices.tear_cuts()); ++torn) {
    choice -= tears[torn].cuts(choices.tear_cuts());
  }
  load(versions[torn].sector, new_bytes);
  const std::size_t cut = tears[torn].cut(choice, tears[torn].cuts(choices.tear_cuts()));
  std::ranges::copy(old_bytes.subspan(cut), new_bytes.begin() + static_cast<std::ptrdiff_t>(cut));
  return make_sector(new_bytes);
}

std::uint64_t Inode::overwritten_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [index, versions] : dirty_) {
    if ((index + 1) * device_.sector_bytes() <= device_.size()) bytes += device_.sector_bytes();
  }
  return bytes;
}

std::uint64_t Inode::hash() const {
  std::uint64_t hash = mix_hash(cache_.hash(), device_.hash());
  for (const Size& size : sizes_) hash = mix_hash(mix_hash(hash, size.bytes), size.change);
  for (const auto& [index, versions] : dirty_) {
    hash = mix_hash(hash, index);
    for (const Version& version : versions) {
      hash = mix_hash(mix_hash(hash, version.sector.hash), version.change);
    }
  }
  return hash;
}

}  // namespace walkit::testing
