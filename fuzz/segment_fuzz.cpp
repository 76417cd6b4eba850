// Surface: one segment's file: the scanner, the judge of its tail, replay, and frame::decode.
// Property: any file is read or refused. The scanner and frame::decode agree on every frame of
// entries. A replay without a manifest gives what the scanner gives; strict reads nothing that
// best effort refuses, and the same entries.
//
// Input: the file. The mutator mends the checksums of header and frames half of the time.

#include <memory>
#include <vector>

#include "fuzz_input.hpp"
#include "log/frame_scanner.hpp"
#include "log/segment_name.hpp"
#include "repair.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/log/frame.hpp"
#include "walkit/log/log_reader.hpp"

namespace walkit::fuzz {
namespace {

constexpr std::uint64_t kFrameBytesMax = 1 << 20;
using Entries = std::vector<std::pair<std::uint64_t, Bytes>>;  // with their ids

std::shared_ptr<Directory> folder_of(BytesView segment, const std::string& name) {
  auto directory = MemoryDirectory::create();
  const auto log = directory->subdirectory("wal", OpenMode::create).value();
  const BytesView parts[] = {segment};
  log->open(name, OpenMode::create).value()->write_at(0, parts).value();
  return directory;
}

/// By the other decoder; a segment cut in a frame's padding is fine for the scanner alone.
void require_agreement(const log::FrameView& view, BytesView file, std::uint64_t salt) {
  Bytes bytes(file.begin() + static_cast<std::ptrdiff_t>(view.header.offset),
              file.begin() + static_cast<std::ptrdiff_t>(
                                 std::min<std::uint64_t>(file.size(), view.header.end())));
  bytes.resize(log::kFrameHeaderBytes + view.header.stored_bytes);
  const auto read = frame::decode(bytes, {salt, view.header.offset});
  if (!read && view.header.durable_through >= view.header.first) return;  // no writer makes it
  if (!read && read.error().code == Errc::not_supported) return;          // compressed
  require_ok(read, "the scanner reads a frame that frame::decode refuses");
  require(read->entries == EntryIdRange{view.header.first, view.header.last()}, "other entry ids");
  require(read->schema == view.extras.schema, "another schema");
  log::PayloadCursor cursor(view.entries);
  for (const BytesView payload : read->payloads) {
    const auto same = cursor.next();
    require(same && same_bytes(*same, payload), "another payload");
  }
  require(cursor.at_end(), "fewer payloads");
}

Entries scan(File& file, const log::SegmentHeader& header, BytesView bytes) {
  Entries entries;
  log::FrameScanner scanner(file, header, kFrameBytesMax);
  while (true) {
    const auto next = scanner.next();
    require_ok(next, "a file in memory is not read");
    if (!*next) return entries;
    const log::FrameView& view = **next;
    require(view.header.end() == scanner.position(), "the scanner stands elsewhere");
    if (!view.header.is(log::FrameKind::entries)) continue;
    require_agreement(view, bytes, header.salt());
    log::PayloadCursor cursor(view.entries);
    for (EntryId id = view.header.first; const auto payload = cursor.next(); ++id) {
      entries.emplace_back(id.value, Bytes(payload->begin(), payload->end()));
    }
  }
}

Result<Entries> replay(const std::shared_ptr<Directory>& directory, ReplayMode mode) {
  ReadOptions options;
  options.recorded_loss = RecordedLoss::accept;
  options.frame_bytes_max = kFrameBytesMax;
  const auto reader = LogReader::open(directory, options, std::nullopt);
  if (!reader) return reader.error();
  Entries entries;
  const auto summary = reader->replay(mode, {}, [&](const EntryView& entry) -> Result<Step> {
    entries.emplace_back(entry.entry_id.value, Bytes(entry.payload.begin(), entry.payload.end()));
    return Step::next;
  });
  if (!summary) return summary.error();
  return entries;
}

void run(BytesView bytes) {
  const auto header = log::decode_segment_header(bytes);
  if (!header) return;
  const log::SegmentName segment{header->number, header->first};
  const std::string name = to_string(segment);
  if (!log::parse_segment_name(name)) return;
  const auto directory = folder_of(bytes, name);
  const auto file =
      directory->subdirectory("wal", OpenMode::read).value()->open(name, OpenMode::read);
  const Entries scanned = scan(**file, *header, bytes);
  const auto strict = replay(directory, ReplayMode::strict);
  const auto best = replay(directory, ReplayMode::best_effort);
  require(!strict || best, "strict replay reads what best effort refuses");
  if (strict) require(*strict == *best, "strict and best effort give different entries");
  if (best) require(*best == scanned, "a replay gives other entries than the scanner");
}

}  // namespace
}  // namespace walkit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  walkit::fuzz::run({reinterpret_cast<const std::byte*>(data), bytes});
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t bytes,
                                               std::size_t bytes_max, unsigned seed) {
  bytes = LLVMFuzzerMutate(data, bytes, bytes_max);
  if (seed % 2 == 0) {
    walkit::fuzz::mend_segment({reinterpret_cast<std::byte*>(data), bytes});
  }
  return bytes;
}
