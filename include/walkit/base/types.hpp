#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

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

}  // namespace walkit

template <>
struct std::hash<walkit::EntryId> {
  std::size_t operator()(walkit::EntryId id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value);
  }
};
