// Surface: one frame, its header and body, and the bodies of control frames.
// Property: any bytes are decoded or refused; what is decoded is encoded to the same bytes again.
//
// Input: mode, offset (2), a frame. Mode bit 0: mend magic, end mark, place and checksums.

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "fuzz_input.hpp"
#include "log/frame.hpp"

namespace walkit::fuzz {
namespace {

using namespace log;

constexpr std::uint32_t kSeed = 0x5eed;

// The decoder refuses a header that is wrong in what is mended here before it looks at the rest.
void mend(Bytes& frame, std::uint64_t offset) {
  if (frame.size() < kFrameHeaderBytes) return;
  std::byte* const at = frame.data();
  store_le<std::uint32_t>(at, 0x726657f7u);
  store_le(at + 32, offset);
  store_le(at + 52, crc32c(BytesView(frame).subspan(kFrameHeaderBytes), kSeed));
  at[63] = std::byte{0xa5};
  store_le(at + 4, crc32c(BytesView(frame).subspan(8, kFrameHeaderBytes - 8), kSeed));
}

void walk_payloads(const FrameHeader& header, BytesView body) {
  const Status checked = check_body(header, body);
  auto cursor = PayloadCursor::open(header, body);
  if (!cursor) {
    require(!checked, "check_body passes what PayloadCursor refuses");
    return;
  }
  if (!header.is(FrameKind::entries)) return;
  std::uint32_t entries = 0;
  std::size_t bytes = 0;
  while (entries < header.count && !cursor->at_end()) {
    const auto payload = cursor->next();
    if (!payload) break;
    bytes += payload->size() + varint_bytes(payload->size());
    ++entries;
  }
  require(bytes <= body.size(), "payloads are larger than their body");
  const bool whole = entries == header.count && cursor->at_end();
  require(whole == checked.has_value(), "check_body and PayloadCursor differ");
}

void check_control_bodies(BytesView body) {
  if (const auto loss = decode_loss(body)) {
    require(same_bytes(encode_loss(*loss), body), "a loss is encoded differently");
  }
  if (const auto index = decode_seal(body)) {
    Bytes again(seal_body_bytes(index->size()));
    encode_seal(*index, again.data());
    require(same_bytes(again, body), "a seal is encoded differently");
  }
}

void check_varint(BytesView bytes) {
  BytesView rest = bytes;
  const auto value = take_varint(rest);
  if (!value) return;
  std::array<std::byte, kVarintBytesMax> again{};
  const std::size_t n = store_varint(*value, again.data());
  require(n == varint_bytes(*value), "a varint's length is wrong");
  const BytesView taken = bytes.first(bytes.size() - rest.size());
  require(same_bytes(taken, BytesView(again).first(n)), "a varint is encoded differently");
}

void run(Input input) {
  const bool mended = (input.byte() & 1) != 0;
  const std::uint64_t offset = std::uint64_t{input.two_bytes()} * kFrameAlignment;
  const BytesView given = input.rest();
  Bytes frame(given.begin(), given.end());
  if (mended) mend(frame, offset);
  auto header = decode_frame_header(frame, kSeed, offset);
  const BytesView behind =
      BytesView(frame).subspan(std::min(frame.size(), header ? kFrameHeaderBytes : 0));
  check_control_bodies(behind);
  check_varint(behind);
  if (!header) return;
  FrameHeaderBytes again{};
  encode_frame_header(*header, kSeed, again.data());
  require(same_bytes(again, BytesView(frame).first(kFrameHeaderBytes)),
          "a header is encoded differently");
  walk_payloads(*header, behind.first(std::min<std::size_t>(behind.size(), header->body_bytes)));
}

}  // namespace
}  // namespace walkit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  walkit::fuzz::run({data, bytes});
  return 0;
}
