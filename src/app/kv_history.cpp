#include "app/kv_history.hpp"

#include <algorithm>

namespace walkit::kv {

namespace {

std::size_t bytes_of(const Change& change) {
  return sizeof(Change) + sizeof(Item) + change.item->key.size() + change.item->value.size();
}

}  // namespace

void History::drop_oldest() {
  gone_through_ = std::max(gone_through_, changes_.front().revision);
  bytes_ -= bytes_of(changes_.front());
  changes_.pop_front();
  ++first_place_;
}

void History::trim() {
  while (changes_.size() > changes_max_ || (bytes_ > bytes_max_ && !changes_.empty())) {
    drop_oldest();
  }
}

void History::add(const Changes& changes) {
  if (changes.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const Change& change : changes) {
    changes_.push_back(change);
    bytes_ += bytes_of(change);
    trim();
  }
  changed_.notify_all();
}

void History::restart(std::uint64_t through) {
  const std::lock_guard lock(mutex_);
  while (!changes_.empty()) drop_oldest();
  ++first_place_;  // also who had seen all missed something
  gone_through_ = std::max(gone_through_, through);
  changed_.notify_all();
}

void History::bound(std::size_t changes, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  changes_max_ = changes;
  bytes_max_ = bytes;
  trim();
}

void History::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  changed_.notify_all();
}

History::Found History::next(std::string_view prefix, std::uint64_t& from,
                             std::optional<std::uint64_t>& place,
                             std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  Found found = look(prefix, from, place);
  if (found.kind != Found::Kind::nothing || timeout.count() <= 0) return found;
  // wait_for() would overflow with the longest of times.
  const auto longest = std::chrono::milliseconds(std::chrono::hours(24 * 365));
  changed_.wait_for(lock, std::min(timeout, longest), [&] {
    found = look(prefix, from, place);
    return found.kind != Found::Kind::nothing;
  });
  return found;
}

History::Found History::look(std::string_view prefix, std::uint64_t& from,
                             std::optional<std::uint64_t>& place) {
  if (place ? *place < first_place_ : from <= gone_through_) {
    place = first_place_;
    return {.kind = Found::Kind::gap, .gap_through = gone_through_};
  }
  if (!place) {
    const auto begin = std::partition_point(changes_.begin(), changes_.end(),
                                            [&](const Change& c) { return c.revision < from; });
    place = first_place_ + static_cast<std::uint64_t>(begin - changes_.begin());
  }
  while (*place < first_place_ + changes_.size()) {
    const Change& change = changes_[static_cast<std::size_t>(*place - first_place_)];
    ++*place;
    if (change.revision < from) continue;  // it asked for later ones, which were yet to come
    from = change.revision;
    if (change.item->key.starts_with(prefix)) {
      return {.kind = Found::Kind::change, .change = change};
    }
  }
  return {.kind = is_closed_ ? Found::Kind::closed : Found::Kind::nothing};
}

}  // namespace walkit::kv
