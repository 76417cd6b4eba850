#pragma once

#include <tuple>

namespace walkit {

/// Some fields in a block that carries its size: what sized() makes.
template <class... T>
struct Sized {
  std::tuple<T&...> fields;
};

/// For types inside an entry that may grow: `a(walkit::sized(name, age))` in their serialize, or
/// `a(walkit::sized(inner))` around them. New fields go to the end of the block and raise the
/// schema number of each entry type that holds it; an older entry leaves them at their defaults,
/// and a reader that skips unknown fields skips what it does not know. Costs 8 bytes for each
/// block, and a copy of it when it is written. Fields cannot be put into a block later.
template <class... T>
[[nodiscard]] Sized<T...> sized(T&... fields) {
  static_assert(sizeof...(T) != 0, "walkit: sized() without a field");
  return {std::tie(fields...)};
}

/// Other archives of cereal, say for JSON, see the fields only.
template <class Archive, class... T>
void serialize(Archive& archive, Sized<T...>& block) {
  std::apply([&](auto&... fields) { archive(fields...); }, block.fields);
}

}  // namespace walkit
