#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace walkit {

using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

/// The bytes of a text; borrows.
[[nodiscard]] inline BytesView as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// Bytes seen as a text; borrows.
[[nodiscard]] inline std::string_view as_text(BytesView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Where a codec writes one entry. It stops taking bytes at max_entry_bytes; append then answers
/// too_large. One thread.
class ByteSink {
 public:
  ByteSink(Bytes& out, std::size_t bytes_max)
      : out_(out), bytes_max_(bytes_max), room_(bytes_max) {}
  ByteSink(const ByteSink&) = delete;
  ByteSink& operator=(const ByteSink&) = delete;

  // Not inlined: g++ 12 warns wrongly of insert() where it sees the vector being made.
  [[gnu::noinline]] void write(BytesView bytes) {
    if (bytes.size() > room_) {
      room_ = 0;
      overflowed_ = true;
      return;
    }
    if (bytes.empty()) return;
    out_.insert(out_.end(), bytes.begin(), bytes.end());  // resize() would fill it first
    room_ -= bytes.size();
  }
  void write(std::string_view text) { write(as_bytes(text)); }

  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  [[nodiscard]] std::size_t bytes_max() const noexcept { return bytes_max_; }

 private:
  Bytes& out_;
  std::size_t bytes_max_;
  std::size_t room_;
  bool overflowed_ = false;
};

}  // namespace walkit
