#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/cereal_codec.hpp"
#include "walkit/codec.hpp"

namespace walkit {

namespace upgrade_check {
/// `V2 upgrade(V1)` beside V1. Another return type is no match: it would be converted in silence.
template <class From, class To>
concept ByFunction = requires(From&& from) {
  { upgrade(std::move(from)) } -> std::same_as<To>;
};

/// An aggregate has no such constructor, but g++ would initialise its first field from a From.
template <class From, class To>
concept ByConstructor = !std::is_aggregate_v<To> && std::constructible_from<To, From&&>;

template <class... V>
constexpr bool one_name() {
  constexpr std::array names{entry_type<V>.name...};
  for (const auto name : names) {
    if (name.empty() || name != names.front()) return false;
  }
  return true;
}

template <class... V>
constexpr bool rising() {
  constexpr std::array numbers{entry_type<V>.schema...};
  for (std::size_t i = 1; i != sizeof...(V); ++i) {
    if (numbers[i - 1] >= numbers[i]) return false;
  }
  return true;
}

template <class From, class... Later>
struct Chain {
  static constexpr bool complete = true;
};
template <class From, class To, class... Later>
struct Chain<From, To, Later...> {
  static constexpr bool complete =
      (ByFunction<From, To> || ByConstructor<From, To>)&&Chain<To, Later...>::complete;
};
/// Stops the compiler with one sentence where the versions are no chain. Not in the class: clang
/// would say it at each question about the class.
template <class... V>
consteval void require_chain() {
  static_assert(one_name<V...>(),
                "walkit: Upgrades<V1, V2>: every version must declare entry_type with the same "
                "name, which is not empty");
  static_assert(rising<V...>(),
                "walkit: Upgrades<V1, V2>: entry_type schema numbers must rise from left to right");
  static_assert(Chain<V...>::complete,
                "walkit: Upgrades<V1, V2>: there is no way from V1 to V2. Give V2 a constructor "
                "V2(V1), or write a function \"V2 upgrade(V1)\" beside V1");
}

template <class To, class From>
To next_version(From from) {
  if constexpr (ByFunction<From, To>) {
    return upgrade(std::move(from));
  } else {
    return To(std::move(from));
  }
}

/// Through each later version in turn, to the last.
template <class V>
V raise(V last) {
  return last;
}
template <class From, class To, class... Later>
auto raise(From old) {
  return raise<To, Later...>(next_version<To>(std::move(old)));
}
}  // namespace upgrade_check

/// Reads entries of every version, writes the last: WalWriter<V3, Upgrades<V1, V2, V3>>. Each
/// version declares entry_type: one name, rising numbers. Old ones pass through each later version:
/// by a function `V2 upgrade(V1)` beside V1, or by a constructor V2(V1). What these throw is
/// `decode`. The bytes are CerealCodec's: a log that it wrote goes on with Upgrades. Any thread.
template <class First, class... Rest>
struct Upgrades {
  using Entry =
      typename decltype((std::type_identity<First>{}, ..., std::type_identity<Rest>{}))::type;
  static constexpr CodecId id{"cere"};

  Status encode(const Entry& entry, ByteSink& out) const {
    upgrade_check::require_chain<First, Rest...>();
    return CerealCodec<Entry>{}.encode(entry, out);
  }

  /// decode: the bytes are none of the version that `schema` names. incompatible: no version has
  /// this number; a newer program wrote it, or a version is missing in the list. no_memory.
  Result<Entry> decode(BytesView bytes, std::uint32_t schema) const {
    upgrade_check::require_chain<First, Rest...>();
    if constexpr (upgrade_check::Chain<First, Rest...>::complete) {
      return call_codec<Result<Entry>>(Errc::decode,
                                       [&] { return decode_as<First, Rest...>(bytes, schema); });
    } else {
      return unknown(schema);
    }
  }

  /// As CerealCodec::with, for numbers newer than the last version's.
  [[nodiscard]] Upgrades with(NewerSchema newer) const {
    Upgrades codec = *this;
    codec.newer_ = newer;
    return codec;
  }

 private:
  template <class V, class... Later>
  Result<Entry> decode_as(BytesView bytes, std::uint32_t schema) const;
  static Error unknown(std::uint32_t schema);

  NewerSchema newer_ = NewerSchema::refuse;
};

template <class First, class... Rest>
template <class V, class... Later>
auto Upgrades<First, Rest...>::decode_as(BytesView bytes, std::uint32_t schema) const
    -> Result<Entry> {
  if (schema == entry_type<V>.schema) {
    Result<V> old = CerealCodec<V>{}.decode(bytes, schema);
    if (!old) return std::move(old).error();
    return upgrade_check::raise<V, Later...>(std::move(*old));
  }
  if constexpr (sizeof...(Later) == 0) {
    const bool skip = schema > entry_type<V>.schema && newer_ == NewerSchema::skip_unknown_fields;
    return skip ? CerealCodec<V>{}.with(newer_).decode(bytes, schema) : unknown(schema);
  } else {
    return decode_as<Later...>(bytes, schema);
  }
}

template <class First, class... Rest>
Error Upgrades<First, Rest...>::unknown(std::uint32_t schema) {
  std::string known = std::to_string(entry_type<First>.schema);
  ((known += ", " + std::to_string(entry_type<Rest>.schema)), ...);
  const bool newer = schema > entry_type<Entry>.schema;
  return Error{.code = Errc::incompatible,
               .message = "the entry was written with schema " + std::to_string(schema) +
                          ", this program knows " + known,
               .next_step = newer ? "read it with the newer program"
                                  : "name the version with this number in Upgrades"};
}

}  // namespace walkit
