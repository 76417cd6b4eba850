#include <algorithm>

#include "crash/sweeps.hpp"
#include "log/frame_scanner.hpp"
#include "log/survey.hpp"
#include "walkit/log/marker.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;
using Reader = WalReader<std::string, BytesCodec>;

constexpr int kSamples = 6;

Error found(std::string what) { return {.code = Errc::corrupt, .message = std::move(what)}; }

struct Acknowledged {
  std::uint64_t entries = 0, marked = 0;
};

/// Entries and markers of checkpoints in turn, until the power goes.
Acknowledged work(const std::shared_ptr<CrashDirectory>& directory, const WalOptions& options) {
  Acknowledged told;
  auto writer = Writer::open(directory, options);
  while (writer && told.entries < 4) {
    if (!writer->append("entry " + std::to_string(told.entries + 1))) break;
    ++told.entries;
    const MarkerBody body({.kind = Marker::Kind::checkpoint, .entry_id = EntryId{told.entries}});
    if (!writer->write_marker(body.bytes())) break;
    told.marked = told.entries;
  }
  return told;
}

/// In any segment: open may begin one behind a marker that tore.
Result<std::uint64_t> newest_marker(const std::shared_ptr<CrashDirectory>& left) {
  std::uint64_t newest = 0;
  const auto home = left->subdirectory("wal", OpenMode::read);
  if (!home) return newest;
  const auto listing = log::list_log(**home);
  if (!listing) return listing.error();
  for (const log::SegmentFile& file : listing->segments) {
    const auto segment = log::open_segment(**home, file);
    if (!segment) return segment.error();
    log::FrameScanner scanner(*segment->file, segment->header, ~std::uint64_t{0});
    for (auto frame = scanner.next(); frame && *frame; frame = scanner.next()) {
      if (!(*frame)->header.is(log::FrameKind::marker)) continue;
      const auto marker = decode_marker((*frame)->body);
      if (marker) newest = std::max(newest, marker->entry_id.value);
    }
  }
  return newest;
}

Status check(const std::shared_ptr<CrashDirectory>& left, const Acknowledged& told) {
  const auto reader = Reader::open(left);
  if (!reader) return told.entries == 0 ? Status{} : Status(reader.error());
  for (const bool opened : {false, true}) {
    // What opens the log keeps the markers that it finds.
    auto writer = opened ? Writer::open(left) : Result<Writer>(Error{});
    if (opened && !writer) return writer.error();
    const auto records = reader->replay(ReplayMode::best_effort);
    if (!records) return records.error();
    for (std::size_t i = 0; i < records->size(); ++i) {
      const bool right = records->at(i).payload == "entry " + std::to_string(i + 1);
      if (!right) return found("not what was appended: " + std::to_string(i + 1));
    }
    if (records->size() < told.entries) return found("acknowledged entries are gone");
    const auto marked = newest_marker(left);
    if (!marked) return marked.error();
    if (*marked < told.marked) return found("a marker is gone");
  }
  return {};
}

}  // namespace

Status sweep_markers(std::uint64_t& states) {
  for (const Layout layout : {Layout::packed, Layout::whole_blocks}) {
    for (std::uint64_t at = 1;; ++at) {
      const auto directory = CrashDirectory::create({.seed = at});
      directory->cut_power_at(at);
      const Acknowledged told = work(directory, {.layout = layout});
      for (int sample = 0; sample < kSamples; ++sample) {
        ++states;
        const auto left = directory->crash(sample == 0 ? Crash::process_kill : Crash::power_cut);
        if (Status ok = check(left, told); !ok) {
          Error error = ok.error();
          error.message += " (power lost at operation " + std::to_string(at) + ")";
          return error;
        }
      }
      if (directory->operation_count() < at) break;
    }
  }
  return {};
}

}  // namespace walkit::crash
