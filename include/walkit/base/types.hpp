#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

namespace walkit {

/// A place in the log: the first entry is 1, each next is +1; one that was durable never names
/// another entry. EntryId{} is 0, "no entry". A value; any thread.
struct EntryId {
  std::uint64_t value = 0;

  constexpr EntryId() = default;
  constexpr explicit EntryId(std::uint64_t v) : value(v) {}
  [[nodiscard]] static constexpr EntryId max() { return EntryId{~std::uint64_t{0}}; }

  friend constexpr auto operator<=>(EntryId, EntryId) = default;
  constexpr EntryId& operator++() {
    ++value;
    return *this;
  }
  friend constexpr EntryId operator+(EntryId id, std::uint64_t n) { return EntryId{id.value + n}; }
  /// Stops at "no entry".
  friend constexpr EntryId operator-(EntryId id, std::uint64_t n) {
    return EntryId{id.value < n ? 0 : id.value - n};
  }
  /// 0 where it would be negative.
  friend constexpr std::uint64_t operator-(EntryId a, EntryId b) {
    return a.value < b.value ? 0 : a.value - b.value;
  }
};

/// Entries `first` to `last`, both included. The default is empty. A value; any thread.
struct EntryIdRange {
  EntryId first{1}, last{};

  [[nodiscard]] constexpr bool empty() const { return last < first; }
  [[nodiscard]] constexpr bool contains(EntryId id) const { return first <= id && id <= last; }
  [[nodiscard]] constexpr std::uint64_t size() const { return empty() ? 0 : last - first + 1; }
  friend constexpr bool operator==(EntryIdRange, EntryIdRange) = default;
};

[[nodiscard]] std::string to_string(EntryId id);          // "17"
[[nodiscard]] std::string to_string(EntryIdRange range);  // "17..20" or "none"
std::ostream& operator<<(std::ostream& out, EntryId id);
std::ostream& operator<<(std::ostream& out, EntryIdRange range);
constexpr std::uint64_t format_as(EntryId id) { return id.value; }  // found by fmt 10

/// Sixteen random bytes that name a log, the same in each of its files. All zero: not known.
using LogIdentity = std::array<std::byte, 16>;

/// Name and schema number of an entry or state type, stored with it: another name or a newer number
/// is refused. "": not checked.
struct EntryType {
  std::string_view name{};
  std::uint32_t schema = 1;
  constexpr EntryType() = default;
  /// consteval, so that the name cannot dangle.
  consteval EntryType(const char* literal, std::uint32_t number = 1)
      : name(literal), schema(number) {}
};

/// What a reader does with entries of a newer schema number than its own. refuse: `incompatible`,
/// at open. skip_unknown_fields: reads them as its own type and skips the fields it does not know
/// (old readers beside a new writer), if the newer type only added fields at the end of the entry,
/// of an alternative or of a walkit::sized() block; an alternative that it does not know is
/// `incompatible` when that entry is met. Other changes may be read as wrong values.
enum class NewerSchema { refuse, skip_unknown_fields };

/// What is stored is compressed where that makes it smaller: the entries of a frame, a part of a
/// checkpoint. lz4: costs least. zstd (level 1): smaller, three to eight times the work. Readers
/// need no option.
enum class Compression { none, lz4, zstd };

}  // namespace walkit

template <>
struct std::hash<walkit::EntryId> {
  std::size_t operator()(walkit::EntryId id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value);
  }
};
