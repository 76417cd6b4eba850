#pragma once

// Pieces of bytes made smaller and back. Their place in frames and checkpoints: docs/format.md.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace walkit {

struct FreeZstd {
  void operator()(ZSTD_CCtx_s* context) const noexcept;
  void operator()(ZSTD_DCtx_s* context) const noexcept;
};

/// A piece that is compressed at once may be this large.
inline constexpr std::uint64_t kCompressedPieceMax = 1u << 30;

/// One thread at a time.
class PieceCompressor {
 public:
  explicit PieceCompressor(Compression algorithm) : algorithm_(algorithm) {}

  [[nodiscard]] Compression algorithm() const { return algorithm_; }
  /// The bytes written. 0: it does not fit into `into`, or there is no memory.
  [[nodiscard]] std::size_t pack(BytesView piece, std::span<std::byte> into) noexcept;

 private:
  Compression algorithm_;
  std::unique_ptr<ZSTD_CCtx_s, FreeZstd> zstd_{};
};

/// Gives a piece as it was, total over any bytes. One thread.
class PieceDecompressor {
 public:
  /// decode: so many bytes cannot be in there. To be asked before memory is taken for them.
  [[nodiscard]] static Status check_ratio(Compression algorithm, BytesView packed,
                                          std::uint64_t bytes);
  /// Fills `into`. decode: not exactly that many bytes are packed here; no_memory.
  [[nodiscard]] Status unpack(Compression algorithm, BytesView packed, std::span<std::byte> into);

 private:
  std::unique_ptr<ZSTD_DCtx_s, FreeZstd> zstd_{};
};

}  // namespace walkit
