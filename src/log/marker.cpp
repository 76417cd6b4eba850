#include "walkit/log/marker.hpp"

#include <algorithm>

#include "base/little_endian.hpp"
#include "log/frame.hpp"

namespace walkit {
namespace {

constexpr std::size_t kIdBytes = 8;
constexpr std::size_t kIdentityBytes = std::tuple_size_v<LogIdentity>;

}  // namespace

MarkerBody::MarkerBody(const Marker& marker) noexcept {
  static_assert(1 + kIdentityBytes + kIdBytes == std::tuple_size_v<decltype(bytes_)>);
  size_ = log::store_varint(static_cast<std::uint64_t>(marker.kind), bytes_.data());
  if (marker.kind == Marker::Kind::parent) {
    std::copy(marker.log.begin(), marker.log.end(), bytes_.begin() + size_);
    size_ += kIdentityBytes;
  }
  store_le(bytes_.data() + size_, marker.entry_id.value);
  size_ += kIdBytes;
}

std::optional<Marker> decode_marker(BytesView body) noexcept {
  const auto kind = log::take_varint(body);
  Marker marker;
  if (kind == static_cast<std::uint64_t>(Marker::Kind::parent)) {
    marker.kind = Marker::Kind::parent;
    if (body.size() != kIdentityBytes + kIdBytes) return std::nullopt;
    std::copy_n(body.begin(), kIdentityBytes, marker.log.begin());
    body = body.subspan(kIdentityBytes);
  } else if (kind == static_cast<std::uint64_t>(Marker::Kind::checkpoint)) {
    marker.kind = Marker::Kind::checkpoint;
    if (body.size() != kIdBytes) return std::nullopt;
  } else {
    return std::nullopt;
  }
  marker.entry_id = EntryId{load_le<std::uint64_t>(body.data())};
  return marker;
}

}  // namespace walkit
