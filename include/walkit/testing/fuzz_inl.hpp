#pragma once

#include <algorithm>
#include <concepts>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "walkit/log/options.hpp"
#include "walkit/testing/fuzz.hpp"

namespace walkit::testing {

/// E has an == by value that compiles. Templates of the standard library declare one for every
/// element, also for those that have none, so the elements are asked; allocators and the like are
/// empty and are not.
template <class E>
inline constexpr bool has_equality = std::equality_comparable<E>;
template <template <class...> class T, class... Es>
inline constexpr bool has_equality<T<Es...>> = std::equality_comparable<T<Es...>> &&
                                               ((has_equality<Es> || std::is_empty_v<Es>)&&...);
template <class... Es>
inline constexpr bool has_equality<std::variant<Es...>> = (has_equality<Es> && ...);
template <class... Es>
inline constexpr bool has_equality<std::tuple<Es...>> = (has_equality<Es> && ...);
template <class A, class B>
inline constexpr bool has_equality<std::pair<A, B>> = has_equality<A>&& has_equality<B>;
template <class E, class D>
inline constexpr bool has_equality<std::unique_ptr<E, D>> = false;

inline Error fuzz_finding(std::string what, const Error* because = nullptr) {
  if (because != nullptr) what += ": " + to_string(*because);
  return {.code = Errc::invalid_argument,
          .message = std::move(what),
          .next_step = "mend the entry's serialize or its codec, then run this input again"};
}

template <class E, class C>
Result<Bytes> encode_for_fuzz(const E& entry) {
  Bytes bytes;
  ByteSink sink(bytes, WalOptions{}.max_entry_bytes);
  if (Status done = encode_entry(C{}, entry, sink); !done) return done.error();
  return bytes;
}

/// That one-entry frame, in some segment.
inline Status check_frame_of(BytesView payload, std::uint32_t schema) {
  constexpr frame::Place kPlace{.salt = 0x77616c6b6974, .offset = 512};
  Bytes bytes;
  Status made =
      frame::encode({.entries = {EntryId{1}, EntryId{1}}, .schema = schema, .payloads = {payload}},
                    kPlace, bytes);
  if (!made) return fuzz_finding("its frame is not encoded", &made.error());
  const auto read = frame::decode(bytes, kPlace);
  if (!read) return fuzz_finding("its frame is not read", &read.error());
  const bool same = read->schema == schema && as_text(read->payloads.front()) == as_text(payload);
  if (!same) return fuzz_finding("its frame holds other bytes");
  return {};
}

template <class E, class C>
Status check_payload(BytesView payload, std::uint32_t schema) {
  const Result<E> entry = decode_entry<E>(C{}, payload, schema);
  if (!entry) {
    const Errc code = entry.error().code;
    if (code == Errc::decode || code == Errc::incompatible) return {};
    return fuzz_finding("bytes are refused with another code than decode", &entry.error());
  }
  const auto once = encode_for_fuzz<E, C>(*entry);
  if (!once && once.error().code == Errc::too_large) return {};  // as append would answer
  if (!once) return fuzz_finding("a decoded entry is not encoded", &once.error());
  constexpr std::uint32_t known = entry_type<E>.schema;
  const Result<E> again = decode_entry<E>(C{}, *once, known);
  if (!again) return fuzz_finding("an encoded entry is not decoded", &again.error());
  if constexpr (has_equality<E>) {
    // One that is not equal to itself holds a NaN.
    if (*entry == *entry && !(*again == *entry)) {
      return fuzz_finding("an entry that was encoded and decoded differs");
    }
  }
  if constexpr (has_stable_bytes<E>) {
    const auto twice = encode_for_fuzz<E, C>(*again);
    if (!twice) return fuzz_finding("an entry is encoded once and not twice", &twice.error());
    if (*twice != *once) return fuzz_finding("equal entries are encoded to other bytes");
  }
  return check_frame_of(*once, known);
}

template <class E, class C>
Status check_entry(BytesView bytes) {
  const auto read = frame::decode(bytes, kFuzzPlace);
  if (!read) return check_payload<E, C>(bytes, entry_type<E>.schema);
  for (const BytesView payload : read->payloads) {
    const std::uint32_t schema = read->schema == 0 ? entry_type<E>.schema : read->schema;
    if (Status ok = check_payload<E, C>(payload, schema); !ok) return ok;
  }
  return {};
}

template <class E, class C>
void fuzz_entry(BytesView bytes) {
  const Status checked = check_entry<E, C>(bytes);
  if (checked) return;
  std::fprintf(stderr, "%s\n", to_string(checked.error()).c_str());
  std::abort();
}

/// none: no frame, or no room.
inline std::optional<Bytes> mutated_frame(BytesView input, std::size_t bytes_max, unsigned seed,
                                          FuzzMutate mutate) {
  // Of a length and a schema number; padding is seen when it is there.
  constexpr std::size_t kFrameHeaderBytes = 64, kGrowthBytesMax = 16;
  auto read = frame::decode(input, kFuzzPlace);
  if (!read && read.error().code == Errc::corrupt && input.size() > kFrameHeaderBytes) {
    // Begins as one: what is there becomes the payload of one that holds.
    read = frame::Frame{.entries = {EntryId{1}, EntryId{1}},
                        .payloads = {input.subspan(kFrameHeaderBytes)}};
  }
  if (!read) return std::nullopt;
  BytesView& payload = read->payloads[seed % read->payloads.size()];
  const std::size_t others = input.size() - payload.size() + kGrowthBytesMax;
  if (bytes_max <= others) return std::nullopt;
  Bytes changed(bytes_max - others);
  const std::size_t kept = std::min(payload.size(), changed.size());
  std::copy_n(payload.begin(), kept, changed.begin());
  changed.resize(mutate(reinterpret_cast<std::uint8_t*>(changed.data()), kept, changed.size()));
  payload = changed;
  if (seed % 16 == 5) read->schema = 1 + seed / 16 % 4;
  Bytes bytes;
  if (!frame::encode(*read, kFuzzPlace, bytes) || bytes.size() > bytes_max) return std::nullopt;
  return bytes;
}

inline std::size_t mutate_entry(std::span<std::uint8_t> room, std::size_t bytes, unsigned seed,
                                FuzzMutate mutate) {
  const BytesView input(reinterpret_cast<const std::byte*>(room.data()), bytes);
  const auto mended =
      seed % 2 == 0 ? std::nullopt : mutated_frame(input, room.size(), seed / 2, mutate);
  if (!mended) return mutate(room.data(), bytes, room.size());
  std::memcpy(room.data(), mended->data(), mended->size());
  return mended->size();
}

}  // namespace walkit::testing
