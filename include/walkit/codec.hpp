#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/log/options.hpp"

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

/// Entries that are bytes already, stored as they are; every decode succeeds. A decoded view lives
/// as long as the bytes it was decoded from: inside a replay callback only. Any thread.
struct BytesCodec {
  static constexpr CodecId id{"byte"};

  template <BytesEntry E>
  Status encode(const E& entry, ByteSink& out) const;
  template <BytesEntry E>
  Result<E> decode(BytesView bytes) const;
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
R call_codec([[maybe_unused]] Errc code, F&& call) {
#ifdef __cpp_exceptions
  try {
    try {
      return std::forward<F>(call)();
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& thrown) {
      return Error{.code = code, .message = thrown.what()};
    } catch (...) {
      return Error{.code = code, .message = "the codec threw something that is no std::exception"};
    }
  } catch (const std::bad_alloc&) {  // the messages above may run out of memory too; this one fits
    return Error{.code = Errc::no_memory, .message = "out of memory"};
  }
#else
  return std::forward<F>(call)();
#endif
}

template <BytesEntry E>
Status BytesCodec::encode(const E& entry, ByteSink& out) const {
  return call_codec<Status>(Errc::encode, [&]() -> Status {
    if constexpr (std::convertible_to<const E&, std::string_view>) {
      out.write(std::string_view(entry));
    } else {
      out.write(BytesView(entry));
    }
    return {};
  });
}

template <BytesEntry E>
Result<E> BytesCodec::decode(BytesView bytes) const {
  return call_codec<Result<E>>(Errc::decode, [&]() -> Result<E> {
    if constexpr (std::same_as<E, BytesView>) {
      return bytes;
    } else if constexpr (std::same_as<E, Bytes>) {
      return Bytes(bytes.begin(), bytes.end());
    } else {
      return E(as_text(bytes));
    }
  });
}

template <class C, class E>
Status encode_entry(const C& codec, const E& entry, ByteSink& out) {
  require_codec<C, E>();
  return call_codec<Status>(Errc::encode, [&]() -> Status {
    Status done = codec.encode(entry, out);
    if (out.overflowed()) {
      done = Error{.code = Errc::too_large,
                   .message = "the entry takes more than max_entry_bytes = " +
                              std::to_string(out.bytes_max()),
                   .next_step = "split the entry, or raise WalOptions::max_entry_bytes"};
    }
    return done;
  });
}

template <class E, class C>
Result<E> decode_entry(const C& codec, BytesView bytes, [[maybe_unused]] std::uint32_t schema) {
  require_codec<C, E>();
  return call_codec<Result<E>>(Errc::decode, [&]() -> Result<E> {
    if constexpr (requires {
                    { codec.decode(bytes, schema) } -> std::convertible_to<Result<E>>;
                  }) {
      return codec.decode(bytes, schema);
    } else if constexpr (requires {
                           { codec.decode(bytes) } -> std::convertible_to<Result<E>>;
                         }) {
      return codec.decode(bytes);
    } else {
      return codec.template decode<E>(bytes);
    }
  });
}

}  // namespace walkit
