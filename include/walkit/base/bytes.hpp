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

/// Takes bytes as they come, where they need not stay in memory. What goes wrong it keeps for
/// itself until it is asked.
class ByteDrain {
 public:
  virtual ~ByteDrain() = default;
  virtual void take(BytesView bytes) noexcept = 0;
};

/// Where a codec writes one entry or state. It stops taking bytes at a limit, max_entry_bytes for
/// an entry; append then answers too_large. One thread.
class ByteSink {
 public:
  ByteSink(Bytes& out, std::size_t bytes_max)
      : out_(&out), bytes_max_(bytes_max), room_(bytes_max) {}
  ByteSink(ByteDrain& drain, std::size_t bytes_max)
      : drain_(&drain), bytes_max_(bytes_max), room_(bytes_max) {}
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
    room_ -= bytes.size();
    if (out_ == nullptr) return drain_->take(bytes);
    out_->insert(out_->end(), bytes.begin(), bytes.end());  // resize() would fill it first
  }
  void write(std::string_view text) { write(as_bytes(text)); }

  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  [[nodiscard]] std::size_t bytes_max() const noexcept { return bytes_max_; }

 private:
  Bytes* out_ = nullptr;
  ByteDrain* drain_ = nullptr;  // where there is no out_
  std::size_t bytes_max_;
  std::size_t room_;
  bool overflowed_ = false;
};

}  // namespace walkit
