// Surface: the headers of segments, MANIFEST slots and LOCK.
// Property: any bytes are decoded or refused; what is decoded and encoded again stays as it is.
//
// Input: mode, a header. Mode bit 0: mend magic, length and checksum; the rest says which kind.

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "fuzz_input.hpp"
#include "log/format.hpp"

namespace walkit::fuzz {
namespace {

using namespace log;

constexpr std::size_t kLengthOffset = 8, kVersionOffset = 12, kCrcOffset = 28;

// To its full length, so that a short input reaches all fields.
void mend(Bytes& header, const FileMagic& magic, std::size_t bytes) {
  header.resize(bytes);
  std::memcpy(header.data(), magic.data(), magic.size());
  store_le(header.data() + kLengthOffset, static_cast<std::uint32_t>(bytes));
  const BytesView view(header);
  const std::uint32_t crc = crc32c(view.subspan(kPrefixBytes), crc32c(view.first(kCrcOffset)));
  store_le(header.data() + kCrcOffset, crc);
}

// Bytes that no field covers are lost by the first decoding, so the second one is compared.
template <auto decode>
void check(BytesView bytes, bool mended) {
  auto header = decode(bytes);
  if (!header) {
    const bool named =
        header.error().code == Errc::corrupt || header.error().code == Errc::incompatible;
    require(named, "a bad header is neither corrupt nor incompatible");
    return;
  }
  if (mended) {
    require(load_le<std::uint16_t>(bytes.data() + kVersionOffset) == kFormatVersion,
            "another version is read");
  }
  const auto encoded = encode(*header);
  auto again = decode(encoded);
  require_ok(again, "an encoded header is refused");
  require(same_bytes(encode(*again), encoded), "a header is encoded differently");
}

void run(Input input) {
  const unsigned mode = input.byte();
  const bool mended = (mode & 1) != 0;
  const BytesView given = input.rest();
  Bytes bytes(given.begin(), given.end());
  switch (mode >> 1 & 3) {
    case 0:
      if (mended) mend(bytes, kSegmentMagic, kSegmentHeaderBytes);
      return check<decode_segment_header>(bytes, mended);
    case 1:
      if (mended) mend(bytes, kManifestMagic, kManifestSlotBytes);
      return check<decode_manifest_slot>(bytes, mended);
    default:
      if (mended) mend(bytes, kLockMagic, kLockRecordBytes);
      return check<decode_lock_record>(bytes, mended);
  }
}

}  // namespace
}  // namespace walkit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  walkit::fuzz::run({data, bytes});
  return 0;
}
