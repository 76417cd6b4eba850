// Surface: frame::decode and frame::encode.
// Property: any bytes are a frame or are refused with a code that decode names. A frame is not
// longer than its bytes, its payloads lie in them, and it is encoded to bytes that are the same
// frame, and the same bytes again.
//
// Input: what stands at Place{}. The mutator mends checksums half of the time.

#include "fuzz_input.hpp"
#include "repair.hpp"
#include "walkit/log/frame.hpp"

namespace walkit::fuzz {
namespace {

constexpr frame::Place kPlace{};

bool is_named(Errc code) {
  return code == Errc::torn || code == Errc::corrupt || code == Errc::decode ||
         code == Errc::too_large || code == Errc::incompatible || code == Errc::not_supported;
}

void require_inside(const frame::Frame& read, BytesView bytes) {
  require(read.bytes <= bytes.size(), "a frame is longer than its bytes");
  require(read.payloads.size() == read.entries.size(), "not one payload for each entry");
  for (const BytesView payload : read.payloads) {
    const bool inside = payload.data() >= bytes.data() &&
                        payload.data() + payload.size() <= bytes.data() + read.bytes;
    require(inside, "a payload lies outside the frame");
  }
}

void require_same(const frame::Frame& a, const frame::Frame& b) {
  const bool same = a.entries == b.entries && a.durable_through == b.durable_through &&
                    a.schema == b.schema && a.payloads.size() == b.payloads.size();
  require(same, "a frame is encoded as another");
  for (std::size_t i = 0; i < a.payloads.size(); ++i) {
    require(same_bytes(a.payloads[i], b.payloads[i]), "a payload is encoded as another");
  }
}

void run(BytesView bytes) {
  const auto read = frame::decode(bytes, kPlace);
  // A place that has nothing to do with the bytes is no reason to crash either.
  frame::decode(bytes, {bytes.size(), bytes.size() * 8}).ignore("any answer will do");
  if (!read) return require(is_named(read.error().code), "a code that decode does not name");
  require_inside(*read, bytes);
  Bytes once;
  require_ok(frame::encode(*read, kPlace, once), "a decoded frame is not encoded");
  const auto again = frame::decode(once, kPlace);
  require_ok(again, "an encoded frame is not decoded");
  require_same(*again, *read);
  Bytes twice;
  require_ok(frame::encode(*again, kPlace, twice), "a frame is encoded once and not twice");
  require(twice == once, "a frame is encoded differently");
}

}  // namespace
}  // namespace walkit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  walkit::fuzz::run({reinterpret_cast<const std::byte*>(data), bytes});
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t bytes,
                                               std::size_t bytes_max, unsigned seed) {
  using namespace walkit;
  bytes = LLVMFuzzerMutate(data, bytes, bytes_max);
  const std::span<std::byte> all(reinterpret_cast<std::byte*>(data), bytes);
  if (seed % 2 == 0 && bytes >= log::kFrameHeaderBytes) {
    fuzz::mend_frame(all, log::frame_seed(fuzz::kPlace.salt), 0);
  }
  return bytes;
}
