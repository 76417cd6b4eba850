#pragma once

#include <algorithm>
#include <bit>
#include <cereal/cereal.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

#include "walkit/cereal_archive.hpp"

// What the archives write and read without cereal, under the names by which cereal looks for it.

namespace walkit {

namespace cereal_limits {
template <class T>
void to_or_from_little_endian([[maybe_unused]] T* values, [[maybe_unused]] std::uint64_t count) {
  if constexpr (std::endian::native != std::endian::little && sizeof(T) > 1) {
    for (auto* value = reinterpret_cast<std::byte*>(values); count != 0; --count) {
      std::reverse(value, value + sizeof(T));
      value += sizeof(T);
    }
  }
}
}  // namespace cereal_limits

template <class T>
requires std::is_arithmetic_v<T>
void save(EntryOutputArchive& archive, const T& value) {
  if constexpr (cereal_check::is_field<T>) {
    T copy = value;
    cereal_limits::to_or_from_little_endian(&copy, 1);
    archive.write_bytes(&copy, sizeof copy);
  } else {
    cereal_check::refuse_field<T>();
  }
}

template <class T>
void save(EntryOutputArchive& archive, const cereal::BinaryData<T>& data) {
  using Element = cereal_check::ElementOf<T>;
  if constexpr (!cereal_check::is_field<Element>) {
    cereal_check::refuse_field<Element>();
  } else if constexpr (std::endian::native == std::endian::little || sizeof(Element) == 1) {
    archive.write_bytes(data.data, data.size);
  } else {
    const auto* elements = static_cast<const Element*>(data.data);
    for (std::uint64_t i = 0; i != data.size / sizeof(Element); ++i) save(archive, elements[i]);
  }
}

template <class T>
void save(EntryOutputArchive& archive, const cereal::SizeTag<T>& tag) {
  archive.write_count(tag.size);
}

/// Bytes in one piece; cereal would write them one by one, since std::byte is an enum.
template <class A>
void save(EntryOutputArchive& archive, const std::vector<std::byte, A>& bytes) {
  archive.write_count(bytes.size());
  archive.write_bytes(bytes.data(), bytes.size());
}

template <class T>
requires std::is_arithmetic_v<T>
void load(EntryInputArchive& archive, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = archive.read_bool();
  } else if constexpr (cereal_check::is_field<T>) {
    archive.read_bytes(&value, sizeof value);
    cereal_limits::to_or_from_little_endian(&value, 1);
  } else {
    cereal_check::refuse_field<T>();
  }
}

template <class T>
void load(EntryInputArchive& archive, cereal::BinaryData<T>& data) {
  using Element = cereal_check::ElementOf<T>;
  auto* elements = static_cast<Element*>(data.data);
  if constexpr (std::is_same_v<Element, bool>) {
    for (std::uint64_t i = 0; i != data.size; ++i) elements[i] = archive.read_bool();
  } else if constexpr (cereal_check::is_field<Element>) {
    archive.read_bytes(elements, data.size);
    cereal_limits::to_or_from_little_endian(elements, data.size / sizeof(Element));
  } else {
    cereal_check::refuse_field<Element>();
  }
}

template <class T>
void load(EntryInputArchive& archive, cereal::SizeTag<T>& tag) {
  tag.size = static_cast<std::remove_reference_t<T>>(archive.read_count());
}

template <class A>
void load(EntryInputArchive& archive, std::vector<std::byte, A>& bytes) {
  bytes.resize(archive.read_count());
  archive.read_bytes(bytes.data(), bytes.size());
}

/// Equal keys keep their order; cereal's own loader turns it around.
template <class K, class V, class C, class A>
void load(EntryInputArchive& archive, std::multimap<K, V, C, A>& map) {
  map.clear();
  for (std::uint64_t left = archive.read_count(); left != 0; --left) {
    std::pair<K, V> item;
    archive(item.first, item.second);
    map.insert(map.end(), std::move(item));
  }
}

template <class K, class C, class A>
void load(EntryInputArchive& archive, std::multiset<K, C, A>& set) {
  set.clear();
  for (std::uint64_t left = archive.read_count(); left != 0; --left) {
    K key;
    archive(key);
    set.insert(set.end(), std::move(key));
  }
}

}  // namespace walkit
