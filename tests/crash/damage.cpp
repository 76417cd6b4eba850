#include "crash/damage.hpp"

#include <random>

#include "crash/workload.hpp"
#include "log/survey.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;

constexpr std::size_t kGroups = 10;

std::string make_payload(Texture texture, std::mt19937_64& random) {
  std::string payload(20 + random() % 180, '\0');
  for (char& c : payload) {
    switch (texture) {
      case Texture::random:
        c = static_cast<char>(random());
        break;
      case Texture::text:
        c = "etaoin shrdlu\n"[random() % 14];
        break;
      case Texture::zeros:
        c = random() % 8 == 0 ? static_cast<char>(random()) : '\0';
        break;
    }
  }
  return payload;
}

// Behind the last byte of a file that is not zero, on the next place for a frame.
std::uint64_t written_end(const CrashDirectory& directory, const std::string& file) {
  const auto bytes = directory.read_file(file);
  if (!bytes) return 0;
  std::uint64_t end = bytes->size();
  while (end > 0 && (*bytes)[end - 1] == std::byte{0}) --end;
  return end;
}

void append_group(Writer& writer, Specimen& specimen, Texture texture, std::mt19937_64& random) {
  specimen.before_last_group = specimen.entries.size();
  for (std::size_t call = 1 + random() % 3; call > 0; --call) {
    std::vector<std::string> batch;
    for (std::size_t i = 1 + random() % 2; i > 0; --i) {
      batch.push_back(make_payload(texture, random));
      specimen.entries.push_back(batch.back());
    }
    writer.append_batch(batch).value();
  }
  writer.sync().value();
}

void remember(Specimen& specimen, const CrashDirectory& live) {
  auto& files = specimen.history.emplace_back();
  for (const std::string& file : live.list_files()) files[file] = live.read_file(file).value();
}

// How many entries there are, all of them intact; an error otherwise.
struct Found {
  Result<std::size_t> entries{0};
  bool reported = false;
};

Found read_all(const std::shared_ptr<Directory>& directory, const Specimen& specimen) {
  const Model model{.submitted = specimen.entries, .ends = {}, .acknowledged = 0};
  const auto n = check_replay(directory, model, ReplayMode::best_effort);
  if (!n) return {n.error()};
  // Only the writer can say more than "the log ends here" where not a byte of the rest is left.
  return {*n, /*reported=*/true};
}

Found open_for_writing(const std::shared_ptr<Directory>& directory) {
  const auto writer = Writer::open(directory);
  if (!writer) return {writer.error()};
  const RecoveryReport report = writer->recovery();
  const bool said = report.torn_bytes + report.suspect_bytes > 0 ||
                    report.origin == RecoveryReport::Origin::crash;
  return {(writer->next_entry_id() - 1).value, said};
}

bool names_what(const Error& error) { return !error.file.empty() || !error.lost.empty(); }

bool took_every_witness(const Specimen& specimen, const DamagedRange& range) {
  constexpr std::uint64_t kHeaderBytes = 64;
  return range.file == specimen.newest_file && range.end > specimen.last_group_offset &&
         range.begin < specimen.last_group_offset + kHeaderBytes;
}

Judgement judge_found(const Found& found, const Specimen& specimen, const DamagedRange& range,
                      const char* who) {
  if (!found.entries) {
    if (names_what(found.entries.error()))
      return {Outcome::refused, to_string(found.entries.error())};
    return {Outcome::silent, std::string(who) + ": " + to_string(found.entries.error())};
  }
  const std::size_t n = *found.entries;
  if (n == specimen.entries.size()) return {};
  const std::string told = std::string(who) + " gives " + std::to_string(n) + " of " +
                           std::to_string(specimen.entries.size()) + " entries";
  const bool excepted = n >= specimen.before_last_group || took_every_witness(specimen, range);
  return {excepted && found.reported ? Outcome::reported : Outcome::silent, told};
}

}  // namespace

Specimen make_specimen(Texture texture, Stop stop, Layout layout, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Specimen specimen;
  const auto live = CrashDirectory::create({.seed = seed});
  WalOptions options;
  options.flush = FlushPolicy::manual();
  options.layout = layout;
  options.segment_bytes = layout == Layout::packed ? 16384 : 65536;
  {
    auto older = Writer::open(live, options).value();
    append_group(older, specimen, texture, random);
    remember(specimen, *live);
    append_group(older, specimen, texture, random);
  }
  remember(specimen, *live);
  auto writer = Writer::open(live, options).value();
  append_group(writer, specimen, texture, random);
  const Bytes first_lock = live->read_file("wal/LOCK").value();
  for (const std::string& file : live->list_files()) {
    if (file.ends_with(".wal")) specimen.newest_file = file;
  }
  for (std::size_t group = 1; group < kGroups; ++group) {
    remember(specimen, *live);
    specimen.last_group_offset = written_end(*live, specimen.newest_file);
    append_group(writer, specimen, texture, random);
  }
  if (stop == Stop::closed) writer.close().value();
  specimen.image = live->crash(Crash::process_kill);
  if (stop == Stop::power_cut) specimen.image->overwrite_file("wal/LOCK", first_lock).value();
  return specimen;
}

void trim(CrashDirectory& directory, std::size_t segments, Trim how) {
  const auto home = directory.subdirectory("wal", OpenMode::read).value();
  const auto files = log::list_log(*home).value().segments;
  log::ManifestSlot slot = *log::read_manifest(*home)->newest();
  slot.set_last(log::open_segment(*home, files.back())->header);
  slot.first_segment = files.at(segments).name.number;
  slot.begins_after = files.at(segments).name.first - 1;
  slot.first_salt = log::open_segment(*home, files.at(segments))->header.salt();
  Bytes manifest;
  slot.generation += slot.generation % 2;  // an even one stands in the first place
  for (int n = 0; n < 2; ++n, ++slot.generation) {
    const auto bytes = log::encode(slot);
    manifest.insert(manifest.end(), bytes.begin(), bytes.end());
  }
  directory.overwrite_file("wal/MANIFEST", manifest).value();
  if (how == Trim::stopped) return;
  for (std::size_t i = 0; i < segments; ++i) directory.remove_file("wal/" + files[i].file).value();
}

Judgement judge(const std::shared_ptr<CrashDirectory>& damaged, const Specimen& specimen,
                const DamagedRange& range) {
  Judgement read = judge_found(read_all(damaged, specimen), specimen, range, "replay");
  const Judgement opened = judge_found(open_for_writing(damaged), specimen, range, "open");
  if (read.outcome == Outcome::silent) return read;
  if (opened.outcome == Outcome::silent || opened.outcome == Outcome::reported) return opened;
  // Open looks at the newest segments only; what it passes over replay must find.
  return read.outcome == Outcome::same ? opened : read;
}

}  // namespace walkit::crash
