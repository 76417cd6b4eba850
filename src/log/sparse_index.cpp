#include "log/sparse_index.hpp"

#include <algorithm>

namespace walkit::log {
namespace {

constexpr std::uint64_t kIndexStepBytes = 64 << 10;
static_assert(seal_body_bytes(SparseIndex::kLinesMax) + kFrameHeaderBytes <= kControlFrameBytesMax);

}  // namespace

void SparseIndex::note(const FrameHeader& header) {
  if (!lines_.empty() && header.offset - lines_.back().offset < step_bytes_) return;
  if (lines_.size() == kLinesMax) {
    for (std::size_t i = 0; i < lines_.size() / 2; ++i) lines_[i] = lines_[2 * i];
    lines_.resize(lines_.size() / 2);
    step_bytes_ *= 2;
  }
  if (lines_.empty()) step_bytes_ = kIndexStepBytes;
  lines_.push_back({header.first, header.offset, header.time_ns});
}

bool SparseIndex::take(std::vector<IndexEntry> lines, std::uint64_t begin, std::uint64_t end) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const IndexEntry& line = lines[i];
    if (line.offset < begin || line.offset >= end || line.first == EntryId{}) return false;
    if (i == 0) continue;
    const IndexEntry& before = lines[i - 1];
    const bool rises = line.first > before.first && line.offset > before.offset;
    if (!rises || line.time_ns < before.time_ns) return false;
  }
  lines_ = std::move(lines);
  return true;
}

void SparseIndex::drop(const IndexEntry& line) { std::erase(lines_, line); }

std::optional<IndexEntry> SparseIndex::floor(EntryId id) const {
  const auto at =
      std::upper_bound(lines_.begin(), lines_.end(), id,
                       [](EntryId wanted, const IndexEntry& line) { return wanted < line.first; });
  return at == lines_.begin() ? std::nullopt : std::optional(*std::prev(at));
}

std::optional<IndexEntry> SparseIndex::above(EntryId id) const {
  const auto at =
      std::upper_bound(lines_.begin(), lines_.end(), id,
                       [](EntryId wanted, const IndexEntry& line) { return wanted < line.first; });
  return at == lines_.end() ? std::nullopt : std::optional(*at);
}

std::optional<IndexEntry> SparseIndex::before_time(std::uint64_t time_ns) const {
  const auto at = std::lower_bound(
      lines_.begin(), lines_.end(), time_ns,
      [](const IndexEntry& line, std::uint64_t wanted) { return line.time_ns < wanted; });
  return at == lines_.begin() ? std::nullopt : std::optional(*std::prev(at));
}

}  // namespace walkit::log
