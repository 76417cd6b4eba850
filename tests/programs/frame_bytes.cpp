// One frame as bytes: what a tool or a fuzzer does without a log.
#include <string>
#include <vector>
#include <walkit/log/frame.hpp>

#include "check.hpp"

int main() {
  namespace frame = walkit::frame;
  using walkit::EntryId;
  const frame::Place place{.salt = 0x1234, .offset = 4096};
  frame::Frame group;
  group.entries = {EntryId{7}, EntryId{9}};
  group.durable_through = EntryId{6};
  group.schema = 2;
  group.payloads = {walkit::as_bytes("first"), walkit::as_bytes(""), walkit::as_bytes("third")};
  walkit::Bytes bytes;
  CHECK(frame::encode(group, place, bytes));

  const auto read = frame::decode(bytes, place);
  CHECK(read);
  CHECK(read->entries == group.entries && read->durable_through == EntryId{6});
  CHECK(read->schema == 2 && read->bytes == bytes.size());
  CHECK(walkit::as_text(read->payloads[0]) == "first" && read->payloads[1].empty());

  // Two in a row: the next begins where this one ends.
  const frame::Place behind{.salt = place.salt, .offset = place.offset + bytes.size()};
  group.entries = {EntryId{10}, EntryId{12}};
  const std::size_t first_bytes = bytes.size();
  CHECK(frame::encode(group, behind, bytes));
  const auto second = frame::decode(walkit::BytesView(bytes).subspan(first_bytes), behind);
  CHECK(second && second->entries.first == EntryId{10});

  // It is valid nowhere else, nor damaged, nor cut; any bytes give an answer.
  CHECK(!frame::decode(bytes, {.salt = 1, .offset = place.offset}));
  CHECK(!frame::decode(bytes, behind));
  for (std::size_t i = 0; i < first_bytes; ++i) {
    walkit::Bytes damaged(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(first_bytes));
    damaged[i] ^= std::byte{1};
    CHECK(!frame::decode(damaged, place));
    damaged = bytes;
    damaged.resize(i);
    CHECK(!frame::decode(damaged, place));
  }
  group.payloads.pop_back();
  CHECK(frame::encode(group, place, bytes).error().code == walkit::Errc::invalid_argument);
}
