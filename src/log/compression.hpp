#pragma once

// Compression of a frame's entries. See docs/format.md, "Compressed entries".

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "base/compression.hpp"
#include "log/frame.hpp"

namespace walkit::log {

/// Makes entries smaller. Its memory is the largest frame so far and a context, taken on first use.
/// One thread at a time.
class Compressor {
 public:
  explicit Compressor(Compression algorithm) : packer_(algorithm) {}

  /// Puts algorithm, length and compressed entries in place of the entries, and gives how many
  /// bytes that takes now. 0: nothing changed, since it would save nothing or there is no memory.
  [[nodiscard]] std::size_t compress(std::span<std::byte> entries) noexcept;

 private:
  bool make_scratch(std::size_t bytes) noexcept;

  PieceCompressor packer_;
  std::unique_ptr<std::byte[]> scratch_{};
  std::size_t scratch_bytes_ = 0;
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
  Memory memory_{};
  PieceDecompressor unpacker_{};
};

}  // namespace walkit::log
