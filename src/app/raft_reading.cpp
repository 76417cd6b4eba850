#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "app/raft_group.hpp"
#include "app/shared_log.hpp"

namespace walkit::raft {

namespace {

Error gone(std::uint64_t index, std::uint64_t first) {
  return {.code = Errc::gap,
          .message = "entry " + std::to_string(index) + " is gone: " + std::to_string(first) +
                     " is the first",
          .next_step = "send the snapshot instead"};
}

Error not_yet(std::uint64_t index, std::uint64_t last) {
  return {.code = Errc::not_found,
          .message = "there is no entry " + std::to_string(index) + ": the last one is " +
                     std::to_string(last)};
}

}  // namespace

Result<std::uint64_t> Group::term_at(std::uint64_t index) const try {
  const std::lock_guard lock(mutex_);
  if (Status ok = usable(); !ok) return std::move(ok).error();
  if (index == first_ - 1) return previous_term_;
  if (index < first_) return gone(index, first_);
  if (index > last()) return not_yet(index, last());
  return known_term(index).value_or(0);
} catch (const std::bad_alloc&) {
  return no_memory();
}

// What is in memory is copied now; of the rest, which comes before, it is known where it stands.
auto Group::locate(std::uint64_t first, std::uint64_t last_wanted, std::uint64_t bytes_max,
                   std::vector<OwnedEntryBytes>& cached) const -> Result<std::vector<Piece>> {
  const std::lock_guard lock(mutex_);
  if (Status ok = usable(); !ok) return std::move(ok).error();
  if (first < first_) return gone(first, first_);
  if (first > last() + 1) return not_yet(first, last());
  const std::uint64_t end = std::min(last_wanted, last());
  std::vector<Piece> pieces;
  std::uint64_t index = first;
  for (; index <= end && cache_.find(index) == nullptr;) {
    const auto place = index_.find(index);
    if (!place) break;
    std::uint64_t count = std::min(index_.neighbours(index), end - index + 1);
    if (const auto cached_from = cache_.first()) {
      if (*cached_from > index) count = std::min(count, *cached_from - index);
    }
    pieces.push_back({.index = index, .count = count, .id = place->id});
    index += count;
  }
  std::uint64_t bytes = 0;
  for (; index <= end; ++index) {
    const EntryCache::Cached* found = cache_.find(index);
    if (found == nullptr) break;
    bytes += found->entry.payload.size();
    if (bytes > bytes_max && !(cached.empty() && pieces.empty())) break;
    cached.push_back(found->entry);
  }
  return pieces;
}

Status Group::read_piece(const Piece& piece, std::uint64_t bytes_max, std::uint64_t& bytes,
                         std::vector<OwnedEntryBytes>& found) const {
  auto cursor = log_.reader().cursor(ReplayMode::best_effort,
                                     {.first = piece.id, .last = piece.id + (piece.count - 1)});
  if (!cursor) return std::move(cursor).error();
  for (std::uint64_t index = piece.index; index < piece.index + piece.count; ++index) {
    const auto more = cursor->advance();
    if (!more) return more.error();
    const auto record = *more ? decode_record(cursor->entry().payload) : Result<Record>(Record{});
    if (!record) return record.error();
    const auto* entry = std::get_if<EntryRecord>(&record->what);
    if (!*more || entry == nullptr || record->group != number_ || entry->entry.index != index) {
      return Error{.code = Errc::corrupt,
                   .message = "the log does not hold entry " + std::to_string(index) +
                              " where it was written",
                   .next_step = "verify the log"};
    }
    bytes += entry->entry.payload.size();
    if (bytes > bytes_max && !found.empty()) return {};
    found.push_back({.index = index,
                     .term = entry->entry.term,
                     .kind = entry->entry.kind,
                     .payload = Bytes(entry->entry.payload.begin(), entry->entry.payload.end()),
                     .schema = entry->schema});
  }
  return {};
}

Result<std::vector<OwnedEntryBytes>> Group::entries(std::uint64_t first, std::uint64_t last_wanted,
                                                    std::uint64_t bytes_max) const try {
  std::vector<OwnedEntryBytes> cached, found;
  const auto pieces = locate(first, last_wanted, bytes_max, cached);
  if (!pieces) return pieces.error();
  std::uint64_t bytes = 0;
  for (const Piece& piece : *pieces) {
    if (Status ok = read_piece(piece, bytes_max, bytes, found); !ok) return std::move(ok).error();
    if (bytes > bytes_max) return found;
  }
  for (OwnedEntryBytes& entry : cached) {
    bytes += entry.payload.size();
    if (bytes > bytes_max && !found.empty()) break;
    found.push_back(std::move(entry));
  }
  return found;
} catch (const std::bad_alloc&) {
  return no_memory();
}

}  // namespace walkit::raft
