#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "walkit/base/bytes.hpp"

/// The fields of records that the app layer writes: bytes, numbers as varints, texts. One thread.
namespace walkit {

/// Appends. Throws std::bad_alloc.
class FieldWriter {
 public:
  explicit FieldWriter(Bytes& out) : out_(out) {}
  FieldWriter& byte(std::uint8_t value) {
    out_.push_back(std::byte{value});
    return *this;
  }
  FieldWriter& number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte(static_cast<std::uint8_t>(value | 0x80));
    return byte(static_cast<std::uint8_t>(value));
  }
  /// Small where it is near 0.
  FieldWriter& signed_number(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    return number(value < 0 ? ~(bits << 1) : bits << 1);
  }
  FieldWriter& raw(BytesView bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  FieldWriter& text(std::string_view text) { return number(text.size()).raw(as_bytes(text)); }
  FieldWriter& numbers(std::span<const std::uint64_t> values) {
    number(values.size());
    for (const std::uint64_t value : values) number(value);
    return *this;
  }

 private:
  Bytes& out_;
};

/// Total: once something is missing, all that follows is 0 and ok() says so.
class FieldReader {
 public:
  explicit FieldReader(BytesView bytes) : rest_(bytes) {}
  std::uint8_t byte() {
    if (rest_.empty()) return fail();
    const auto value = std::to_integer<std::uint8_t>(rest_.front());
    rest_ = rest_.subspan(1);
    return value;
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t bits = byte();
      if (shift == 63 && bits > 1) return fail();
      value |= std::uint64_t{bits & 0x7fu} << shift;
      if (bits < 0x80) return bits == 0 && shift > 0 ? fail() : value;  // one form for each number
    }
    return fail();
  }
  std::uint32_t number32() {
    const std::uint64_t value = number();
    return value <= 0xffffffffu ? static_cast<std::uint32_t>(value) : fail();
  }
  std::int64_t signed_number() {
    const std::uint64_t bits = number();
    return static_cast<std::int64_t>((bits & 1) != 0 ? ~(bits >> 1) : bits >> 1);
  }
  std::string text(std::size_t bytes_max) {
    const std::uint64_t bytes = number();
    if (bytes > bytes_max || bytes > rest_.size()) {
      fail();
      return {};
    }
    std::string taken(as_text(rest_.first(bytes)));
    rest_ = rest_.subspan(bytes);
    return taken;
  }
  std::vector<std::uint64_t> numbers(std::size_t count_max) {
    const std::uint64_t count = number();
    std::vector<std::uint64_t> values;
    if (count > count_max || count > rest_.size()) {
      fail();
      return values;
    }
    for (std::uint64_t n = 0; n < count; ++n) values.push_back(number());
    return values;
  }
  BytesView rest() { return std::exchange(rest_, BytesView{}); }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool all() const { return ok_ && rest_.empty(); }

 private:
  std::uint8_t fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }

  BytesView rest_;
  bool ok_ = true;
};

}  // namespace walkit
