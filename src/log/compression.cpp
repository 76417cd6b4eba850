#include "log/compression.hpp"

#include <lz4.h>
#include <zstd.h>

#include <array>
#include <bit>
#include <cstring>
#include <new>

#include "base/little_endian.hpp"

namespace walkit::log {
namespace {

// Fewer bytes are not tried: the frame's own header takes as many, and what a match could save is
// mostly eaten by padding to 8 bytes.
constexpr std::size_t kWorthTryingBytes = kFrameHeaderBytes;
// Higher levels take several times the time in a place where commits wait.
constexpr int kZstdLevel = 1;

// The most that one compressed byte can stand for. lz4: a byte more of a match's length. zstd: a
// block of one repeated byte is 4 bytes for 128 KiB.
constexpr std::uint64_t kLz4RatioMax = 255;
constexpr std::uint64_t kZstdRatioMax = (128u << 10) / 4;
// What zstd's own stream decoders take without being asked: others must be able to read the log.
constexpr int kZstdWindowLogMax = 27;

static_assert(static_cast<int>(Compression::lz4) == 1 && static_cast<int>(Compression::zstd) == 2,
              "the values stand on disk");

Error bad(const char* message) { return {.code = Errc::decode, .message = message}; }

// A window takes no memory where all is decompressed by one call, into its own place.
bool window_is_small(BytesView frame) {
  constexpr std::size_t kDescriptorOffset = 4, kWindowOffset = 5;
  constexpr auto kSingleSegment = std::byte{1 << 5};
  if ((frame[kDescriptorOffset] & kSingleSegment) != std::byte{0}) return true;
  const auto window = std::to_integer<int>(frame[kWindowOffset]);
  const int log = 10 + (window >> 3), eighths = window & 7;
  return log < kZstdWindowLogMax || (log == kZstdWindowLogMax && eighths == 0);
}

// One frame and nothing behind it, in today's form, which says how large it is.
Status check_zstd(BytesView frame, std::uint64_t entries_bytes) {
  constexpr std::size_t kHeadBytes = 6;
  if (frame.size() < kHeadBytes || load_le<std::uint32_t>(frame.data()) != ZSTD_MAGICNUMBER ||
      ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) {
    return bad("not one zstd frame");
  }
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != entries_bytes) {
    return bad("the zstd frame is of another size");
  }
  return window_is_small(frame) ? Status{} : bad("the zstd frame's window is above 128 MiB");
}

}  // namespace

void FreeZstd::operator()(ZSTD_CCtx_s* context) const noexcept { ZSTD_freeCCtx(context); }
void FreeZstd::operator()(ZSTD_DCtx_s* context) const noexcept { ZSTD_freeDCtx(context); }

std::size_t Compressor::compress(std::span<std::byte> entries) noexcept {
  if (algorithm_ == Compression::none || entries.size() < kWorthTryingBytes) return 0;
  std::array<std::byte, 1 + kVarintBytesMax> head{static_cast<std::byte>(algorithm_)};
  const std::size_t head_bytes = 1 + store_varint(entries.size(), &head[1]);
  const std::size_t packed = pack(entries, entries.size() - head_bytes - 1);
  if (packed == 0) return 0;
  std::memcpy(entries.data(), head.data(), head_bytes);
  std::memcpy(entries.data() + head_bytes, scratch_.get(), packed);
  return head_bytes + packed;
}

// Into scratch_. 0: it does not fit.
std::size_t Compressor::pack(BytesView entries, std::size_t bytes_max) noexcept {
  static_assert(kFrameBytesMax <= kCompressedEntriesMax, "no frame is too large to be compressed");
  if (!make_scratch(bytes_max)) return 0;
  if (algorithm_ == Compression::lz4) {
    const int packed = LZ4_compress_default(
        reinterpret_cast<const char*>(entries.data()), reinterpret_cast<char*>(scratch_.get()),
        static_cast<int>(entries.size()), static_cast<int>(bytes_max));
    return static_cast<std::size_t>(packed);
  }
  if (!zstd_) {
    zstd_.reset(ZSTD_createCCtx());
    if (!zstd_) return 0;
    ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_compressionLevel, kZstdLevel);
  }
  const std::size_t packed =
      ZSTD_compress2(zstd_.get(), scratch_.get(), bytes_max, entries.data(), entries.size());
  return ZSTD_isError(packed) != 0 ? 0 : packed;
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
  const bool lz4 = parts.compression == Compression::lz4;
  if (parts.entries_bytes > parts.stored.size() * (lz4 ? kLz4RatioMax : kZstdRatioMax)) {
    return bad("more entries than so few bytes can hold");
  }
  if (!lz4) {
    if (Status ok = check_zstd(parts.stored, parts.entries_bytes); !ok) return ok.error();
    if (!zstd_) zstd_.reset(ZSTD_createDCtx());
    if (!zstd_) return Error{.code = Errc::no_memory, .message = "out of memory"};
  }
  if (parts.entries_bytes > memory_.capacity) {
    memory_ = {};  // not beside the new one
    memory_.bytes = std::make_unique_for_overwrite<std::byte[]>(parts.entries_bytes);
    memory_.capacity = parts.entries_bytes;
  }
  const auto bytes = unpack(parts);
  if (!bytes) return bytes.error();
  if (*bytes != parts.entries_bytes) return bad("compressed entries of another length");
  return BytesView(memory_.bytes.get(), parts.entries_bytes);
}

Result<std::size_t> Decompressor::unpack(const BodyParts& parts) {
  if (parts.compression == Compression::lz4) {
    const int bytes = LZ4_decompress_safe(reinterpret_cast<const char*>(parts.stored.data()),
                                          reinterpret_cast<char*>(memory_.bytes.get()),
                                          static_cast<int>(parts.stored.size()),
                                          static_cast<int>(parts.entries_bytes));
    if (bytes < 0) return bad("not an lz4 block");
    return static_cast<std::size_t>(bytes);
  }
  const std::size_t bytes =
      ZSTD_decompressDCtx(zstd_.get(), memory_.bytes.get(), parts.entries_bytes,
                          parts.stored.data(), parts.stored.size());
  if (ZSTD_isError(bytes) != 0) return bad("not a zstd frame");
  return bytes;
}

}  // namespace walkit::log
