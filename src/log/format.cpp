#include "log/format.hpp"

#include <algorithm>
#include <cstring>

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "log/mutation.hpp"

namespace walkit::log {
namespace {

constexpr std::size_t kCrcOffset = kPrefixBytes - 4;

// Each header lists its fields once, in fields(); a FieldWriter and a FieldReader walk the list.
class FieldWriter {
 public:
  explicit FieldWriter(std::byte* at) : at_(at) {}
  template <std::unsigned_integral T>
  void number(T& value) {
    store_le(at_, value);
    at_ += sizeof value;
  }
  void id(EntryId& value) { number(value.value); }
  void bytes(std::span<std::byte> from) {
    std::copy(from.begin(), from.end(), at_);
    at_ += from.size();
  }

 private:
  std::byte* at_;
};

class FieldReader {
 public:
  explicit FieldReader(const std::byte* at) : at_(at) {}
  template <std::unsigned_integral T>
  void number(T& value) {
    value = load_le<T>(at_);
    at_ += sizeof value;
  }
  void id(EntryId& value) { number(value.value); }
  void bytes(std::span<std::byte> into) {
    std::copy_n(at_, into.size(), into.begin());
    at_ += into.size();
  }

 private:
  const std::byte* at_;
};

// What has no plain number of its own type: enums, flags and text pass through these.
struct SegmentExtras {
  std::uint8_t layout = 0, name_bytes = 0;
  std::array<std::byte, kTypeNameBytesMax> name{};
};

template <class Field>
void fields(Field& field, SegmentHeader& h, SegmentExtras& x) {
  std::uint64_t salt = h.salt();  // stored so that a dump can show it
  std::uint16_t reserved = 0;
  field.bytes(h.log);
  field.number(h.number);
  field.id(h.first);
  field.number(h.epoch);
  field.number(salt);
  field.id(h.durable_through);
  field.id(h.rehomed_through);
  field.number(h.created_ns);
  field.number(h.prev_number);
  field.id(h.prev_last);
  field.number(h.prev_end);
  field.number(h.prev_seal_end);
  field.number(h.prev_chain);
  field.number(h.codec);
  field.number(h.schema);
  field.number(h.max_entry_bytes);
  field.number(h.max_frame_bytes);
  field.number(x.layout);
  field.number(x.name_bytes);
  field.number(reserved);
  field.bytes(x.name);
}
constexpr std::size_t kSegmentFieldBytes = 16 + 11 * 8 + 5 * 4 + 4 + kTypeNameBytesMax;
static_assert(kPrefixBytes + kSegmentFieldBytes <= kSegmentHeaderBytes);

template <class Field>
void fields(Field& field, ManifestSlot& m, std::uint64_t& clean) {
  field.bytes(m.log);
  field.number(m.generation);
  field.number(m.epoch);
  field.number(m.first_segment);
  field.number(m.last_segment);
  field.number(m.first_salt);
  field.number(m.last_salt);
  field.id(m.last_segment_first);
  field.id(m.durable_through);
  field.number(clean);
  field.id(m.begins_after);
}
static_assert(kPrefixBytes + 16 + 10 * 8 <= kSectorBytes, "what changes in a slot is one sector");

template <class Field>
void fields(Field& field, LockRecord& l) {
  field.bytes(l.log);
  field.number(l.process);
  field.number(l.epoch);
  field.id(l.durable_through);
}

template <class Field>
void fields(Field& field, PinRecord& p) {
  field.bytes(p.log);
  field.id(p.from);
  field.number(p.bytes_max);
  field.number(p.created_ns);
}

std::uint32_t header_crc(BytesView header) {
  return crc32c(header.subspan(kPrefixBytes), crc32c(header.first(kCrcOffset)));
}

// The 32 bytes of every file: magic 8, header length 4, version 2, zero 2, required features 4,
// ignorable features 4, zero 4, CRC 4 of all the rest of the header.
std::uint32_t seal_prefix(std::span<std::byte> header, const FileMagic& magic) {
  std::memcpy(header.data(), magic.data(), magic.size());
  store_le(header.data() + 8, static_cast<std::uint32_t>(header.size()));
  store_le(header.data() + 12, kFormatVersion);
  const std::uint32_t crc = header_crc(header);
  store_le(header.data() + kCrcOffset, crc);
  return crc;
}

Error bad_header(std::string message) {
  return {.code = Errc::corrupt, .message = std::move(message)};
}

Status check_prefix(BytesView bytes, const FileMagic& magic, std::size_t expected_bytes) {
  if (bytes.size() < kPrefixBytes) {
    return bad_header("header cut short: " + std::to_string(bytes.size()) + " bytes");
  }
  if (std::memcmp(bytes.data(), magic.data(), magic.size()) != 0) {
    return bad_header("wrong magic: not a walkit file of this kind");
  }
  const auto header_bytes = load_le<std::uint32_t>(bytes.data() + 8);
  if (header_bytes < kPrefixBytes || header_bytes > kHeaderBytesMax ||
      header_bytes > bytes.size()) {
    return bad_header("header length " + std::to_string(header_bytes) + " is not possible here");
  }
  const auto stored = load_le<std::uint32_t>(bytes.data() + kCrcOffset);
  const bool holds = header_crc(bytes.first(header_bytes)) == stored ||
                     mutated(Mutation::file_header_sum_not_checked);
  if (!holds) return bad_header("header checksum differs");
  const auto version = load_le<std::uint16_t>(bytes.data() + 12);
  const auto required = load_le<std::uint32_t>(bytes.data() + 16);
  if (version != kFormatVersion || required != 0 || header_bytes != expected_bytes) {
    return Error{.code = Errc::incompatible,
                 .message = "format version " + std::to_string(version) + " with features " +
                            std::to_string(required) + "; this walkit reads version " +
                            std::to_string(kFormatVersion) + " without features",
                 .next_step = "open it with the walkit that wrote it, or a newer one"};
  }
  return {};
}

}  // namespace

std::uint64_t segment_salt(const LogIdentity& log, std::uint64_t segment,
                           std::uint64_t epoch) noexcept {
  std::uint64_t hash = 0x9e3779b97f4a7c15u;
  for (const std::uint64_t word : {load_le<std::uint64_t>(log.data()),
                                   load_le<std::uint64_t>(log.data() + 8), segment, epoch}) {
    hash = (hash ^ word) + 0x9e3779b97f4a7c15u;
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
    hash ^= hash >> 31;
  }
  return hash;
}

SegmentHeaderBytes encode(SegmentHeader& header) noexcept {
  SegmentHeaderBytes bytes{};
  SegmentExtras extras{.layout = static_cast<std::uint8_t>(header.layout),
                       .name_bytes = static_cast<std::uint8_t>(header.type_name.size())};
  const BytesView name = as_bytes(header.type_name);
  std::copy_n(name.begin(), std::min(name.size(), extras.name.size()), extras.name.begin());
  FieldWriter writer(bytes.data() + kPrefixBytes);
  fields(writer, header, extras);
  header.crc = seal_prefix(bytes, kSegmentMagic);
  return bytes;
}

Result<SegmentHeader> decode_segment_header(BytesView bytes) {
  if (Status ok = check_prefix(bytes, kSegmentMagic, kSegmentHeaderBytes); !ok) return ok.error();
  SegmentHeader header;
  SegmentExtras extras;
  FieldReader reader(bytes.data() + kPrefixBytes);
  fields(reader, header, extras);
  header.crc = load_le<std::uint32_t>(bytes.data() + kCrcOffset);
  if (extras.layout > static_cast<std::uint8_t>(Layout::whole_blocks) ||
      extras.name_bytes > kTypeNameBytesMax) {
    return bad_header("header fields out of range");
  }
  header.layout = static_cast<Layout>(extras.layout);
  header.type_name = as_text(BytesView(extras.name).first(extras.name_bytes));
  return header;
}

std::optional<SegmentHeader> unverified_segment_header(BytesView bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return std::nullopt;
  SegmentHeader header;
  SegmentExtras extras;
  FieldReader reader(bytes.data() + kPrefixBytes);
  fields(reader, header, extras);
  const std::size_t name_bytes = std::min<std::size_t>(extras.name_bytes, kTypeNameBytesMax);
  header.type_name = as_text(BytesView(extras.name).first(name_bytes));
  return header;
}

ManifestSlotBytes encode(const ManifestSlot& slot) noexcept {
  ManifestSlotBytes bytes{};
  ManifestSlot copy = slot;
  std::uint64_t clean = slot.clean ? 1 : 0;
  FieldWriter writer(bytes.data() + kPrefixBytes);
  fields(writer, copy, clean);
  seal_prefix(bytes, kManifestMagic);
  return bytes;
}

Result<ManifestSlot> decode_manifest_slot(BytesView bytes) {
  if (Status ok = check_prefix(bytes, kManifestMagic, kManifestSlotBytes); !ok) return ok.error();
  ManifestSlot slot;
  std::uint64_t clean = 0;
  FieldReader reader(bytes.data() + kPrefixBytes);
  fields(reader, slot, clean);
  slot.clean = clean != 0;
  const bool none = slot.last_segment == 0;
  const bool some = slot.first_segment != 0 && slot.first_segment <= slot.last_segment;
  if (!none && !some) return bad_header("segments out of order");
  if (slot.begins_after == EntryId::max()) return bad_header("a log that begins behind all ids");
  return slot;
}

// A record of plain fields, in one sector.
namespace {

template <class Record>
std::array<std::byte, kSectorBytes> encode_record(Record record, const FileMagic& magic) noexcept {
  std::array<std::byte, kSectorBytes> bytes{};
  FieldWriter writer(bytes.data() + kPrefixBytes);
  fields(writer, record);
  seal_prefix(bytes, magic);
  return bytes;
}

template <class Record>
Result<Record> decode_record(BytesView bytes, const FileMagic& magic) {
  if (Status ok = check_prefix(bytes, magic, kSectorBytes); !ok) return ok.error();
  Record record;
  FieldReader reader(bytes.data() + kPrefixBytes);
  fields(reader, record);
  return record;
}

}  // namespace

LockRecordBytes encode(const LockRecord& record) noexcept {
  return encode_record(record, kLockMagic);
}

Result<LockRecord> decode_lock_record(BytesView bytes) {
  return decode_record<LockRecord>(bytes, kLockMagic);
}

PinRecordBytes encode(const PinRecord& record) noexcept { return encode_record(record, kPinMagic); }

Result<PinRecord> decode_pin_record(BytesView bytes) {
  return decode_record<PinRecord>(bytes, kPinMagic);
}

}  // namespace walkit::log
