// Sweeps over what readers answer: failed reads, a writer beside them, ids that are gone, indexes
// that are wrong.

#include <algorithm>
#include <random>

#include "base/crc32c.hpp"
#include "crash/damage.hpp"
#include "crash/sweeps.hpp"
#include "crash/workload.hpp"
#include "log/survey.hpp"
#include "walkit/codec.hpp"
#include "walkit/log/log_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;

Error found(std::string message) { return {.code = Errc::corrupt, .message = std::move(message)}; }

std::string text_of(std::uint64_t id) { return "entry number " + std::to_string(id); }

/// A read fails somewhere in a replay or in opening for writing. That error is right, and no
/// verdict about the log is; without an error all entries are there.
Status check_failed_read(const std::shared_ptr<CrashDirectory>& directory,
                         const Specimen& specimen) {
  const std::size_t all = specimen.entries.size();
  const Model model{.submitted = specimen.entries};
  const auto read = check_replay(directory, model, ReplayMode::best_effort);
  if (read && *read != all) return found("replay gives " + std::to_string(*read) + " entries");
  if (!read && read.error().code != Errc::io) return read.error();
  const auto writer = Writer::open(directory);
  if (!writer) return writer.error().code == Errc::io ? Status{} : Status(writer.error());
  const EntryId last = writer->next_entry_id() - 1;
  return last.value == all ? Status{} : Status(found("open ends at " + to_string(last)));
}

}  // namespace

Status sweep_failed_reads(std::uint64_t& states) {
  for (const Stop stop : {Stop::power_cut, Stop::killed, Stop::closed}) {
    const Specimen specimen = make_specimen(Texture::random, stop, Layout::packed, 7);
    for (std::uint64_t read = 1;; ++read) {
      const auto copy = specimen.image->clone();
      copy->fail_read_at(read, Errc::io);
      ++states;
      if (Status ok = check_failed_read(copy, specimen); !ok) {
        Error error = ok.error();
        error.message += " (after read " + std::to_string(read) + " failed)";
        return error;
      }
      if (copy->read_count() < read) break;
    }
  }
  return {};
}

namespace {

/// Beside the writer: what a replay gives, and what a follower that was there all along gave.
class BesideWriter {
 public:
  explicit BesideWriter(std::uint64_t seed)
      : random_(seed), directory_(CrashDirectory::create({.seed = seed})) {}

  Status run(std::uint64_t& states) {
    WalOptions options;
    options.flush = FlushPolicy::manual();
    options.segment_bytes = 4096;
    auto writer = Writer::open(directory_, options);
    if (!writer) return writer.error();
    const auto reader = LogReader::open(directory_, {}, std::nullopt);
    if (!reader) return reader.error();
    auto follower = reader->follow({}, {});
    if (!follower) return follower.error();
    for (int step = 0; step < 24; ++step, ++states) {
      if (Status ok = write(*writer); !ok) return ok;
      if (Status ok = check(*reader, *follower); !ok) return ok;
    }
    return {};
  }

 private:
  Status write(Writer& writer) {
    const auto dice = random_() % 6;
    if (dice < 3) {
      std::vector<std::string> batch;
      for (auto n = 1 + random_() % 3; n > 0; --n) batch.push_back(text_of(++appended_));
      const auto ids = writer.append_batch(batch);
      // Where the segment is full, all before it became durable.
      durable_ = std::max(durable_, writer.durable_entry_id().value);
      return ids ? Status{} : Status(ids.error());
    }
    if (dice < 5) return writer.flush();
    durable_ = appended_;
    return writer.sync();
  }

  Status check(const LogReader& reader, LogCursor& follower) {
    std::uint64_t given = 0;
    const auto replayed = reader.replay(ReplayMode::strict, {}, [&](const EntryView& entry) {
      given = entry.entry_id.value;
      return Result<Step>(Step::next);
    });
    if (!replayed) return replayed.error();
    for (;;) {
      const auto more = follower.advance(std::chrono::milliseconds(0));
      if (!more) return more.error();
      if (!*more) break;
      followed_ = follower.entry().entry_id.value;
    }
    if (given == durable_ && followed_ == durable_) return {};
    return found("durable through " + std::to_string(durable_) + ", a replay gave " +
                 std::to_string(given) + ", the follower " + std::to_string(followed_));
  }

  std::mt19937_64 random_;
  std::shared_ptr<CrashDirectory> directory_;
  std::uint64_t appended_ = 0, durable_ = 0, followed_ = 0;
};

}  // namespace

Status sweep_beside_writer(std::uint64_t& states) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    if (Status ok = BesideWriter(seed).run(states); !ok) return ok;
  }
  return {};
}

namespace {

/// A closed log of entries text_of(1), text_of(2), ... of that many bytes at least.
std::shared_ptr<CrashDirectory> closed_log(std::uint64_t entries, std::size_t bytes,
                                           std::uint64_t segment_bytes) {
  auto directory = CrashDirectory::create();
  WalOptions options;
  options.flush = FlushPolicy::manual();
  options.segment_bytes = segment_bytes;
  auto writer = Writer::open(directory, options).value();
  for (std::uint64_t id = 1; id <= entries; ++id) {
    std::string text = text_of(id);
    text.resize(std::max(bytes, text.size()), '.');
    writer.append(text).value();
    writer.flush().value();
  }
  writer.close().value();
  return directory;
}

std::vector<log::SegmentFile> segments_of(Directory& home) {
  return log::list_log(home).value().segments;
}

bool is_entry(std::uint64_t id, BytesView payload) {
  return as_text(payload).starts_with(text_of(id));
}

/// What each way of asking for `id` answers: that entry first, or an error. `held`: what is there.
Status ask_for(const LogReader& reader, std::uint64_t id, EntryIdRange held) {
  const bool is_there = held.contains(EntryId{id});
  const std::string what = "entry " + std::to_string(id);
  const auto entry = reader.read(EntryId{id});
  if (entry && !is_entry(id, entry->payload)) return found("read gives another for " + what);
  if (entry.has_value() != is_there) return found("read and the log differ about " + what);
  std::uint64_t first = 0;
  const auto replayed =
      reader.replay(ReplayMode::strict, {.first = EntryId{id}}, [&](const EntryView& view) {
        first = view.entry_id.value;
        return Result<Step>(Step::stop);
      });
  if (first != 0 && first != id) return found("replay gives another first for " + what);
  if (replayed && is_there != (first == id)) return found("replay leaves out " + what);
  auto follower = reader.follow(EntryId{id}, {});
  if (!follower) return {};
  const auto more = follower->advance(std::chrono::milliseconds(0));
  if (!more || !*more) return {};
  if (follower->entry().entry_id.value == id) return {};
  return found("a follower gives another first for " + what);
}

}  // namespace

Status sweep_ids(std::uint64_t& states) {
  constexpr std::uint64_t kEntries = 40;
  for (std::size_t trimmed = 0; trimmed < 3; ++trimmed) {
    const auto directory = closed_log(kEntries, 600, 4096);
    trim(*directory, trimmed);
    const auto home = directory->subdirectory("wal", OpenMode::read);
    if (!home) return home.error();
    const EntryIdRange held{segments_of(**home).front().name.first, EntryId{kEntries}};
    const auto reader = LogReader::open(directory, {}, std::nullopt);
    if (!reader) return reader.error();
    for (std::uint64_t id = 1; id <= kEntries + 2; ++id, ++states) {
      if (Status ok = ask_for(*reader, id, held); !ok) return ok;
    }
  }
  return {};
}

namespace {

/// Exchanges the lines of the seal that ends the newest segment; all checksums fit.
void put_index(CrashDirectory& directory, const std::string& file, const log::SegmentHeader& header,
               const log::FrameHeader& seal, const std::vector<log::IndexEntry>& lines) {
  Bytes bytes = directory.read_file(file).value();
  const std::uint32_t seed = log::frame_seed(header.salt());
  log::FrameHeader changed = seal;
  std::byte* at = bytes.data() + seal.offset;
  log::encode_seal(lines, at + log::kFrameHeaderBytes);
  changed.body_crc =
      crc32c(BytesView(bytes).subspan(seal.offset + log::kFrameHeaderBytes, seal.body_bytes), seed);
  log::encode_frame_header(changed, seed, at);
  directory.overwrite_file(file, bytes).value();
}

Status check_all_ids(const std::shared_ptr<CrashDirectory>& directory, std::uint64_t entries) {
  for (std::uint64_t id = 1; id <= entries; ++id) {
    const auto reader = LogReader::open(directory, {}, std::nullopt);
    if (!reader) return reader.error();
    const auto entry = reader->read(EntryId{id});
    if (!entry) return entry.error();
    if (!is_entry(id, entry->payload)) return found("another entry for " + std::to_string(id));
  }
  return {};
}

}  // namespace

Status sweep_wrong_indexes(std::uint64_t& states) {
  constexpr std::uint64_t kEntries = 24;
  const auto directory = closed_log(kEntries, 10'000, 1 << 20);
  const auto home = directory->subdirectory("wal", OpenMode::read).value();
  const log::SegmentFile file = segments_of(*home).back();
  const auto segment = log::open_segment(*home, file).value();
  log::FrameScanner scanner(*segment.file, segment.header, ~std::uint64_t{0});
  log::FrameHeader seal;
  std::vector<log::IndexEntry> lines;
  for (auto frame = scanner.next(); frame && *frame; frame = scanner.next()) {
    if (!(*frame)->header.is(log::FrameKind::seal)) continue;
    seal = (*frame)->header;
    lines = log::decode_seal((*frame)->body).value();
  }
  if (lines.size() < 3) return found("the index has too few lines to say anything");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (const int by : {-1, 1, 8, 64}) {
      auto wrong = lines;
      for (const auto field : {&log::IndexEntry::offset, &log::IndexEntry::time_ns}) {
        wrong[i] = lines[i];
        wrong[i].*field += static_cast<std::uint64_t>(by);
        put_index(*directory, "wal/" + file.file, segment.header, seal, wrong);
        ++states;
        if (Status ok = check_all_ids(directory, kEntries); !ok) return ok;
      }
    }
  }
  return {};
}

}  // namespace walkit::crash
