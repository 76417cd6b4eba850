#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/compression.hpp"
#include "checkpoint/checkpoint_format.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::checkpoint {

/// Writes one checkpoint, the state's bytes as they come: memory is two pieces. The first thing
/// that goes wrong is kept for finish(), and nothing is written behind it. One thread.
class CheckpointWriter final : public ByteDrain {
 public:
  /// on_piece(state bytes so far) is called behind each piece; none: nobody is told.
  CheckpointWriter(std::unique_ptr<File> file, CheckpointHeader header, Compression compression,
                   std::function<void(std::uint64_t)> on_piece = {});

  /// The header. Throws std::bad_alloc.
  Status begin();
  void take(BytesView bytes) noexcept override;
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  /// The end of the state. Durable on return, under the name that the file has.
  Result<CheckpointEnd> finish();

 private:
  Status write_piece();
  Status write(PieceHeader header, BytesView body);

  std::unique_ptr<File> file_;
  CheckpointHeader header_;
  std::uint32_t seed_;
  PieceCompressor compressor_;
  std::function<void(std::uint64_t)> on_piece_;
  std::unique_ptr<std::byte[]> piece_{}, packed_{};
  std::size_t piece_bytes_ = 0;
  std::uint64_t position_ = 0;
  CheckpointEnd end_{};
  std::optional<Error> failure_{};
};

}  // namespace walkit::checkpoint
