#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <valarray>
#include <variant>

#include "walkit/cereal_archive.hpp"
#include "walkit/cereal_leaves.hpp"

// Standard types that the archives write and read by themselves, whichever <cereal/types/...> an
// entry includes: they have the same bytes as cereal's, or cereal does not know them.

namespace walkit {

/// An alternative beyond those that the reader's std::variant has.
class UnknownAlternative : public cereal::Exception {
 public:
  UnknownAlternative(std::uint32_t index, std::size_t known)
      : Exception("the entry holds alternative " + std::to_string(index) +
                  " of a std::variant, this program knows 0 to " + std::to_string(known - 1)) {}
};

template <class First, class... Rest>  // as cereal has it, or the two are ambiguous
void save(EntryOutputArchive& archive, const std::variant<First, Rest...>& variant) {
  archive(static_cast<std::int32_t>(variant.index()));
  std::visit([&](const auto& value) { archive(value); }, variant);
}

template <class... T>
void load(EntryInputArchive& archive, std::variant<T...>& variant) {
  std::uint32_t index = 0;
  archive(index);
  if (index >= sizeof...(T)) throw UnknownAlternative(index, sizeof...(T));
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((I == index ? archive(variant.template emplace<I>()) : archive), ...);
  }
  (std::index_sequence_for<T...>{});
}

// <cereal/types/chrono.hpp> does nothing where it is the first header of cereal.
template <class R, class P>
void save(EntryOutputArchive& archive, const std::chrono::duration<R, P>& time) {
  archive(time.count());
}

template <class R, class P>
void load(EntryInputArchive& archive, std::chrono::duration<R, P>& time) {
  R count{};
  archive(count);
  time = std::chrono::duration<R, P>(count);
}

template <class C, class D>
void save(EntryOutputArchive& archive, const std::chrono::time_point<C, D>& time) {
  archive(time.time_since_epoch());
}

template <class C, class D>
void load(EntryInputArchive& archive, std::chrono::time_point<C, D>& time) {
  D since{};
  archive(since);
  time = std::chrono::time_point<C, D>(since);
}

// cereal's own loader takes the address of the first element, where there may be none.
template <class T>
void save(EntryOutputArchive& archive, const std::valarray<T>& values) {
  archive.write_count(values.size());
  for (const T& value : values) archive(value);
}

template <class T>
void load(EntryInputArchive& archive, std::valarray<T>& values) {
  values.resize(archive.read_count());
  for (T& value : values) archive(value);
}

/// As UTF-8 with '/' between its parts, whatever the machine. Templates, since a path is made of
/// any text: a field of another type must not end up here.
template <std::same_as<std::filesystem::path> Path>
void save(EntryOutputArchive& archive, const Path& path) {
  const std::u8string text = path.generic_u8string();
  archive.write_count(text.size());
  archive.write_bytes(text.data(), text.size());
}

template <std::same_as<std::filesystem::path> Path>
void load(EntryInputArchive& archive, Path& path) {
  std::u8string text;
  text.resize(archive.read_count());
  archive.read_bytes(text.data(), text.size());
  path = Path(text);
}

}  // namespace walkit
