#include "log/compression.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <new>

namespace walkit::log {
namespace {

// Fewer bytes are not tried: the frame's own header takes as many, and what a match could save is
// mostly eaten by padding to 8 bytes.
constexpr std::size_t kWorthTryingBytes = kFrameHeaderBytes;

static_assert(kFrameBytesMax <= kCompressedEntriesMax &&
                  kCompressedEntriesMax <= kCompressedPieceMax,
              "no frame is too large to be compressed");

}  // namespace

std::size_t Compressor::compress(std::span<std::byte> entries) noexcept {
  if (packer_.algorithm() == Compression::none || entries.size() < kWorthTryingBytes) return 0;
  std::array<std::byte, 1 + kVarintBytesMax> head{static_cast<std::byte>(packer_.algorithm())};
  const std::size_t head_bytes = 1 + store_varint(entries.size(), &head[1]);
  const std::size_t bytes_max = entries.size() - head_bytes - 1;
  if (!make_scratch(bytes_max)) return 0;
  const std::size_t packed = packer_.pack(entries, {scratch_.get(), bytes_max});
  if (packed == 0) return 0;
  std::memcpy(entries.data(), head.data(), head_bytes);
  std::memcpy(entries.data() + head_bytes, scratch_.get(), packed);
  return head_bytes + packed;
}

bool Compressor::make_scratch(std::size_t bytes) noexcept {
  if (bytes <= scratch_bytes_) return true;
  scratch_.reset();
  scratch_bytes_ = 0;
  scratch_.reset(new (std::nothrow) std::byte[std::bit_ceil(bytes)]);
  if (scratch_) scratch_bytes_ = std::bit_ceil(bytes);
  return scratch_ != nullptr;
}

Result<BytesView> Decompressor::entries_of(const BodyParts& parts) {
  if (parts.compression == Compression::none) return parts.stored;
  const std::uint64_t bytes = parts.entries_bytes;
  Status ok = PieceDecompressor::check_ratio(parts.compression, parts.stored, bytes);
  if (!ok) return std::move(ok).error();
  if (bytes > memory_.capacity) {
    memory_ = {};  // not beside the new one
    memory_.bytes = std::make_unique_for_overwrite<std::byte[]>(bytes);
    memory_.capacity = bytes;
  }
  const std::span<std::byte> entries(memory_.bytes.get(), bytes);
  ok = unpacker_.unpack(parts.compression, parts.stored, entries);
  if (!ok) return std::move(ok).error();
  return BytesView(entries);
}

}  // namespace walkit::log
