#include "checkpoint/checkpoint_writer.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/crc32c.hpp"
#include "base/mutation.hpp"

namespace walkit::checkpoint {

CheckpointWriter::CheckpointWriter(std::unique_ptr<File> file, CheckpointHeader header,
                                   Compression compression,
                                   std::function<void(std::uint64_t)> on_piece)
    : file_(std::move(file)),
      header_(std::move(header)),
      seed_(header_.seed()),
      compressor_(compression),
      on_piece_(std::move(on_piece)) {}

Status CheckpointWriter::begin() {
  piece_ = std::make_unique_for_overwrite<std::byte[]>(header_.piece_bytes);
  if (compressor_.algorithm() != Compression::none) {
    packed_ = std::make_unique_for_overwrite<std::byte[]>(header_.piece_bytes);
  }
  const CheckpointHeaderBytes bytes = encode(header_);
  const BytesView parts[] = {bytes};
  position_ = bytes.size();
  return file_->write_at(0, parts);
}

void CheckpointWriter::take(BytesView bytes) noexcept try {
  while (!bytes.empty() && !failure_) {
    const std::size_t room = header_.piece_bytes - piece_bytes_;
    const BytesView part = bytes.first(std::min(room, bytes.size()));
    std::memcpy(piece_.get() + piece_bytes_, part.data(), part.size());
    piece_bytes_ += part.size();
    bytes = bytes.subspan(part.size());
    if (piece_bytes_ < header_.piece_bytes) continue;
    if (Status ok = write_piece(); !ok) failure_ = std::move(ok).error();
  }
} catch (const std::bad_alloc&) {
  // Fits into the string itself: there is no memory for more.
  failure_ = Error{.code = Errc::no_memory, .message = "out of memory"};
}

Status CheckpointWriter::write_piece() {
  const BytesView plain(piece_.get(), std::exchange(piece_bytes_, 0));
  end_.state_bytes += plain.size();
  end_.state_crc = crc32c(plain, end_.state_crc);
  BytesView stored = plain;
  Compression compression = Compression::none;
  if (packed_) {
    const std::size_t packed = compressor_.pack(plain, {packed_.get(), plain.size() - 1});
    if (packed > 0) {
      stored = {packed_.get(), packed};
      compression = compressor_.algorithm();
    }
  }
  Status ok = write({.plain_bytes = static_cast<std::uint32_t>(plain.size()),
                     .kind = PieceHeader::Kind::state,
                     .compression = compression},
                    stored);
  ++end_.pieces;
  if (ok && on_piece_) on_piece_(end_.state_bytes);
  return ok;
}

Status CheckpointWriter::write(PieceHeader header, BytesView body) {
  header.stored_bytes = static_cast<std::uint32_t>(body.size());
  header.index = end_.pieces;
  header.body_crc = crc32c(body, seed_);
  const PieceHeaderBytes head = encode(header, seed_);
  const BytesView parts[] = {head, body};
  if (Status ok = file_->write_at(position_, parts); !ok) return ok;
  position_ += head.size() + body.size();
  return {};
}

Result<CheckpointEnd> CheckpointWriter::finish() {
  if (!failure_ && piece_bytes_ > 0) {
    if (Status ok = write_piece(); !ok) failure_ = std::move(ok).error();
  }
  if (failure_) return *failure_;
  const EndBytes body = encode(end_);
  Status ok = write({.plain_bytes = kEndBytes, .kind = PieceHeader::Kind::end}, body);
  if (ok && !mutated(Mutation::checkpoint_without_sync)) ok = file_->sync();
  if (!ok) return std::move(ok).error();
  return end_;
}

}  // namespace walkit::checkpoint
