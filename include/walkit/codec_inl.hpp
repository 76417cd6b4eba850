#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "walkit/codec.hpp"

namespace walkit {

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
    out.write(view_bytes(entry));
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

template <class T>
Status PodCodec<T>::encode(const T& entry, ByteSink& out) const {
  require_pod<T>();
  return call_codec<Status>(Errc::encode, [&]() -> Status {
    out.write(std::as_bytes(std::span<const T, 1>(std::addressof(entry), 1)));
    return {};
  });
}

template <class T>
Result<T> PodCodec<T>::decode(BytesView bytes) const {
  require_pod<T>();
  return call_codec<Result<T>>(Errc::decode, [&]() -> Result<T> {
    if (bytes.size() != sizeof(T)) {
      return Error{.code = Errc::decode,
                   .message = "the payload has " + std::to_string(bytes.size()) +
                              " bytes, the entry type has " + std::to_string(sizeof(T))};
    }
    if constexpr (std::is_trivially_copyable_v<T>) {
      std::array<std::byte, sizeof(T)> copy;
      std::memcpy(copy.data(), bytes.data(), copy.size());
      return std::bit_cast<T>(copy);
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
