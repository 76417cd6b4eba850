#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "walkit/base/bytes.hpp"
#include "walkit/base/types.hpp"
#include "walkit/log/reports.hpp"

namespace walkit {

/// What a marker in a log says to those who care for it. Readers of entries pass over markers. A
/// value.
struct Marker {
  enum class Kind : std::uint8_t {
    checkpoint = 1,  // there was one, complete through entry_id
    parent = 2       // this log was forked from `log` behind entry_id
  } kind{};
  EntryId entry_id{};
  LogIdentity log{};  // parent
  friend bool operator==(const Marker&, const Marker&) = default;
};

/// A marker as bytes, for LogWriter::write_marker(). A value.
class MarkerBody {
 public:
  explicit MarkerBody(const Marker& marker) noexcept;
  [[nodiscard]] BytesView bytes() const { return BytesView(bytes_).first(size_); }

 private:
  std::array<std::byte, 25> bytes_{};
  std::size_t size_ = 0;
};
/// none: of a kind that this walkit does not know, or not of its form. Total.
[[nodiscard]] std::optional<Marker> decode_marker(BytesView body) noexcept;

}  // namespace walkit
