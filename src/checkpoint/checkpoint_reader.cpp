#include "checkpoint/checkpoint_reader.hpp"

#include <algorithm>

#include "base/crc32c.hpp"
#include "base/mutation.hpp"

namespace walkit::checkpoint {

Result<CheckpointReader> CheckpointReader::open(Directory& directory, EntryId id) {
  return open(directory, checkpoint_name(id), id);
}

Result<CheckpointReader> CheckpointReader::open_temporary(Directory& directory, EntryId id) {
  return open(directory, temporary_name(id), id);
}

Result<CheckpointReader> CheckpointReader::open(Directory& directory, std::string name,
                                                EntryId id) {
  auto file = directory.open(name, OpenMode::read);
  if (!file) return file.error();
  CheckpointReader reader(std::move(name), std::move(*file));
  const auto size = reader.file_->size();
  if (!size) return size.error();
  reader.file_bytes_ = *size;
  std::array<std::byte, kHeaderBytesMax> bytes;
  const auto got = reader.file_->read_at(0, bytes);
  if (!got) return got.error();
  auto header = decode_checkpoint_header(BytesView(bytes).first(*got));
  if (!header) {
    Error error = header.error();
    error.file = reader.name_;
    return error;
  }
  if (header->entry_id != id) {
    return reader.damage("its header says that it is the state at entry " +
                         to_string(header->entry_id));
  }
  reader.header_ = std::move(*header);
  reader.seed_ = reader.header_.seed();
  reader.position_ = kCheckpointHeaderBytes;
  return reader;
}

Error CheckpointReader::damage(std::string message) const {
  return {.code = Errc::corrupt, .message = std::move(message), .file = name_, .offset = position_};
}

// Exactly so many bytes, or the file is cut short.
Status CheckpointReader::take(std::uint64_t offset, std::span<std::byte> into) {
  const auto got = file_->read_at(offset, into);
  if (!got) return got.error();
  if (*got < into.size()) return damage("the file ends in the middle of the state");
  return {};
}

Result<BytesView> CheckpointReader::open_piece(const PieceHeader& piece) {
  if (piece.compression == Compression::none) return BytesView(stored_);
  Status ok = PieceDecompressor::check_ratio(piece.compression, stored_, piece.plain_bytes);
  if (ok) {
    plain_.resize(piece.plain_bytes);
    ok = decompressor_.unpack(piece.compression, stored_, plain_);
  }
  if (ok) return BytesView(plain_);
  if (ok.error().code == Errc::no_memory) return std::move(ok).error();
  return damage("a part that does not decompress: " + ok.error().message);
}

Status CheckpointReader::check_end(BytesView body) const {
  const auto end = decode_end(body);
  if (!end || *end != seen_) return damage("its end does not fit what stands before it");
  if (position_ != file_bytes_) return damage("there are bytes behind its end");
  return {};
}

// What a header may say that holds.
Status CheckpointReader::check_piece(const PieceHeader& piece,
                                     std::uint64_t state_bytes_max) const {
  if (piece.index != seen_.pieces || piece.plain_bytes > header_.piece_bytes) {
    return damage("a part of the state in the wrong place, or too large");
  }
  // Memory for what a header says is there is taken only if the file is that long.
  const std::uint64_t begin = std::min(position_ + kPieceHeaderBytes, file_bytes_);
  if (piece.stored_bytes > file_bytes_ - begin) {
    return damage("the file ends in the middle of the state");
  }
  if (piece.kind == PieceHeader::Kind::end || piece.plain_bytes <= state_bytes_max) return {};
  return Error{.code = Errc::too_large,
               .message = "the state is larger than max_bytes",
               .file = name_,
               .next_step = "raise CheckpointOptions::max_bytes"};
}

Result<std::optional<BytesView>> CheckpointReader::next(std::uint64_t state_bytes_max) {
  PieceHeaderBytes head;
  if (Status ok = take(position_, head); !ok) return ok.error();
  const auto piece = decode_piece_header(head, seed_);
  if (!piece) return damage("no part of the state where one has to be");
  const std::uint64_t left = state_bytes_max - std::min(state_bytes_max, seen_.state_bytes);
  if (Status ok = check_piece(*piece, left); !ok) return ok.error();
  stored_.resize(piece->stored_bytes);
  if (Status ok = take(position_ + head.size(), stored_); !ok) return ok.error();
  if (crc32c(stored_, seed_) != piece->body_crc && !mutated(Mutation::piece_sum_not_checked)) {
    return damage("a part of the state whose checksum differs");
  }
  const auto plain = open_piece(*piece);
  if (!plain) return plain.error();
  position_ += head.size() + stored_.size();
  if (piece->kind == PieceHeader::Kind::end) {
    if (Status ok = check_end(*plain); !ok) return ok.error();
    return std::optional<BytesView>{};
  }
  seen_.state_bytes += plain->size();
  seen_.state_crc = crc32c(*plain, seen_.state_crc);
  ++seen_.pieces;
  return std::optional(*plain);
}

}  // namespace walkit::checkpoint
