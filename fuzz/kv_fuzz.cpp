// Surface: the records of a key-value state machine, its snapshots, and a state made of records in
// any order. Property: any bytes are decoded or refused with a documented code; what is decoded is
// encoded to the same bytes. A state refuses a record, as `corrupt`, or is sound, and comes back
// from its checkpoint as it was.
//
// Input: mode. 0: a record. 1: a snapshot. 2: the same, cut into payloads behind two bytes with
// their length, in frames that are mended. Else: records, each behind two bytes with its length.

#include "app/kv_state.hpp"
#include "fuzz_input.hpp"
#include "walkit/log/frame.hpp"

namespace walkit::fuzz {
namespace {

using namespace kv;

Bytes bytes_of(const Image& image) {
  Bytes bytes;
  const Status ok = write_image(image, [&](BytesView piece) -> Status {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    return {};
  });
  require_ok(ok, "an image is not written");
  return bytes;
}

void check_snapshot(BytesView bytes) {
  ImageReader reader;
  Status taken = reader.take(bytes);
  const auto image = reader.finish();
  if (!image) {
    const Errc code = image.error().code;
    const bool known = code == Errc::torn || code == Errc::corrupt || code == Errc::decode ||
                       code == Errc::incompatible || code == Errc::too_large ||
                       code == Errc::not_supported;
    return require(known, "a code that is not documented");
  }
  require_ok(taken, "finish() forgives");
  require(image->data.check_invariants().empty(), "an image is not sound");
  const Bytes again = bytes_of(*image);
  ImageReader second;
  require_ok(second.take(again), "what was written is refused");
  const auto same = second.finish();
  require_ok(same, "what was written is refused");
  require(same_bytes(bytes_of(*same), again), "written differently");
}

// Frames as the writer makes them, around payloads that nobody made.
Bytes framed(Input input) {
  constexpr std::uint64_t kSalt = 0x31736b6c61774b56;
  std::vector<BytesView> payloads;
  while (!input.at_end()) {
    const std::size_t bytes = input.two_bytes();
    payloads.push_back(input.take(bytes));
  }
  Bytes stream;
  if (payloads.empty()) return stream;
  const frame::Frame one{.entries = {EntryId{1}, EntryId{payloads.size()}}, .payloads = payloads};
  require_ok(frame::encode(one, {kSalt, 0}, stream), "a frame is not encoded");
  return stream;
}

void check_state(Input input) {
  State state;
  while (!input.at_end()) {
    const std::size_t bytes = input.two_bytes();
    auto record = decode_record(input.take(bytes));
    if (record) state.apply(*record);
  }
  if (state.failure) {
    return require(state.failure->code == Errc::corrupt, "another code than corrupt");
  }
  require(state.image.data.check_invariants().empty(), "a state is not sound");
  Bytes saved, again;
  ByteSink out(saved, std::size_t{1} << 30), second(again, std::size_t{1} << 30);
  require_ok(StateCodec().encode(state, out), "a state is not written");
  const auto back = StateCodec().decode(saved);
  require_ok(back, "a state is not read");
  require_ok(StateCodec().encode(*back, second), "a state is not written");
  require(same_bytes(saved, again), "a state is written differently");
}

void run(Input input) {
  switch (input.byte()) {
    case 0:
      return check_record(input.rest(), [](BytesView bytes) { return decode_record(bytes); });
    case 1:
      return check_snapshot(input.rest());
    case 2:
      return check_snapshot(framed(input));
    default:
      return check_state(input);
  }
}

}  // namespace
}  // namespace walkit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  walkit::fuzz::run({data, bytes});
  return 0;
}
