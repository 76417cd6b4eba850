#include "checkpoint/checkpoint_format.hpp"

#include <charconv>
#include <cstring>

#include "base/crc32c.hpp"
#include "base/mutation.hpp"

namespace walkit::checkpoint {
namespace {

constexpr std::string_view kSuffix = ".ckpt", kTemporarySuffix = ".tmp";
constexpr std::size_t kIdDigits = 20;
constexpr std::size_t kCrcOffset = 4, kSummedOffset = 8;
constexpr std::array<std::byte, 4> kPieceMagic = {std::byte{0xF7}, std::byte{'W'}, std::byte{'c'},
                                                  std::byte{'k'}};
constexpr std::uint8_t kEndMark = 0xA5;

template <class Field>
void fields(Field& field, CheckpointHeader& h, TypeNameField& name) {
  std::array<std::byte, 3> reserved{};
  field.bytes(h.log);
  field.id(h.entry_id);
  field.number(h.created_ns);
  field.number(h.codec);
  field.number(h.schema);
  field.number(h.piece_bytes);
  field.number(name.bytes);
  field.bytes(reserved);
  field.bytes(name.text);
}
static_assert(kPrefixBytes + 16 + 2 * 8 + 3 * 4 + 4 + kTypeNameBytesMax <= kCheckpointHeaderBytes);

// Behind magic and CRC.
struct PieceExtras {
  std::uint8_t kind = 0, compression = 0, reserved = 0, end_mark = kEndMark;
};
template <class Field>
void fields(Field& field, PieceHeader& p, PieceExtras& x) {
  field.number(p.stored_bytes);
  field.number(p.plain_bytes);
  field.number(p.index);
  field.number(p.body_crc);
  field.number(x.kind);
  field.number(x.compression);
  field.number(x.reserved);
  field.number(x.end_mark);
}
static_assert(kSummedOffset + 2 * 4 + 8 + 4 + 4 == kPieceHeaderBytes);

template <class Field>
void fields(Field& field, CheckpointEnd& e) {
  std::uint32_t reserved = 0;
  field.number(e.state_bytes);
  field.number(e.pieces);
  field.number(e.state_crc);
  field.number(reserved);
}

}  // namespace

std::uint32_t CheckpointHeader::seed() const noexcept {
  // No segment has epoch 0, so no frame is seeded like this.
  std::array<std::byte, 8> salt;
  store_le(salt.data(), salt_of(log, entry_id.value, /*epoch=*/0));
  return crc32c(salt);
}

CheckpointHeaderBytes encode(const CheckpointHeader& header) noexcept {
  CheckpointHeaderBytes bytes{};
  CheckpointHeader copy = header;
  TypeNameField name(header.type_name);
  FieldWriter writer(bytes.data() + kPrefixBytes);
  fields(writer, copy, name);
  seal_file_header(bytes, kCheckpointMagic);
  return bytes;
}

Result<CheckpointHeader> decode_checkpoint_header(BytesView bytes) {
  if (Status ok = check_file_header(bytes, kCheckpointMagic, kCheckpointHeaderBytes); !ok) {
    return ok.error();
  }
  CheckpointHeader header;
  TypeNameField name;
  FieldReader reader(bytes.data() + kPrefixBytes);
  fields(reader, header, name);
  if (name.bytes > kTypeNameBytesMax || header.piece_bytes == 0 ||
      header.piece_bytes > kPieceBytesMax) {
    return bad_file_header("header fields out of range");
  }
  header.type_name = name.name();
  return header;
}

PieceHeaderBytes encode(const PieceHeader& header, std::uint32_t seed) noexcept {
  PieceHeaderBytes bytes;
  PieceHeader copy = header;
  PieceExtras extras{.kind = static_cast<std::uint8_t>(header.kind),
                     .compression = static_cast<std::uint8_t>(header.compression)};
  FieldWriter writer(bytes.data() + kSummedOffset);
  fields(writer, copy, extras);
  std::memcpy(bytes.data(), kPieceMagic.data(), kPieceMagic.size());
  store_le(bytes.data() + kCrcOffset, crc32c(BytesView(bytes).subspan(kSummedOffset), seed));
  return bytes;
}

std::optional<PieceHeader> decode_piece_header(BytesView bytes, std::uint32_t seed) noexcept {
  if (bytes.size() < kPieceHeaderBytes) return std::nullopt;
  bytes = bytes.first(kPieceHeaderBytes);
  if (std::memcmp(bytes.data(), kPieceMagic.data(), kPieceMagic.size()) != 0) return std::nullopt;
  if (load_le<std::uint32_t>(bytes.data() + kCrcOffset) !=
      crc32c(bytes.subspan(kSummedOffset), seed)) {
    return std::nullopt;
  }
  PieceHeader header;
  PieceExtras extras;
  FieldReader reader(bytes.data() + kSummedOffset);
  fields(reader, header, extras);
  header.kind = static_cast<PieceHeader::Kind>(extras.kind);
  header.compression = static_cast<Compression>(extras.compression);
  const bool is_end = header.kind == PieceHeader::Kind::end;
  const bool known = (is_end || header.kind == PieceHeader::Kind::state) &&
                     header.compression <= Compression::zstd && extras.reserved == 0 &&
                     extras.end_mark == kEndMark;
  const bool plain = header.compression == Compression::none;
  const bool lengths = plain ? header.stored_bytes == header.plain_bytes
                             : header.stored_bytes < header.plain_bytes && !is_end;
  if (!known || !lengths || header.stored_bytes == 0) return std::nullopt;
  return header;
}

EndBytes encode(const CheckpointEnd& end) noexcept {
  EndBytes bytes;
  CheckpointEnd copy = end;
  FieldWriter writer(bytes.data());
  fields(writer, copy);
  return bytes;
}

std::optional<CheckpointEnd> decode_end(BytesView body) noexcept {
  if (body.size() != kEndBytes) return std::nullopt;
  CheckpointEnd end;
  FieldReader reader(body.data());
  fields(reader, end);
  return end;
}

std::string checkpoint_name(EntryId id) {
  const std::string digits = std::to_string(id.value);
  return std::string(kIdDigits - digits.size(), '0') + digits + std::string(kSuffix);
}

std::optional<EntryId> parse_checkpoint_name(std::string_view name) noexcept {
  if (name.size() != kIdDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  EntryId id;
  const char* const end = name.data() + kIdDigits;
  const auto [stop, error] = std::from_chars(name.data(), end, id.value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return id;
}

std::string temporary_name(EntryId id) {
  return checkpoint_name(id) + std::string(kTemporarySuffix);
}

bool is_temporary_name(std::string_view name) noexcept {
  if (!name.ends_with(kTemporarySuffix)) return false;
  name.remove_suffix(kTemporarySuffix.size());
  return parse_checkpoint_name(name).has_value();
}

}  // namespace walkit::checkpoint
