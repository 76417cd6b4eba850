#include "log/group.hpp"

#include <algorithm>
#include <cstring>

#include "base/mutation.hpp"

namespace walkit::log {
namespace {

// Ordinary frames end here.
constexpr std::uint64_t kFrameBodyBytes = 256 << 10;

std::byte* put_payload(BytesView payload, std::byte* at) noexcept {
  at += store_varint(payload.size(), at);
  if (!payload.empty()) std::memcpy(at, payload.data(), payload.size());
  return at + payload.size();
}

}  // namespace

std::uint64_t frame_room(std::uint64_t body_bytes, Layout layout) noexcept {
  const std::uint64_t frame = kFrameHeaderBytes + body_bytes + kFramePaddingMax + kIndexEntryBytes;
  return layout == Layout::whole_blocks ? next_block_offset(frame) + kBlockBytes : frame;
}

// The memory doubles; what is taken is not filled first.
void Group::reserve(std::size_t bytes) {
  const std::size_t capacity = std::max(bytes, 2 * capacity_);
  auto buffer = std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (bytes_ > 0) std::memcpy(buffer.get(), buffer_.get(), bytes_);
  buffer_ = std::move(buffer);
  capacity_ = capacity;
}

void Group::begin_frame(EntryId first) {
  const std::size_t parts = 2 * (frames_.size() + 1);
  if (parts > parts_.capacity()) parts_.reserve(2 * parts);
  frames_.push_back({.first = first, .begin = bytes_});
  bytes_ += kFrameHeaderBytes;
  frame_left_ = std::min<std::uint64_t>(kFrameBodyBytes, frame_bytes_max_ - kFrameHeaderBytes);
  if (mutated(Mutation::batch_over_frames)) frame_left_ = 0;
}

void Group::add(EntryId first, std::span<const BytesView> payloads, std::uint64_t body_bytes) {
#ifdef WALKIT_MUTATIONS
  if (mutated(Mutation::batch_over_frames) && payloads.size() > 1) {
    add(first, payloads.first(1), log::body_bytes(payloads.first(1)));
    return add(first + 1, payloads.subspan(1), log::body_bytes(payloads.subspan(1)));
  }
#endif
  const std::size_t needed = bytes_ + kFrameHeaderBytes + body_bytes;
  if (needed > capacity_) reserve(needed);
  if (body_bytes > frame_left_) begin_frame(first);
  // Nothing below allocates.
  frame_left_ -= std::min(body_bytes, frame_left_);
  std::byte* at = buffer_.get() + bytes_;
  for (const BytesView payload : payloads) {
    at = put_payload(payload, at);
    payload_bytes_ += payload.size();
  }
  bytes_ += body_bytes;
  frames_.back().end = bytes_;
  frames_.back().count += static_cast<std::uint32_t>(payloads.size());
  entries_ += payloads.size();
}

void Group::clear() noexcept {
  bytes_ = 0;
  frames_.clear();
  frame_left_ = 0;
  entries_ = payload_bytes_ = 0;
}

}  // namespace walkit::log
