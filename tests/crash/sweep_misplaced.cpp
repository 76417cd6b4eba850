// Sweeps over bytes in places that are not theirs, and over ids that name two entries.

#include <algorithm>
#include <map>
#include <random>

#include "crash/salvage_story.hpp"
#include "crash/sweeps.hpp"
#include "log/frame_scanner.hpp"
#include "log/survey.hpp"
#include "walkit/codec.hpp"
#include "walkit/log/log_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;

constexpr std::size_t kSectorBytes = 512;
// With its length, its frame's header and no padding it fills a sector, so that whole frames can be
// exchanged by sectors.
constexpr std::size_t kPayloadBytes = kSectorBytes - 64 - 2;

Error found(std::string message) { return {.code = Errc::corrupt, .message = std::move(message)}; }

std::string payload(char branch, std::uint64_t id) {
  std::string text = std::string(1, branch) + " " + std::to_string(id) + ":";
  text.resize(kPayloadBytes, branch);
  return text;
}

/// One life of a writer: some entries, each in a sector of its own, and a clean close.
void live(const std::shared_ptr<CrashDirectory>& directory, char branch, std::uint64_t entries) {
  WalOptions options;
  options.segment_bytes = 4096;
  auto writer = Writer::open(directory, options).value();
  for (; entries > 0; --entries) {
    writer.append(payload(branch, writer.next_entry_id().value)).value();
  }
  writer.close().value();
}

/// The first letters of the entries, in order; an error where one of them is neither's.
Result<std::string> branches_of(const std::shared_ptr<CrashDirectory>& directory) {
  const auto reader = LogReader::open(directory, {}, std::nullopt);
  if (!reader) return reader.error();
  std::string branches;
  const auto replayed = reader->replay(ReplayMode::strict, {}, [&](const EntryView& entry) {
    branches += as_text(entry.payload).substr(0, 1);
    return Result<Step>(Step::next);
  });
  if (!replayed) return replayed.error();
  return branches;
}

void copy_bytes(CrashDirectory& to, const CrashDirectory& from, const std::string& file,
                std::uint64_t begin, std::uint64_t end) {
  Bytes bytes = to.read_file(file).value();
  const Bytes other = from.read_file(file).value();
  end = std::min<std::uint64_t>({end, bytes.size(), other.size()});
  std::copy(other.begin() + static_cast<std::ptrdiff_t>(begin),
            other.begin() + static_cast<std::ptrdiff_t>(end),
            bytes.begin() + static_cast<std::ptrdiff_t>(begin));
  to.overwrite_file(file, bytes).value();
}

/// Two logs whose files are of equal names and lengths. `judge` sees one with a sector, or a whole
/// file, of the other.
template <class Judge>
Status exchange(const CrashDirectory& ours, const CrashDirectory& theirs, std::uint64_t& states,
                Judge&& judge) {
  for (const std::string& file : ours.list_files()) {
    if (!file.ends_with(".wal") || !theirs.read_file(file)) continue;
    const std::uint64_t bytes = ours.read_file(file).value().size();
    for (std::uint64_t begin = 0; begin < bytes + kSectorBytes; begin += kSectorBytes) {
      const auto copy = ours.clone();
      const bool whole = begin >= bytes;
      copy_bytes(*copy, theirs, file, whole ? 0 : begin, whole ? bytes : begin + kSectorBytes);
      ++states;
      Status ok = judge(copy);
      if (ok) continue;
      Error error = ok.error();
      error.message += ": " + file + (whole ? "" : ", sector " + std::to_string(begin / 512));
      return error;
    }
  }
  return {};
}

/// A folder that was copied, and both copies went on: number, epoch and salt of their segments are
/// the same, so only the chain tells them apart.
Status two_histories(std::uint64_t& states) {
  const auto ours = CrashDirectory::create();
  live(ours, '-', 4);
  const auto theirs = ours->clone();
  live(ours, 'a', 20);
  live(theirs, 'b', 20);
  const auto intact = branches_of(ours);
  if (!intact) return intact.error();
  return exchange(*ours, *theirs, states, [&](const auto& mixed) {
    const auto branches = branches_of(mixed);
    const bool told = !branches || *branches == *intact;
    return told ? Status{} : Status(found("entries of two histories in one log, " + *branches));
  });
}

/// Another log, with the same ids at the same places and times: only the salt tells.
Status two_logs(std::uint64_t& states) {
  const auto ours = CrashDirectory::create({.seed = 1});
  const auto theirs = CrashDirectory::create({.seed = 2});
  live(ours, 'a', 20);
  live(theirs, 'b', 20);
  return exchange(*ours, *theirs, states, [&](const auto& mixed) -> Status {
    const auto reader = LogReader::open(mixed, {}, std::nullopt);
    if (!reader) return {};
    for (std::uint64_t id = 1; id <= 20; ++id) {
      const auto entry = reader->read(EntryId{id});
      if (entry && as_text(entry->payload) != payload('a', id)) {
        return found("entry " + std::to_string(id) + " is another log's");
      }
    }
    return {};
  });
}

/// A frame over another one of its segment: what lies between them still reads.
Status frames_in_wrong_places(std::uint64_t& states) {
  const Story story = tell_story(Ending::killed, Payloads::random, Layout::packed, 5);
  for (std::size_t to = 0; to < story.places.size(); ++to) {
    for (std::size_t from = to + 1; from < story.places.size(); ++from) {
      const Story::Place &there = story.places[to], &here = story.places[from];
      const std::uint64_t bytes = here.end - here.begin;
      if (here.file != there.file || there.begin == here.begin) continue;
      if (bytes > there.end - there.begin) continue;
      const auto copy = story.image->clone();
      Bytes content = copy->read_file(here.file).value();
      std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(here.begin), bytes,
                  content.begin() + static_cast<std::ptrdiff_t>(there.begin));
      copy->overwrite_file(here.file, content).value();
      ++states;
      const auto salvaged = check_salvage(copy, story, {{there.file, there.begin, there.end}});
      if (!salvaged) return salvaged.error();
    }
  }
  return {};
}

}  // namespace

Status sweep_misplaced(std::uint64_t& states) {
  for (const Sweep sweep : {&two_histories, &two_logs, &frames_in_wrong_places}) {
    if (Status ok = sweep(states); !ok) return ok;
  }
  return {};
}

namespace {

/// What (epoch, id) named so far.
using Names = std::map<std::pair<std::uint64_t, std::uint64_t>, std::string>;

/// Every entry that stands in the folder, as a reader may have seen it.
Status note_names(const std::shared_ptr<CrashDirectory>& directory, Names& names) {
  const auto home = directory->subdirectory("wal", OpenMode::read);
  if (!home) return {};
  const auto listing = log::list_log(**home);
  if (!listing) return {};
  for (const log::SegmentFile& file : listing->segments) {
    const auto segment = log::open_segment(**home, file);
    if (!segment) return segment.error();
    log::FrameScanner scanner(*segment->file, segment->header, ~std::uint64_t{0});
    for (auto frame = scanner.next(); frame && *frame; frame = scanner.next()) {
      const std::uint64_t original = (*frame)->extras.original_epoch;
      const std::uint64_t epoch = original != 0 ? original : segment->header.epoch;
      log::PayloadCursor cursor((*frame)->entries);
      for (EntryId id = (*frame)->header.first; const auto payload = cursor.next(); ++id) {
        const auto [known, is_new] = names.try_emplace({epoch, id.value}, as_text(*payload));
        if (is_new || known->second == as_text(*payload)) continue;
        return found("in epoch " + std::to_string(epoch) + " entry " + to_string(id) +
                     " was another one before");
      }
    }
  }
  return {};
}

}  // namespace

Status sweep_names(std::uint64_t& states) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    std::mt19937_64 random(seed);
    auto directory = CrashDirectory::create({.seed = seed});
    Names names;
    for (int life = 0; life < 5; ++life, ++states) {
      WalOptions options;
      options.flush = FlushPolicy::manual();
      auto writer = Writer::open(directory, options);
      if (!writer) return writer.error();
      for (auto n = random() % 6; n > 0; --n) {
        const auto id = writer->append("life " + std::to_string(life));
        if (!id) return id.error();
        if (Status ok = random() % 3 == 0 ? writer->sync() : writer->flush(); !ok) return ok;
      }
      if (Status ok = note_names(directory, names); !ok) return ok;
      directory = directory->crash(random() % 3 == 0 ? Crash::process_kill : Crash::power_cut);
      if (Status ok = note_names(directory, names); !ok) return ok;
    }
  }
  return {};
}

}  // namespace walkit::crash
