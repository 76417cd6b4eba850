#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "walkit/base/types.hpp"

namespace walkit::raft {

/// Which entry of the physical log holds which Raft entry: runs of neighbours in both, of one term
/// and one schema, so that a group that has the log for itself takes one run per term. No holes.
class EntryIndex {
 public:
  struct Place {
    EntryId id{};
    std::uint64_t term = 0;
    std::uint32_t schema = 1;
  };

  [[nodiscard]] bool empty() const { return runs_.empty(); }
  [[nodiscard]] std::uint64_t first() const { return runs_.front().first; }  // of one not empty
  [[nodiscard]] std::uint64_t last() const { return runs_.back().first + runs_.back().count - 1; }
  [[nodiscard]] bool contains(std::uint64_t index) const {
    return !empty() && first() <= index && index <= last();
  }
  [[nodiscard]] std::optional<Place> find(std::uint64_t index) const;
  /// How many from `index` on stand behind each other in the log; of one that it contains.
  [[nodiscard]] std::uint64_t neighbours(std::uint64_t index) const;

  /// Room for so many more, so that append() cannot fail. Throws std::bad_alloc.
  void reserve(std::size_t entries);
  /// `index` is last() + 1, or any of an empty one.
  void append(std::uint64_t index, const Place& place);
  void truncate(std::uint64_t from);     // entries from there on are gone
  void drop_below(std::uint64_t index);  // entries before are gone
  void drop_ids_below(EntryId id);       // so are those that stood there
  void clear() { runs_.clear(); }

 private:
  struct Run {
    std::uint64_t first = 0, count = 0;
    Place place{};  // of the first
  };
  [[nodiscard]] const Run& run_of(std::uint64_t index) const;

  std::vector<Run> runs_{};
};

}  // namespace walkit::raft
