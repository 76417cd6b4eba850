// Surface: one frame, its header and body, compressed ones too, and the bodies of control frames.
// Property: any bytes are decoded or refused; what is decoded is encoded to the same bytes again.
//
// Input: mode, offset (2), a frame. Mode bit 0: mend magic, end mark, place and checksums. Bits 1,
// 2: the frame as entries to be compressed, by lz4, zstd.

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "fuzz_input.hpp"
#include "log/compression.hpp"
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

// What a frame may be here, compressed or not.
constexpr std::uint64_t kFrameBytesMax = 1 << 20;

void walk_payloads(const FrameHeader& header, BytesView body) {
  const auto parts = split_body(header, body);
  if (!parts || !header.is(FrameKind::entries)) return;
  require(parts->stored.size() + parts->extras_bytes <= body.size(),
          "parts larger than their body");
  require(parts->compression == Compression::none || body.size() < parts->plain_bytes(),
          "a compressed body that saves nothing passes");
  if (parts->plain_bytes() > kFrameBytesMax) return;
  Decompressor decompressor;
  const auto stored = decompressor.entries_of(*parts);
  if (!stored) return;
  require(stored->size() == parts->entries_bytes, "entries of another length than the body says");
  PayloadCursor cursor(*stored);
  std::uint32_t entries = 0;
  std::size_t bytes = 0;
  while (entries < header.count && !cursor.at_end()) {
    const auto payload = cursor.next();
    if (!payload) break;
    bytes += payload->size() + varint_bytes(payload->size());
    ++entries;
  }
  require(bytes <= stored->size(), "payloads are larger than their entries");
  const bool whole = entries == header.count && cursor.at_end();
  require(whole == check_entries(header, *stored).has_value(),
          "check_entries and PayloadCursor differ");
}

void compress_and_back(Compression algorithm, BytesView bytes) {
  Bytes body(bytes.begin(), bytes.end());
  const std::size_t compressed = Compressor(algorithm).compress(body);
  if (compressed == 0) {
    require(same_bytes(body, bytes), "what was not compressed was changed");
    return;
  }
  body.resize(compressed);
  const auto parts = split_body({.count = 1, .flags = kFlagCompressed}, body);
  require_ok(parts, "a body just compressed");
  Decompressor decompressor;
  const auto again = decompressor.entries_of(*parts);
  require_ok(again, "entries just compressed");
  require(same_bytes(*again, bytes), "entries differ behind a compression");
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
  const unsigned mode = input.byte();
  const bool mended = (mode & 1) != 0;
  const std::uint64_t offset = std::uint64_t{input.two_bytes()} * kFrameAlignment;
  const BytesView given = input.rest();
  if ((mode & 2) != 0) compress_and_back(Compression::lz4, given);
  if ((mode & 4) != 0) compress_and_back(Compression::zstd, given);
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
