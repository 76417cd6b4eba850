// Surface: the file of a checkpoint.
// Property: any bytes are a state or an error; what is read up to its end is read the same again,
// and is what a checkpoint of the same state holds. A state is never longer than the reader takes.
//
// Input: mode, the file. Mode bit 0: mend the checksums of header and pieces. The mutator does so
// half of the time, whatever the mode.

#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/checkpoint_writer.hpp"
#include "fuzz_input.hpp"
#include "repair.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit::fuzz {
namespace {

using namespace checkpoint;

constexpr std::uint64_t kStateBytesMax = 1 << 20;

/// Puts checksums right, as far as pieces follow each other.
void mend_checkpoint(std::span<std::byte> bytes) {
  if (bytes.size() < kCheckpointHeaderBytes) return;
  mend_prefix(bytes.first(kCheckpointHeaderBytes));
  const auto header = decode_checkpoint_header(bytes);
  if (!header) return;
  const std::uint32_t seed = header->seed();
  for (std::size_t at = kCheckpointHeaderBytes; at + kPieceHeaderBytes <= bytes.size();) {
    const std::span<std::byte> piece = bytes.subspan(at);
    const std::size_t stored =
        std::min<std::size_t>(load_le<std::uint32_t>(&piece[8]), piece.size() - kPieceHeaderBytes);
    store_le(&piece[24], crc32c(piece.subspan(kPieceHeaderBytes, stored), seed));
    store_le(&piece[4], crc32c(piece.subspan(8, kPieceHeaderBytes - 8), seed));
    at += kPieceHeaderBytes + stored;
  }
}

Result<Bytes> read(Directory& directory, EntryId id) {
  auto reader = CheckpointReader::open(directory, id);
  if (!reader) return reader.error();
  Bytes state;
  for (;;) {
    const auto piece = reader->next(kStateBytesMax);
    if (!piece) return piece.error();
    if (!*piece) break;
    state.insert(state.end(), (*piece)->begin(), (*piece)->end());
  }
  require(reader->seen().state_bytes == state.size(), "it counts otherwise than it gives");
  require(state.size() <= kStateBytesMax, "more than the reader takes");
  return state;
}

void put(Directory& directory, EntryId id, BytesView bytes) {
  const BytesView parts[] = {bytes};
  auto file = directory.open(checkpoint_name(id), OpenMode::create);
  require_ok(file, "no file");
  require_ok((*file)->write_at(0, parts), "not written");
}

void check_again(EntryId id, const Bytes& state) {
  for (const Compression how : {Compression::none, Compression::lz4, Compression::zstd}) {
    const auto directory = MemoryDirectory::create();
    auto file = directory->open(checkpoint_name(id), OpenMode::create);
    require_ok(file, "no file");
    CheckpointWriter writer(std::move(*file), {.entry_id = id, .piece_bytes = 4096}, how);
    require_ok(writer.begin(), "not begun");
    writer.take(state);
    require_ok(writer.finish(), "not finished");
    const auto again = read(*directory, id);
    require_ok(again, "what was written does not read");
    require(same_bytes(*again, state), "it reads otherwise than it was written");
  }
}

void run(Input input) {
  const bool mended = (input.byte() & 1) != 0;
  const BytesView given = input.rest();
  Bytes bytes(given.begin(), given.end());
  if (mended) mend_checkpoint(bytes);
  const auto header = decode_checkpoint_header(bytes);
  const EntryId id = header ? header->entry_id : EntryId{1};
  const auto directory = MemoryDirectory::create();
  put(*directory, id, bytes);
  const auto state = read(*directory, id);
  if (!state) {
    const Errc code = state.error().code;
    require(code == Errc::corrupt || code == Errc::incompatible || code == Errc::too_large,
            "an error of another kind");
    return;
  }
  const auto again = read(*directory, id);
  require_ok(again, "a second look differs");
  require(same_bytes(*again, *state), "a second look gives another state");
  check_again(id, *state);
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
  if (seed % 2 == 0 && bytes > 1) {
    fuzz::mend_checkpoint({reinterpret_cast<std::byte*>(data) + 1, bytes - 1});
  }
  return bytes;
}
