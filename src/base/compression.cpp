#include "base/compression.hpp"

#include <lz4.h>
#include <zstd.h>

#include "base/little_endian.hpp"

namespace walkit {
namespace {

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
Status check_zstd(BytesView frame, std::uint64_t bytes) {
  constexpr std::size_t kHeadBytes = 6;
  if (frame.size() < kHeadBytes || load_le<std::uint32_t>(frame.data()) != ZSTD_MAGICNUMBER ||
      ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) {
    return bad("not one zstd frame");
  }
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != bytes) {
    return bad("the zstd frame is of another size");
  }
  return window_is_small(frame) ? Status{} : bad("the zstd frame's window is above 128 MiB");
}

const char* chars(BytesView bytes) { return reinterpret_cast<const char*>(bytes.data()); }
char* chars(std::span<std::byte> bytes) { return reinterpret_cast<char*>(bytes.data()); }

}  // namespace

void FreeZstd::operator()(ZSTD_CCtx_s* context) const noexcept { ZSTD_freeCCtx(context); }
void FreeZstd::operator()(ZSTD_DCtx_s* context) const noexcept { ZSTD_freeDCtx(context); }

std::size_t PieceCompressor::pack(BytesView piece, std::span<std::byte> into) noexcept {
  if (algorithm_ == Compression::lz4) {
    const int packed = LZ4_compress_default(
        chars(piece), chars(into), static_cast<int>(piece.size()), static_cast<int>(into.size()));
    return static_cast<std::size_t>(packed);
  }
  if (!zstd_) {
    zstd_.reset(ZSTD_createCCtx());
    if (!zstd_) return 0;
    ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_compressionLevel, kZstdLevel);
  }
  const std::size_t packed =
      ZSTD_compress2(zstd_.get(), into.data(), into.size(), piece.data(), piece.size());
  return ZSTD_isError(packed) != 0 ? 0 : packed;
}

Status PieceDecompressor::check_ratio(Compression algorithm, BytesView packed,
                                      std::uint64_t bytes) {
  const std::uint64_t most = algorithm == Compression::lz4 ? kLz4RatioMax : kZstdRatioMax;
  if (bytes <= packed.size() * most) return {};
  return bad("more bytes than so few can hold");
}

Status PieceDecompressor::unpack(Compression algorithm, BytesView packed,
                                 std::span<std::byte> into) {
  if (algorithm == Compression::lz4) {
    const int bytes = LZ4_decompress_safe(
        chars(packed), chars(into), static_cast<int>(packed.size()), static_cast<int>(into.size()));
    if (bytes < 0) return bad("not an lz4 block");
    if (static_cast<std::size_t>(bytes) == into.size()) return {};
    return bad("compressed bytes of another length");
  }
  if (Status ok = check_zstd(packed, into.size()); !ok) return ok;
  if (!zstd_) zstd_.reset(ZSTD_createDCtx());
  if (!zstd_) return Error{.code = Errc::no_memory, .message = "out of memory"};
  const std::size_t bytes =
      ZSTD_decompressDCtx(zstd_.get(), into.data(), into.size(), packed.data(), packed.size());
  if (ZSTD_isError(bytes) != 0) return bad("not a zstd frame");
  return bytes == into.size() ? Status{} : bad("compressed bytes of another length");
}

}  // namespace walkit
