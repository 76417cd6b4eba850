#include "app/raft_record.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "app/byte_fields.hpp"

namespace walkit::raft {

namespace {

enum class Tag : std::uint8_t {
  entry = 1,
  entry_with_progress = 2,
  hard_state = 3,
  progress = 4,
  truncate = 5,
  base = 6
};

constexpr std::uint8_t kSnapshotHeaderVersion = 1;

Error no_record(std::string message) {
  return {.code = Errc::decode,
          .message = std::move(message),
          .next_step = "this log was not written by a Raft log, or by a newer one"};
}

void put(FieldWriter out, std::uint64_t group, const EntryRecord& record) {
  const EntryBytes& entry = record.entry;
  out.byte(static_cast<std::uint8_t>(record.progress ? Tag::entry_with_progress : Tag::entry));
  out.number(group).number(entry.index).number(entry.term);
  out.byte(static_cast<std::uint8_t>(entry.kind)).number(record.schema);
  if (record.progress) out.number(record.progress->commit).number(record.progress->applied);
  out.raw(entry.payload);
}

void put(FieldWriter out, std::uint64_t group, const HardStateRecord& record) {
  const HardState& hard = record.hard_state;
  out.byte(static_cast<std::uint8_t>(Tag::hard_state)).number(group).number(hard.term);
  out.byte(hard.vote ? 1 : 0);
  if (hard.vote) out.number(*hard.vote);
}

void put(FieldWriter out, std::uint64_t group, const ProgressRecord& record) {
  out.byte(static_cast<std::uint8_t>(Tag::progress)).number(group);
  out.number(record.progress.commit).number(record.progress.applied);
}

void put(FieldWriter out, std::uint64_t group, const TruncateRecord& record) {
  out.byte(static_cast<std::uint8_t>(Tag::truncate)).number(group).number(record.from);
}

void put(FieldWriter out, std::uint64_t group, const BaseRecord& record) {
  out.byte(static_cast<std::uint8_t>(Tag::base)).number(group);
  out.number(record.first_index).number(record.previous_term);
  out.number(record.snapshot_index).number(record.snapshot_term);
  out.byte(record.replaced ? 1 : 0).number(record.codec).text(record.type_name);
}

std::optional<EntryRecord> take_entry(FieldReader& in, bool with_progress) {
  EntryRecord record;
  record.entry.index = in.number();
  record.entry.term = in.number();
  const std::uint8_t kind = in.byte();
  record.schema = in.number32();
  if (with_progress) {
    Progress progress;
    progress.commit = in.number();
    progress.applied = in.number();
    record.progress = progress;
  }
  if (kind < 1 || kind > 3 || !is_index(record.entry.index)) return std::nullopt;
  record.entry.kind = static_cast<EntryKind>(kind);
  record.entry.payload = in.rest();
  return record;
}

std::optional<HardStateRecord> take_hard_state(FieldReader& in) {
  HardStateRecord record;
  record.hard_state.term = in.number();
  const std::uint8_t has_vote = in.byte();
  if (has_vote > 1) return std::nullopt;
  if (has_vote == 1) record.hard_state.vote = in.number();
  return record;
}

std::optional<BaseRecord> take_base(FieldReader& in) {
  BaseRecord record;
  record.first_index = in.number();
  record.previous_term = in.number();
  record.snapshot_index = in.number();
  record.snapshot_term = in.number();
  const std::uint8_t replaced = in.byte();
  record.replaced = replaced == 1;
  record.codec = in.number32();
  record.type_name = in.text(255);
  const bool is_possible = replaced <= 1 && is_index(record.first_index) &&
                           record.snapshot_index + 1 >= record.first_index &&
                           (!record.replaced || record.first_index == record.snapshot_index + 1);
  return is_possible ? std::optional(record) : std::nullopt;
}

// none: the fields are none that a writer makes.
template <class Taken>
bool keep(Record& record, std::optional<Taken> taken) {
  if (!taken) return false;
  record.what = *std::move(taken);
  return true;
}

bool take(Record& record, Tag tag, FieldReader& in) {
  switch (tag) {
    case Tag::entry:
    case Tag::entry_with_progress:
      return keep(record, take_entry(in, tag == Tag::entry_with_progress));
    case Tag::hard_state:
      return keep(record, take_hard_state(in));
    case Tag::progress: {
      Progress progress;
      progress.commit = in.number();
      progress.applied = in.number();
      record.what = ProgressRecord{progress};
      return true;
    }
    case Tag::truncate: {
      const std::uint64_t from = in.number();
      record.what = TruncateRecord{from};
      return is_index(from);
    }
    case Tag::base:
      return keep(record, take_base(in));
  }
  return false;
}

}  // namespace

void encode(const Record& record, Bytes& out) {
  std::visit([&](const auto& what) { put(FieldWriter(out), record.group, what); }, record.what);
}

Result<Record> decode_record(BytesView bytes) {
  FieldReader in(bytes);
  const std::uint8_t tag = in.byte();
  Record record{.group = in.number()};
  if (!take(record, static_cast<Tag>(tag), in) || !in.all()) {
    return no_record("no record of a Raft log, of tag " + std::to_string(tag));
  }
  return record;
}

void encode(const SnapshotHeader& header, Bytes& out) {
  Bytes body;
  FieldWriter put(body);
  put.byte(kSnapshotHeaderVersion).number(header.group);
  put.number(header.info.index).number(header.info.term);
  put.number(header.log_through.value).byte(header.installed ? 1 : 0);
  put.number(header.info.membership_index);
  const Membership& members = header.info.membership;
  put.numbers(members.voters).numbers(members.learners).numbers(members.outgoing);
  put.text(members.context);
  FieldWriter(out).number(body.size()).raw(body);
}

Result<std::optional<SnapshotHeader>> decode_snapshot_header(BytesView& bytes) {
  const auto last_of_length = std::find_if(
      bytes.begin(), bytes.end(), [](std::byte b) { return std::to_integer<unsigned>(b) < 0x80; });
  if (last_of_length == bytes.end() && bytes.size() < 10) return std::optional<SnapshotHeader>();
  FieldReader length(bytes);
  const std::uint64_t size = length.number();
  const std::size_t before = bytes.size() - length.rest().size();
  if (!length.ok() || size > kSnapshotHeaderBytesMax) return no_record("no header of a snapshot");
  if (bytes.size() - before < size) return std::optional<SnapshotHeader>();
  FieldReader in(bytes.subspan(before, size));
  const std::uint8_t version = in.byte();
  SnapshotHeader header{.group = in.number()};
  header.info.index = in.number();
  header.info.term = in.number();
  header.log_through = EntryId{in.number()};
  const std::uint8_t installed = in.byte();
  header.installed = installed == 1;
  header.info.membership_index = in.number();
  header.info.membership.voters = in.numbers(kMembersMax);
  header.info.membership.learners = in.numbers(kMembersMax);
  header.info.membership.outgoing = in.numbers(kMembersMax);
  header.info.membership.context = in.text(kContextBytesMax);
  if (!in.all() || version != kSnapshotHeaderVersion || installed > 1 ||
      !is_index(header.info.index)) {
    return no_record("no header of a snapshot, of version " + std::to_string(version));
  }
  bytes = bytes.subspan(before + size);
  return std::optional(std::move(header));
}

Result<BytesView> SnapshotHeaderReader::take(BytesView piece) {
  if (header_) return piece;
  begin_.insert(begin_.end(), piece.begin(), piece.end());
  BytesView rest = begin_;
  auto header = decode_snapshot_header(rest);
  if (!header) return std::move(header).error();
  header_ = *std::move(header);
  return header_ ? rest : BytesView();
}

}  // namespace walkit::raft
