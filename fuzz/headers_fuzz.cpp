// Surface: the headers of segments, MANIFEST slots, LOCK and pins; the files MANIFEST and LOCK.
// Property: any bytes are decoded or refused; what is decoded and encoded again stays as it is. Of
// two good slots the higher generation counts, and one that is in its own place.
//
// Input: mode, a header or both files. Mode bit 0: mend magic, length and checksum; the rest says
// which kind. The mutator mends the checksum half of the time, whatever the mode.

#include "fuzz_input.hpp"
#include "log/evidence_files.hpp"
#include "log/format.hpp"
#include "repair.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit::fuzz {
namespace {

using namespace log;

constexpr std::size_t kLengthOffset = 8, kVersionOffset = 12;

// To its full length, so that a short input reaches all fields.
void mend(Bytes& header, const FileMagic& magic, std::size_t bytes) {
  header.resize(bytes);
  std::memcpy(header.data(), magic.data(), magic.size());
  store_le(header.data() + kLengthOffset, static_cast<std::uint32_t>(bytes));
  mend_prefix(header);
}

/// How many bytes a header of each kind has; 0: not one header.
std::size_t header_bytes(unsigned mode) {
  constexpr std::size_t kBytes[] = {kSegmentHeaderBytes, kManifestSlotBytes, kLockRecordBytes, 0};
  return kBytes[mode >> 1 & 3];
}

void put(Directory& directory, std::string_view name, BytesView bytes) {
  const BytesView parts[] = {bytes};
  directory.open(name, OpenMode::create).value()->write_at(0, parts).value();
}

void check_files(Bytes bytes, bool mended) {
  bytes.resize(std::min(bytes.size(), kManifestBytes + kLockRecordBytes));
  const std::span<std::byte> all(bytes);
  const std::size_t manifest_bytes = std::min(bytes.size(), kManifestBytes);
  for (std::size_t at = 0; mended && at + kPrefixBytes <= manifest_bytes;
       at += kManifestSlotBytes) {
    mend_prefix(all.subspan(at, std::min(kManifestSlotBytes, manifest_bytes - at)));
  }
  const auto directory = MemoryDirectory::create();
  put(*directory, "MANIFEST", all.first(manifest_bytes));
  put(*directory, kLockFileName, all.subspan(manifest_bytes));
  require_ok(read_lock_record(*directory), "a bad lock record is an error");
  const auto view = read_manifest(*directory);
  if (!view) return require(view.error().code == Errc::incompatible, "a bad slot is an error");
  std::size_t bad = 0;
  for (std::size_t place = 0; place < 2; ++place) {
    const auto& slot = view->slots[place];
    bad += slot ? 0 : 1;
    if (slot) require(slot->generation % 2 == place, "a slot in the other's place");
    if (slot) require(view->newest()->generation >= slot->generation, "an older slot counts");
  }
  require(view->faults.size() == bad, "not one fault for each bad slot");
  require((view->newest() == nullptr) == (bad == 2), "a bad slot counts");
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
    case 3:
      return check_files(std::move(bytes), mended);
    default:
      if ((mode >> 3 & 1) != 0) {
        if (mended) mend(bytes, kPinMagic, kPinRecordBytes);
        return check<decode_pin_record>(bytes, mended);
      }
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

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t bytes,
                                               std::size_t bytes_max, unsigned seed) {
  using namespace walkit;
  bytes = LLVMFuzzerMutate(data, bytes, bytes_max);
  const std::size_t header = bytes == 0 ? 0 : fuzz::header_bytes(data[0]);
  if (seed % 2 == 0 && header != 0 && bytes > header) {
    fuzz::mend_prefix({reinterpret_cast<std::byte*>(data) + 1, header});
  }
  return bytes;
}
