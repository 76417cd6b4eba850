#include "app/kv_record.hpp"

#include <limits>
#include <optional>
#include <utility>

#include "app/byte_fields.hpp"

namespace walkit::kv {

namespace {

// Of an entry that was applied: by its effect.
enum class Tag : std::uint8_t {
  nothing = 1,
  written = 2,
  erased = 3,
  range_erased = 4,
  lease_set = 5,
  lease_ended = 6,
  install_piece = 7,
  install_end = 8
};

constexpr std::size_t kAnyBytes = std::numeric_limits<std::size_t>::max();

Error no_record() {
  return {.code = Errc::decode,
          .message = "no record of a key-value state machine",
          .next_step = "this log was not written by one, or by a newer walkit"};
}

void put(FieldWriter out, const Written& what) {
  const Item& item = *what.item;
  out.text(item.key).text(item.value);
  out.number(static_cast<std::uint64_t>(item.expires_at)).number(item.lease);
}
void put(FieldWriter out, const Erased& what) { out.text(what.key); }
void put(FieldWriter out, const RangeErased& what) {
  out.text(what.range.begin).byte(what.range.end ? 1 : 0);
  if (what.range.end) out.text(*what.range.end);
}
void put(FieldWriter out, const LeaseSet& what) {
  out.number(what.lease).number(static_cast<std::uint64_t>(what.expires_at));
}
void put(FieldWriter out, const LeaseEnded& what) { out.number(what.lease); }
void put(FieldWriter, std::monostate) {}

void put(FieldWriter out, const Applied& applied) {
  const Outcome& outcome = applied.outcome;
  out.byte(static_cast<std::uint8_t>(applied.effect.index() + 1));  // the tags are in that order
  out.number(outcome.index).number(applied.term).number(static_cast<std::uint64_t>(applied.time));
  out.byte(outcome.code).number(outcome.revision).signed_number(outcome.number);
  std::visit([&](const auto& what) { put(out, what); }, applied.effect);
}
void put(FieldWriter out, const InstallPiece& piece) {
  out.byte(static_cast<std::uint8_t>(Tag::install_piece)).byte(piece.is_first ? 1 : 0);
  out.raw(piece.bytes);
}
void put(FieldWriter out, const InstallEnd& end) {
  out.byte(static_cast<std::uint8_t>(Tag::install_end)).number(end.bytes);
}

std::optional<std::int64_t> take_time(FieldReader& in, std::int64_t least) {
  const std::uint64_t time = in.number();
  if (time > static_cast<std::uint64_t>(kTimeMax)) return std::nullopt;
  const auto value = static_cast<std::int64_t>(time);
  return value < least ? std::nullopt : std::optional(value);
}

bool take_written(FieldReader& in, Applied& applied) {
  Item item{.key = in.text(kKeyBytesMax), .value = in.text(kAnyBytes)};
  const auto end = take_time(in, 0);
  item.lease = in.number();
  if (!end) return false;
  item.expires_at = *end;
  item.term = applied.term;
  item.revision = applied.outcome.index;
  applied.effect = Written{std::make_shared<const Item>(std::move(item))};
  return true;
}

bool take_range(FieldReader& in, Applied& applied) {
  RangeErased what{.range = {.begin = in.text(kKeyBytesMax)}};
  const std::uint8_t has_end = in.byte();
  if (has_end > 1) return false;
  if (has_end == 1) what.range.end = in.text(kKeyBytesMax);
  applied.effect = std::move(what);
  return true;
}

bool take_effect(FieldReader& in, Tag tag, Applied& applied) {
  switch (tag) {
    case Tag::nothing:
      return true;
    case Tag::written:
      return take_written(in, applied);
    case Tag::erased:
      applied.effect = Erased{in.text(kKeyBytesMax)};
      return true;
    case Tag::range_erased:
      return take_range(in, applied);
    case Tag::lease_set: {
      LeaseSet what{.lease = in.number()};
      const auto end = take_time(in, 1);
      if (!end || what.lease == 0) return false;
      what.expires_at = *end;
      applied.effect = what;
      return true;
    }
    case Tag::lease_ended:
      applied.effect = LeaseEnded{in.number()};
      return true;
    default:
      return false;
  }
}

bool take_applied(FieldReader& in, Tag tag, Applied& applied) {
  applied.outcome.index = in.number();
  applied.term = in.number();
  const auto time = take_time(in, 0);
  const std::uint8_t code = in.byte();
  applied.outcome.revision = in.number();
  applied.outcome.number = in.signed_number();
  const bool is_index = applied.outcome.index > 0 && applied.outcome.index <= kIndexMax;
  if (!time || !is_index || code > Outcome::not_a_number) return false;
  applied.time = *time;
  applied.outcome.code = static_cast<Outcome::Code>(code);
  return take_effect(in, tag, applied);
}

}  // namespace

void encode(const Record& record, Bytes& out) {
  std::visit([&](const auto& what) { put(FieldWriter(out), what); }, record.what);
}

Result<Record> decode_record(BytesView bytes) {
  FieldReader in(bytes);
  const auto tag = static_cast<Tag>(in.byte());
  Record record;
  if (tag == Tag::install_piece) {
    const std::uint8_t is_first = in.byte();
    if (is_first > 1) return no_record();
    const BytesView rest = in.rest();
    record.what = InstallPiece{is_first == 1, Bytes(rest.begin(), rest.end())};
  } else if (tag == Tag::install_end) {
    record.what = InstallEnd{.bytes = in.number()};
  } else {
    Applied applied;
    if (!take_applied(in, tag, applied)) return no_record();
    record.what = std::move(applied);
  }
  if (!in.all()) return no_record();
  return record;
}

Status RecordCodec::encode(const Record& record, ByteSink& out) const {
  Bytes bytes;
  kv::encode(record, bytes);
  out.write(bytes);
  return {};
}

}  // namespace walkit::kv
