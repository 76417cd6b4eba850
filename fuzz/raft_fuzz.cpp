// Surface: the records of a Raft log, the header of its snapshots, and a group that is made of
// records in any order. Property: any bytes are decoded or refused with `decode`; what is decoded
// is encoded to the same bytes. A group is refused as `corrupt`, or its entries have no hole, terms
// that do not fall, and reach back to what counts.
//
// Input: mode. 0: a record. 1: the header of a snapshot. Else: the header of one, as long as the
// next byte says (0: none), then records, each behind a byte with its length.

#include "app/raft_image.hpp"
#include "fuzz_input.hpp"

namespace walkit::fuzz {
namespace {

using namespace raft;

std::optional<SnapshotHeader> check_header(BytesView bytes) {
  BytesView rest = bytes;
  const auto header = decode_snapshot_header(rest);
  if (!header) {
    require(header.error().code == Errc::decode, "another code than decode");
    return std::nullopt;
  }
  if (!*header) return std::nullopt;
  Bytes again;
  encode(**header, again);
  require(same_bytes(again, bytes.first(bytes.size() - rest.size())),
          "a snapshot's header is encoded differently");
  return *header;
}

void check_group(Input input) {
  const std::size_t header_bytes = input.byte();
  const auto header = check_header(input.take(header_bytes));
  GroupImage group;
  for (EntryId id{1}; !input.at_end(); ++id) {
    const std::size_t bytes = input.byte();
    const auto record = decode_record(input.take(bytes));
    if (record) group.take(*record, id);
  }
  Status ok = group.finish(header);
  if (!ok) return require(ok.error().code == Errc::corrupt, "another code than corrupt");
  require(group.first_index > 0, "an index of 0");
  if (group.index.empty()) return;
  require(group.index.first() <= group.first_index, "entries that count are missing");
  std::uint64_t term = 0, id = 0, index = group.index.first();
  for (; index <= group.index.last(); ++index) {
    const auto place = group.index.find(index);
    require(place.has_value(), "a hole");
    require(place->term >= term && place->id.value > id, "terms or places fall");
    term = place->term;
    id = place->id.value;
  }
}

void run(Input input) {
  switch (input.byte()) {
    case 0:
      return check_record(input.rest(), [](BytesView bytes) { return decode_record(bytes); });
    case 1:
      check_header(input.rest());
      return;
    default:
      return check_group(input);
  }
}

}  // namespace
}  // namespace walkit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  walkit::fuzz::run({data, bytes});
  return 0;
}
