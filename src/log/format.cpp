#include "log/format.hpp"

namespace walkit::log {
namespace {

// What has no plain number of its own type: enums, flags and text pass through these.
struct SegmentExtras {
  std::uint8_t layout = 0;
  TypeNameField name{};
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
  field.number(x.name.bytes);
  field.number(reserved);
  field.bytes(x.name.text);
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

}  // namespace

SegmentHeaderBytes encode(SegmentHeader& header) noexcept {
  SegmentHeaderBytes bytes{};
  SegmentExtras extras{.layout = static_cast<std::uint8_t>(header.layout),
                       .name = TypeNameField(header.type_name)};
  FieldWriter writer(bytes.data() + kPrefixBytes);
  fields(writer, header, extras);
  header.crc = seal_file_header(bytes, kSegmentMagic);
  return bytes;
}

Result<SegmentHeader> decode_segment_header(BytesView bytes) {
  if (Status ok = check_file_header(bytes, kSegmentMagic, kSegmentHeaderBytes); !ok)
    return ok.error();
  SegmentHeader header;
  SegmentExtras extras;
  FieldReader reader(bytes.data() + kPrefixBytes);
  fields(reader, header, extras);
  header.crc = file_header_crc(bytes);
  if (extras.layout > static_cast<std::uint8_t>(Layout::whole_blocks) ||
      extras.name.bytes > kTypeNameBytesMax) {
    return bad_file_header("header fields out of range");
  }
  header.layout = static_cast<Layout>(extras.layout);
  header.type_name = extras.name.name();
  return header;
}

std::optional<SegmentHeader> unverified_segment_header(BytesView bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return std::nullopt;
  SegmentHeader header;
  SegmentExtras extras;
  FieldReader reader(bytes.data() + kPrefixBytes);
  fields(reader, header, extras);
  header.type_name = extras.name.name();
  return header;
}

ManifestSlotBytes encode(const ManifestSlot& slot) noexcept {
  ManifestSlotBytes bytes{};
  ManifestSlot copy = slot;
  std::uint64_t clean = slot.clean ? 1 : 0;
  FieldWriter writer(bytes.data() + kPrefixBytes);
  fields(writer, copy, clean);
  seal_file_header(bytes, kManifestMagic);
  return bytes;
}

Result<ManifestSlot> decode_manifest_slot(BytesView bytes) {
  if (Status ok = check_file_header(bytes, kManifestMagic, kManifestSlotBytes); !ok)
    return ok.error();
  ManifestSlot slot;
  std::uint64_t clean = 0;
  FieldReader reader(bytes.data() + kPrefixBytes);
  fields(reader, slot, clean);
  slot.clean = clean != 0;
  const bool none = slot.last_segment == 0;
  const bool some = slot.first_segment != 0 && slot.first_segment <= slot.last_segment;
  if (!none && !some) return bad_file_header("segments out of order");
  if (slot.begins_after == EntryId::max())
    return bad_file_header("a log that begins behind all ids");
  return slot;
}

// A record of plain fields, in one sector.
namespace {

template <class Record>
std::array<std::byte, kSectorBytes> encode_record(Record record, const FileMagic& magic) noexcept {
  std::array<std::byte, kSectorBytes> bytes{};
  FieldWriter writer(bytes.data() + kPrefixBytes);
  fields(writer, record);
  seal_file_header(bytes, magic);
  return bytes;
}

template <class Record>
Result<Record> decode_record(BytesView bytes, const FileMagic& magic) {
  if (Status ok = check_file_header(bytes, magic, kSectorBytes); !ok) return ok.error();
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
