#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"

namespace walkit::fuzz {

/// The bytes of one run, taken apart from the front; what is not there reads as 0. One thread.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t bytes)
      : rest_(reinterpret_cast<const std::byte*>(data), bytes) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t two_bytes() { return static_cast<std::uint16_t>(number(2)); }
  std::uint64_t eight_bytes() { return number(8); }
  BytesView take(std::size_t bytes) {
    const BytesView taken = rest_.first(std::min(bytes, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  BytesView rest() { return take(rest_.size()); }

 private:
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const std::byte b : take(bytes)) value = value << 8 | std::to_integer<std::uint64_t>(b);
    return value;
  }

  BytesView rest_;
};

/// A property does not hold.
[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "property violated: %s\n", what.c_str());
  std::abort();
}
inline void require(bool holds, const char* what) {
  if (!holds) fail(what);
}
template <class T>
void require_ok(const Result<T>& result, const char* what) {
  if (!result) fail(std::string(what) + ": " + to_string(result.error()));
}

[[nodiscard]] inline bool same_bytes(BytesView a, BytesView b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// Bytes are refused with `decode`, or a record that encode() writes in the same way.
template <class Decode>
void check_record(BytesView bytes, Decode decode) {
  const auto record = decode(bytes);
  if (!record) return require(record.error().code == Errc::decode, "another code than decode");
  Bytes again;
  encode(*record, again);
  require(same_bytes(again, bytes), "a record is encoded differently");
}

}  // namespace walkit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes);
/// libFuzzer has it; a replay has not, and does not call mutators.
extern "C" __attribute__((weak)) std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t bytes,
                                                              std::size_t bytes_max);
