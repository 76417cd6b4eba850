#include "golden/golden_checkpoints.hpp"

#include <cstdio>

#include "base/crc32c.hpp"
#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/checkpoint_writer.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit::golden {
namespace {

using namespace checkpoint;

constexpr std::uint32_t kCodec = 'g' << 24 | 'o' << 16 | 'l' << 8 | 'd';

struct Kind {
  std::uint64_t entry = 0;
  std::size_t state_bytes = 0;
  std::uint32_t piece_bytes = kPieceBytes;
  Compression compression = Compression::none;
  const char* about = "";
  void (*change)(Bytes& file) = nullptr;
};

void put_u32(Bytes& file, std::size_t at, std::uint32_t value) {
  store_le(file.data() + at, value);
}

/// As a walkit of format 1 would write it: with a checksum that holds.
void make_newer(Bytes& file) {
  file[12] = std::byte{1};
  const BytesView all = file;
  put_u32(file, 28, crc32c(all.subspan(32, kCheckpointHeaderBytes - 32), crc32c(all.first(28))));
}

constexpr Kind kKinds[] = {
    {0, 0, kPieceBytes, Compression::none, "before the first entry; an empty state"},
    {1, 10, kPieceBytes, Compression::none, "one piece"},
    {2, 200, 64, Compression::none, "several pieces"},
    {3, 1000, 512, Compression::lz4, "LZ4"},
    {4, 1000, 512, Compression::zstd, "zstd"},
    {5, 200, 64, Compression::none, "a flipped bit in a piece",
     [](Bytes& file) { file[600] ^= std::byte{4}; }},
    {6, 200, 64, Compression::none, "cut short", [](Bytes& file) { file.resize(700); }},
    {7, 200, 64, Compression::none, "the end is missing",
     [](Bytes& file) { file.resize(file.size() - kPieceHeaderBytes - kEndBytes); }},
    {8, 200, 64, Compression::none, "a byte behind the end",
     [](Bytes& file) { file.push_back(std::byte{0}); }},
    {9, 200, 64, Compression::none, "format version 1", make_newer},
};

std::string state_of(std::size_t bytes) {
  std::string state;
  for (int n = 0; state.size() < bytes; ++n) state += "account " + std::to_string(n % 7) + ";";
  state.resize(bytes);
  return state;
}

Bytes read_all(Directory& directory, const std::string& name) {
  auto file = directory.open(name, OpenMode::read).value();
  Bytes bytes(file->size().value());
  file->read_at(0, bytes).value();
  return bytes;
}

Bytes make(const Kind& kind) {
  const auto directory = MemoryDirectory::create();
  CheckpointHeader header{.entry_id = EntryId{kind.entry},
                          .created_ns = 1'700'000'000'000'000'000u + kind.entry,
                          .codec = kCodec,
                          .schema = 3,
                          .piece_bytes = kind.piece_bytes,
                          .type_name = "golden"};
  for (std::size_t i = 0; i < header.log.size(); ++i) header.log[i] = static_cast<std::byte>(i);
  CheckpointWriter writer(directory->open("c", OpenMode::create).value(), header, kind.compression);
  writer.begin().value();
  writer.take(as_bytes(state_of(kind.state_bytes)));
  writer.finish().value();
  Bytes bytes = read_all(*directory, "c");
  if (kind.change != nullptr) kind.change(bytes);
  return bytes;
}

Result<std::string> read(const std::string& name, const Bytes& file) {
  const auto directory = MemoryDirectory::create();
  const BytesView parts[] = {file};
  directory->open(name, OpenMode::create).value()->write_at(0, parts).value();
  auto reader = CheckpointReader::open(*directory, *parse_checkpoint_name(name));
  if (!reader) return reader.error();
  for (;;) {
    const auto piece = reader->next(~std::uint64_t{0});
    if (!piece) return piece.error();
    if (!*piece) break;
  }
  const CheckpointHeader& header = reader->header();
  std::string codec;
  for (int shift = 24; shift >= 0; shift -= 8) codec += static_cast<char>(header.codec >> shift);
  char text[200];
  std::snprintf(text, sizeof text, "entry %lu codec %s schema %u type %s bytes %lu crc %08x",
                header.entry_id.value, codec.c_str(), header.schema, header.type_name.c_str(),
                reader->seen().state_bytes, reader->seen().state_crc);
  return std::string(text);
}

}  // namespace

std::string state_line(const std::string& name, const Bytes& file) {
  const auto line = read(name, file);
  return name + " " + (line ? *line : std::string(to_string(line.error().code)));
}

Files make_checkpoints() {
  Files files;
  std::string states;
  for (const Kind& kind : kKinds) {
    const std::string name = checkpoint_name(EntryId{kind.entry});
    const Bytes file = make(kind);
    files["checkpoints/" + name] = file;
    states += std::string("# ") + kind.about + "\n" + state_line(name, file) + "\n";
  }
  const BytesView text = as_bytes(states);
  files["checkpoints/states.txt"] = Bytes(text.begin(), text.end());
  return files;
}

}  // namespace walkit::golden
