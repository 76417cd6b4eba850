#pragma once

// Checksums put right again behind a change, so that a target reaches what they guard.

#include <algorithm>
#include <cstring>
#include <map>
#include <span>

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "log/frame.hpp"
#include "walkit/base/bytes.hpp"

namespace walkit::fuzz {

/// The checksum of a file's first 32 bytes; `header` is all that it covers.
inline void mend_prefix(std::span<std::byte> header) {
  constexpr std::size_t kCrcOffset = 28;
  const std::uint32_t crc = crc32c(header.subspan(kPrefixBytes), crc32c(header.first(kCrcOffset)));
  store_le(header.data() + kCrcOffset, crc);
}

/// Body and header checksums, and the chain, of what begins with a header's 64 bytes; the header's
/// checksum.
inline std::uint32_t mend_frame(std::span<std::byte> frame, std::uint32_t seed,
                                std::uint32_t chain) {
  const std::span<std::byte> behind = frame.subspan(log::kFrameHeaderBytes);
  // No more than is stored, or a segment of hostile lengths takes time by its square.
  const std::size_t body =
      std::min(load_le<std::uint32_t>(&frame[12]), load_le<std::uint32_t>(&frame[8]));
  store_le(&frame[48], chain);
  store_le(&frame[52], crc32c(behind.first(std::min(body, behind.size())), seed));
  const std::uint32_t crc = crc32c(frame.subspan(8, log::kFrameHeaderBytes - 8), seed);
  store_le(&frame[4], crc);
  return crc;
}

using ChainAt = std::map<std::uint64_t, std::uint32_t>;  // by the end of a frame

/// A whole segment, as far as its frames follow each other; `before` is what this gave for the
/// segment before it.
inline ChainAt mend_segment(std::span<std::byte> bytes, const ChainAt& before = {}) {
  ChainAt ends;
  if (bytes.size() < log::kSegmentHeaderBytes) return ends;
  const std::span<std::byte> first = bytes.first(log::kSegmentHeaderBytes);
  mend_prefix(first);
  auto header = log::decode_segment_header(first);
  if (!header) return ends;
  if (const auto chain = before.find(header->prev_end); chain != before.end()) {
    header->prev_chain = chain->second;
    std::ranges::copy(log::encode(*header), first.begin());
  }
  const std::uint32_t seed = log::frame_seed(header->salt());
  std::uint32_t chain = header->crc;
  std::uint64_t at = log::first_frame_offset(header->layout);
  ends[at] = chain;
  while (at + log::kFrameHeaderBytes <= bytes.size() && log::frame_magic_at(&bytes[at])) {
    const std::span<std::byte> frame = bytes.subspan(at);
    chain = mend_frame(frame, seed, chain);
    at += log::kFrameHeaderBytes + load_le<std::uint32_t>(&frame[8]);
    ends[at] = chain;
  }
  return ends;
}

}  // namespace walkit::fuzz
