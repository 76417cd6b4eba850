#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "log/frame.hpp"
#include "walkit/log/options.hpp"

namespace walkit::log {

/// The bytes that one call of these payloads takes in a frame.
[[nodiscard]] inline std::uint64_t body_bytes(std::span<const BytesView> payloads) noexcept {
  std::uint64_t bytes = 0;
  for (const BytesView payload : payloads) bytes += varint_bytes(payload.size()) + payload.size();
  return bytes;
}
/// The most that such a call can take in the file in a frame of its own: header, padding and a line
/// of the seal's index included.
[[nodiscard]] std::uint64_t frame_room(std::uint64_t body_bytes, Layout layout) noexcept;

/// Entries on their way to a file, laid out as they will stand there, so that they are copied once:
/// room for a frame's header, its entries, the next frame. What one call appended stays in one
/// frame; calls share one up to 256 KiB, so that a flipped bit and a random read stay cheap. All
/// memory that writing needs is taken when an entry is added: a group that was accepted cannot fail
/// for want of it. One thread at a time.
class Group {
 public:
  struct Frame {
    EntryId first{};
    std::uint32_t count = 0;
    std::size_t begin = 0;  // of the header's place
    std::size_t end = 0;    // of the entries
  };

  Group(Layout layout, std::uint32_t frame_bytes_max)
      : layout_(layout), frame_bytes_max_(frame_bytes_max) {}

  /// The most that a call of these body bytes adds to the file.
  [[nodiscard]] std::uint64_t room_for(std::uint64_t body_bytes) const noexcept {
    return body_bytes <= frame_left_ ? body_bytes : frame_room(body_bytes, layout_);
  }
  /// Entries of one call, which take `body_bytes`. Strong guarantee on std::bad_alloc.
  void add(EntryId first, std::span<const BytesView> payloads, std::uint64_t body_bytes);
  void clear() noexcept;

  [[nodiscard]] bool empty() const { return frames_.empty(); }
  [[nodiscard]] std::uint64_t entries() const { return entries_; }
  [[nodiscard]] std::uint64_t payload_bytes() const { return payload_bytes_; }
  /// Of memory, headers to come included.
  [[nodiscard]] std::uint64_t buffered_bytes() const { return bytes_; }

  [[nodiscard]] std::span<const Frame> frames() const { return frames_; }
  /// Of one of its frames: the header's place and the entries.
  [[nodiscard]] std::span<std::byte> bytes_of(const Frame& frame) {
    return {buffer_.get() + frame.begin, frame.end - frame.begin};
  }
  /// Empty, with room for what all frames are written from: each with a part of padding behind it.
  [[nodiscard]] std::vector<BytesView>& parts() {
    parts_.clear();
    return parts_;
  }

 private:
  void reserve(std::size_t bytes);
  void begin_frame(EntryId first);

  Layout layout_;
  std::uint32_t frame_bytes_max_;
  std::unique_ptr<std::byte[]> buffer_{};
  std::size_t bytes_ = 0, capacity_ = 0;
  std::uint64_t frame_left_ = 0;  // what may still share the last frame
  std::vector<Frame> frames_{};
  std::vector<BytesView> parts_{};
  std::uint64_t entries_ = 0, payload_bytes_ = 0;
};

}  // namespace walkit::log
