#include "app/raft_index.hpp"

#include <algorithm>
#include <iterator>

namespace walkit::raft {

auto EntryIndex::run_of(std::uint64_t index) const -> const Run& {
  const auto behind =
      std::upper_bound(runs_.begin(), runs_.end(), index,
                       [](std::uint64_t wanted, const Run& run) { return wanted < run.first; });
  return *std::prev(behind);
}

std::optional<EntryIndex::Place> EntryIndex::find(std::uint64_t index) const {
  if (!contains(index)) return std::nullopt;
  const Run& run = run_of(index);
  Place place = run.place;
  place.id = place.id + (index - run.first);
  return place;
}

std::uint64_t EntryIndex::neighbours(std::uint64_t index) const {
  const Run& run = run_of(index);
  return run.first + run.count - index;
}

void EntryIndex::reserve(std::size_t entries) {
  const std::size_t needed = runs_.size() + entries;
  if (needed > runs_.capacity()) runs_.reserve(std::max(needed, 2 * runs_.capacity()));
}

void EntryIndex::append(std::uint64_t index, const Place& place) {
  if (!empty()) {
    Run& run = runs_.back();
    const bool follows = run.place.id + run.count == place.id && run.place.term == place.term &&
                         run.place.schema == place.schema;
    if (follows) {
      ++run.count;
      return;
    }
  }
  runs_.push_back({.first = index, .count = 1, .place = place});
}

void EntryIndex::truncate(std::uint64_t from) {
  while (!empty() && runs_.back().first >= from) runs_.pop_back();
  if (!empty() && last() >= from) runs_.back().count = from - runs_.back().first;
}

void EntryIndex::drop_below(std::uint64_t index) {
  const auto kept = std::find_if(runs_.begin(), runs_.end(),
                                 [&](const Run& run) { return run.first + run.count > index; });
  runs_.erase(runs_.begin(), kept);
  if (empty() || first() >= index) return;
  Run& run = runs_.front();
  const std::uint64_t gone = index - run.first;
  run.first = index;
  run.count -= gone;
  run.place.id = run.place.id + gone;
}

void EntryIndex::drop_ids_below(EntryId id) {
  // Ids grow with the indices: what takes an entry's place is written behind it.
  const auto kept = std::find_if(runs_.begin(), runs_.end(),
                                 [&](const Run& run) { return run.place.id + run.count > id; });
  runs_.erase(runs_.begin(), kept);
  if (empty() || runs_.front().place.id >= id) return;
  drop_below(runs_.front().first + (id - runs_.front().place.id));
}

}  // namespace walkit::raft
