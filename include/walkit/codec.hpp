#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

namespace walkit {

/// The name and schema number that E declares. In E: `static constexpr walkit::EntryType
/// entry_type{"orders.put", 2};`. For a type that is not yours, at global scope: `template <>
/// inline constexpr walkit::EntryType walkit::entry_type<Event>{"orders.event", 2};`. Neither: no
/// name, schema 1.
template <class E>
inline constexpr EntryType entry_type{};

template <class E>
requires requires { EntryType{E::entry_type}; }
inline constexpr EntryType entry_type<E> = E::entry_type;

/// Four characters, stored in the log: entries are read by the codec that wrote them. A value.
struct CodecId {
  std::uint32_t value = 0;

  constexpr CodecId() = default;
  consteval CodecId(const char (&text)[5]) {
    for (char c : text) {
      if (c != '\0') value = value << 8 | static_cast<unsigned char>(c);
    }
  }
  friend constexpr bool operator==(CodecId, CodecId) = default;
};

/// Turns an entry into bytes and back. decode is total: any bytes give a value or Errc::decode. It
/// may take the schema number the entry was written with too: decode(bytes, schema). Several
/// threads call one codec at once.
template <class C, class E>
concept Codec = std::copy_constructible<C> &&
    requires(const C& codec, const E& entry, ByteSink& out) {
  {CodecId{C::id}};
  { codec.encode(entry, out) } -> std::convertible_to<Status>;
} &&(
    requires(const C& codec, BytesView in) {
      { codec.decode(in) } -> std::convertible_to<Result<E>>;
    } ||
    requires(const C& codec, BytesView in) {
      { codec.decode(in, std::uint32_t{}) } -> std::convertible_to<Result<E>>;
    } ||
    requires(const C& codec, BytesView in) {
      { codec.template decode<E>(in) } -> std::convertible_to<Result<E>>;
    });

/// Stops the compiler with one sentence where C is no codec for E.
template <class C, class E>
consteval void require_codec() {
  static_assert(Codec<C, E>,
                "walkit: C is no codec for E. It needs \"static constexpr walkit::CodecId "
                "id{\"mine\"}; walkit::Status encode(const E&, walkit::ByteSink&) const; "
                "walkit::Result<E> decode(walkit::BytesView) const;\"");
}

/// What BytesCodec takes: std::string and Bytes copy; views borrow from the log's buffer.
template <class E>
concept BytesEntry = std::same_as<E, std::string> || std::same_as<E, Bytes> ||
    std::same_as<E, std::string_view> || std::same_as<E, BytesView>;

/// The bytes of such an entry; borrows.
template <BytesEntry E>
[[nodiscard]] BytesView view_bytes(const E& entry) noexcept {
  if constexpr (std::convertible_to<const E&, std::string_view>) {
    return as_bytes(std::string_view(entry));
  } else {
    return BytesView(entry);
  }
}

/// Entries that are bytes already, stored as they are; every decode succeeds. A decoded view lives
/// as long as the bytes it was decoded from: inside a replay callback only. Any thread.
struct BytesCodec {
  static constexpr CodecId id{"byte"};

  template <BytesEntry E>
  Status encode(const E& entry, ByteSink& out) const;
  template <BytesEntry E>
  Result<E> decode(BytesView bytes) const;
};

/// Stops the compiler with one sentence where the bytes of T are no payload. Not in the class:
/// clang would say it at each question about the class.
template <class T>
consteval void require_pod() {
  // What has data() and no fixed size is a view: its bytes are a pointer.
  constexpr bool is_view = requires(const T& view) { view.data(); }
  &&!requires { std::tuple_size<T>::value; };
  static_assert(
      std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> && !std::is_member_pointer_v<T> &&
          !is_view,
      "walkit: PodCodec<T>: T is not trivially copyable, or is a pointer or view, so its bytes "
      "mean nothing after a restart. Use CerealCodec<T>");
  static_assert(!std::is_trivially_copyable_v<T> || std::is_pointer_v<T> ||
                    std::has_unique_object_representations_v<T>,
                "walkit: PodCodec<T>: T has padding or floating point, so equal values may differ "
                "in bytes. Fill the padding with named fields, or use CerealCodec<T>");
  static_assert(std::endian::native == std::endian::little,
                "walkit: PodCodec<T> writes memory as it is, which is little-endian in a log. Use "
                "CerealCodec<T>");
}

/// The bytes of T as they lie in memory, for trivially copyable T without padding and floating
/// point. decode: the payload has not the size of T. A field that not every byte fits (a bool, the
/// enumerators of an enum) is yours to check: hold a std::uint8_t. Nor are pointers inside T seen.
/// Little-endian machines only. Needs neither cereal nor RTTI nor exceptions. Any thread.
template <class T>
struct PodCodec {
  static constexpr CodecId id{"pod "};

  Status encode(const T& entry, ByteSink& out) const;
  Result<T> decode(BytesView bytes) const;
};

/// Writes one entry through any codec. encode: the codec threw or refused; no_memory; too_large
/// names the sink's limit. After an error the sink's bytes hold a part of the entry, to be cut off.
template <class C, class E>
Status encode_entry(const C& codec, const E& entry, ByteSink& out);

/// Reads one entry through any codec; `schema` is the number it was written with. decode: the codec
/// threw or refused; no_memory.
template <class E, class C>
Result<E> decode_entry(const C& codec, BytesView bytes, std::uint32_t schema);

/// The one place where exceptions of a codec, or of code it calls, become values: an Error with
/// `code`, or no_memory.
template <class R, class F>
R call_codec(Errc code, F&& call);

}  // namespace walkit

#include "walkit/codec_inl.hpp"
