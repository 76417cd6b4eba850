#pragma once

// Compression of a frame's entries. See docs/format.md, "Compressed entries".

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "log/frame.hpp"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace walkit::log {

struct FreeZstd {
  void operator()(ZSTD_CCtx_s* context) const noexcept;
  void operator()(ZSTD_DCtx_s* context) const noexcept;
};

/// Makes entries smaller. Its memory is the largest frame so far and a context, taken on first use.
/// One thread at a time.
class Compressor {
 public:
  explicit Compressor(Compression algorithm) : algorithm_(algorithm) {}

  /// Puts algorithm, length and compressed entries in place of the entries, and gives how many
  /// bytes that takes now. 0: nothing changed, since it would save nothing or there is no memory.
  [[nodiscard]] std::size_t compress(std::span<std::byte> entries) noexcept;

 private:
  std::size_t pack(BytesView entries, std::size_t bytes_max) noexcept;
  bool make_scratch(std::size_t bytes) noexcept;

  Compression algorithm_;
  std::unique_ptr<std::byte[]> scratch_{};
  std::size_t scratch_bytes_ = 0;
  std::unique_ptr<ZSTD_CCtx_s, FreeZstd> zstd_{};
};

/// Gives entries as they were written, total over any bytes. Its memory is the largest frame so far
/// and a context, taken on first use. One thread.
class Decompressor {
 public:
  /// That entries are decompressed into.
  struct Memory {
    std::unique_ptr<std::byte[]> bytes{};
    std::size_t capacity = 0;
  };

  /// Borrows from the body or from this, until the next call. The caller has checked
  /// parts.entries_bytes against its limits: that much is allocated, if so few bytes can hold as
  /// much. decode: not what the body says; no_memory.
  [[nodiscard]] Result<BytesView> entries_of(const BodyParts& parts);
  /// Gives the memory of the last entries, which stay, for other memory to go on with.
  void swap_memory(Memory& other) noexcept { std::swap(memory_, other); }

 private:
  Result<std::size_t> unpack(const BodyParts& parts);

  Memory memory_{};
  std::unique_ptr<ZSTD_DCtx_s, FreeZstd> zstd_{};
};

}  // namespace walkit::log
