#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/compression.hpp"
#include "checkpoint/checkpoint_format.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::checkpoint {

/// Reads one checkpoint, piece by piece, each verified before it is given: total over any bytes,
/// memory is two pieces. One thread.
class CheckpointReader {
 public:
  /// corrupt: no header of a checkpoint of the entry that the name says. incompatible: of a newer
  /// walkit.
  static Result<CheckpointReader> open(Directory& directory, EntryId id);

  [[nodiscard]] const CheckpointHeader& header() const { return header_; }
  [[nodiscard]] const std::string& file() const { return name_; }
  [[nodiscard]] std::uint64_t file_bytes() const { return file_bytes_; }
  /// Opened under its temporary name, before it has its own.
  static Result<CheckpointReader> open_temporary(Directory& directory, EntryId id);

  /// The next bytes of the state, until the next call; none: the end, and all that was given is the
  /// whole state. corrupt: damage from here on. too_large: above the most that the caller takes.
  Result<std::optional<BytesView>> next(std::uint64_t state_bytes_max);
  /// What was read so far; behind the end, what the file says of itself.
  [[nodiscard]] const CheckpointEnd& seen() const { return seen_; }

 private:
  CheckpointReader(std::string name, std::unique_ptr<File> file)
      : name_(std::move(name)), file_(std::move(file)) {}
  static Result<CheckpointReader> open(Directory& directory, std::string name, EntryId id);

  [[nodiscard]] Error damage(std::string message) const;
  Status take(std::uint64_t offset, std::span<std::byte> into);
  Status check_piece(const PieceHeader& piece, std::uint64_t state_bytes_max) const;
  Result<BytesView> open_piece(const PieceHeader& piece);
  Status check_end(BytesView body) const;

  std::string name_;
  std::unique_ptr<File> file_;
  CheckpointHeader header_{};
  std::uint64_t file_bytes_ = 0;
  std::uint32_t seed_ = 0;
  std::uint64_t position_ = 0;
  Bytes stored_{}, plain_{};
  PieceDecompressor decompressor_{};
  CheckpointEnd seen_{};
};

}  // namespace walkit::checkpoint
