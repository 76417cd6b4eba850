#include "testing/raft_model.hpp"

#include <utility>

namespace walkit::testing {

using raft::OwnedEntryBytes;

Error differs(std::string message) { return {.code = Errc::decode, .message = std::move(message)}; }

OwnedEntryBytes raft_entry(std::uint64_t index, std::uint64_t term, std::string_view payload) {
  const BytesView bytes = as_bytes(payload);
  return {.index = index, .term = term, .payload = Bytes(bytes.begin(), bytes.end())};
}

RaftAdapter::Entries raft_entries(std::uint64_t first, std::uint64_t last, std::uint64_t term,
                                  std::size_t bytes) {
  RaftAdapter::Entries entries;
  for (std::uint64_t index = first; index <= last; ++index) {
    std::string payload = std::to_string(term) + "/" + std::to_string(index) + ":";
    payload.resize(bytes, '.');
    entries.push_back(raft_entry(index, term, payload));
  }
  return entries;
}

raft::Snapshot raft_snapshot(std::uint64_t index, std::uint64_t term, std::size_t bytes) {
  raft::Snapshot snapshot{.info = {.index = index, .term = term}};
  snapshot.info.membership.voters = {1, 3, 7};
  snapshot.info.membership.learners = {9};
  std::string state = "state " + std::to_string(term) + "/" + std::to_string(index) + ":";
  state.resize(bytes, '.');
  const BytesView view = as_bytes(state);
  snapshot.state.assign(view.begin(), view.end());
  return snapshot;
}

Status take_step(RaftAdapter& storage, const RaftStep& step) {
  if (const auto* save = std::get_if<SaveStep>(&step)) {
    return storage.save(save->hard_state, save->entries);
  }
  if (const auto* cut = std::get_if<TruncateStep>(&step)) return storage.truncate(cut->from);
  const auto& taken = std::get<SnapshotStep>(step);
  return taken.install ? storage.install_snapshot(taken.snapshot)
                       : storage.save_snapshot(taken.snapshot);
}

void RaftModel::take(const RaftStep& step) {
  if (const auto* save = std::get_if<SaveStep>(&step)) {
    if (save->hard_state) hard_state_ = *save->hard_state;
    if (save->entries.empty()) return;
    entries_.erase(entries_.lower_bound(save->entries.front().index), entries_.end());
    for (const OwnedEntryBytes& entry : save->entries) entries_[entry.index] = entry;
  } else if (const auto* cut = std::get_if<TruncateStep>(&step)) {
    entries_.erase(entries_.lower_bound(cut->from), entries_.end());
  } else {
    const auto& [snapshot, install] = std::get<SnapshotStep>(step);
    const auto same = entries_.find(snapshot.info.index);
    const bool agrees = same != entries_.end() && same->second.term == snapshot.info.term;
    if (agrees) {
      entries_.erase(entries_.begin(), std::next(same));
    } else {
      entries_.clear();
    }
    snapshot_ = snapshot;
  }
}

std::uint64_t RaftModel::last_index() const {
  if (!entries_.empty()) return entries_.rbegin()->first;
  return snapshot_ ? snapshot_->info.index : 0;
}

Status RaftModel::compare_entries(RaftAdapter& storage) const {
  const std::uint64_t floor = snapshot_ ? snapshot_->info.index : 0;
  const std::uint64_t last = last_index();
  if (storage.last_index() != last) {
    return differs("the last index is " + std::to_string(storage.last_index()) + ", not " +
                   std::to_string(last));
  }
  if (storage.first_index() > floor + 1) {
    return differs("the first index is " + std::to_string(storage.first_index()) +
                   " with a snapshot at " + std::to_string(floor));
  }
  const auto floor_term = storage.term_at(floor);
  if (!floor_term) return floor_term.error();
  if (*floor_term != (snapshot_ ? snapshot_->info.term : 0)) {
    return differs("the snapshot's entry is of term " + std::to_string(*floor_term));
  }
  const auto found = storage.entries(floor + 1, last, ~std::uint64_t{0});
  if (!found) return found.error();
  if (found->size() != entries_.size()) {
    return differs(std::to_string(found->size()) + " entries, not " +
                   std::to_string(entries_.size()));
  }
  auto expected = entries_.begin();
  for (const OwnedEntryBytes& entry : *found) {
    const OwnedEntryBytes& wanted = (expected++)->second;
    if (entry.index != wanted.index || entry.term != wanted.term || entry.kind != wanted.kind ||
        entry.payload != wanted.payload) {
      return differs("entry " + std::to_string(wanted.index) + " is another one");
    }
    const auto term = storage.term_at(wanted.index);
    if (!term) return term.error();
    if (*term != wanted.term) return differs("term_at() does not say what the entry says");
  }
  return {};
}

Status RaftModel::compare(RaftAdapter& storage) const {
  if (storage.hard_state() != hard_state_) {
    return differs("the hard state is of term " + std::to_string(storage.hard_state().term) +
                   ", not " + std::to_string(hard_state_.term) + ", or the vote differs");
  }
  const auto snapshot = storage.snapshot();
  if (!snapshot && (snapshot_ || snapshot.error().code != Errc::not_found)) {
    return snapshot.error();
  }
  if (snapshot && !snapshot_) return differs("there is a snapshot that nobody saved");
  if (snapshot && (snapshot->info != snapshot_->info || snapshot->state != snapshot_->state)) {
    return differs("the snapshot is that at " + std::to_string(snapshot->info.index) + ", not at " +
                   std::to_string(snapshot_->info.index) + ", or not the same");
  }
  return compare_entries(storage);
}

}  // namespace walkit::testing
