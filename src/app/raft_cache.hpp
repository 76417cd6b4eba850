#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "walkit/app/raft_types.hpp"
#include "walkit/base/types.hpp"

namespace walkit::raft {

/// The newest entries, in memory: all that the log does not give to readers yet, and some more. A
/// gap-free suffix of the group's entries.
class EntryCache {
 public:
  struct Cached {
    EntryId id{};
    OwnedEntryBytes entry{};
  };

  /// nullptr: not here.
  [[nodiscard]] const Cached* find(std::uint64_t index) const;
  [[nodiscard]] std::optional<std::uint64_t> first() const;
  /// Room for so many more, so that append() cannot fail. Throws std::bad_alloc.
  void reserve(std::size_t entries);
  /// Takes the place of all from its index on.
  void append(Cached cached) noexcept;
  void truncate(std::uint64_t from) noexcept;  // entries from there on are gone
  /// Oldest first, until they fit; what lies above `durable` stays.
  void shrink(std::uint64_t bytes_max, EntryId durable) noexcept;

 private:
  [[nodiscard]] std::size_t size() const { return entries_.size() - begin_; }

  std::vector<Cached> entries_{};
  std::size_t begin_ = 0;  // those before are gone
  std::uint64_t bytes_ = 0;
};

}  // namespace walkit::raft
