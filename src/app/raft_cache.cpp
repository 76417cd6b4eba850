#include "app/raft_cache.hpp"

#include <algorithm>
#include <utility>

namespace walkit::raft {

namespace {

// Empty ones count too.
std::uint64_t bytes_of(const EntryCache::Cached& cached) {
  return sizeof(cached) + cached.entry.payload.size();
}

}  // namespace

auto EntryCache::find(std::uint64_t index) const -> const Cached* {
  if (size() == 0) return nullptr;
  const std::uint64_t first = entries_[begin_].entry.index;
  if (index < first || index - first >= size()) return nullptr;
  return &entries_[begin_ + (index - first)];
}

std::optional<std::uint64_t> EntryCache::first() const {
  return size() == 0 ? std::nullopt : std::optional(entries_[begin_].entry.index);
}

void EntryCache::reserve(std::size_t entries) {
  if (begin_ > size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  const std::size_t needed = entries_.size() + entries;
  if (needed > entries_.capacity()) entries_.reserve(std::max(needed, 2 * entries_.capacity()));
}

void EntryCache::append(Cached cached) noexcept {
  truncate(cached.entry.index);
  bytes_ += bytes_of(cached);
  entries_.push_back(std::move(cached));
}

void EntryCache::truncate(std::uint64_t from) noexcept {
  while (size() > 0 && entries_.back().entry.index >= from) {
    bytes_ -= bytes_of(entries_.back());
    entries_.pop_back();
  }
}

void EntryCache::shrink(std::uint64_t bytes_max, EntryId durable) noexcept {
  while (size() > 0 && bytes_ > bytes_max && entries_[begin_].id <= durable) {
    bytes_ -= bytes_of(entries_[begin_]);
    entries_[begin_].entry.payload = Bytes();
    ++begin_;
  }
}

}  // namespace walkit::raft
