#include "crash/salvage_story.hpp"

#include <algorithm>
#include <random>

#include "log/frame_scanner.hpp"
#include "log/survey.hpp"
#include "walkit/codec.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;

class Teller {
 public:
  Teller(Payloads payloads, Layout layout, std::uint64_t seed)
      : payloads_(payloads), random_(seed), directory_(CrashDirectory::create({.seed = seed})) {
    options_.flush = FlushPolicy::manual();
    options_.layout = layout;
    options_.segment_bytes = layout == Layout::packed ? 4096 : 32768;
  }

  Story tell(Ending ending) {
    {
      auto writer = Writer::open(directory_, options_).value();
      for (int group = 0; group < 3; ++group) append_group(writer);
      writer.close().value();
    }
    {
      // Its last two groups are flushed only: the next life writes them again.
      auto writer = Writer::open(directory_, options_).value();
      for (int group = 0; group < 4; ++group) append_group(writer);
      for (int entry = 0; entry < 2; ++entry) {
        writer.append(payload()).value();
        writer.flush().value();
      }
      directory_ = directory_->crash(Crash::process_kill);
    }
    auto writer = Writer::open(directory_, options_).value();
    for (int group = 0; group < 24; ++group) append_group(writer);
    if (ending == Ending::closed) writer.close().value();
    story_.image = directory_->crash(Crash::process_kill);
    note_places();
    return std::move(story_);
  }

 private:
  std::string payload() {
    std::string text(20 + random_() % 380, '\0');
    for (char& c : text) {
      if (payloads_ == Payloads::random || random_() % 8 == 0) c = static_cast<char>(random_());
    }
    story_.entries.push_back(text);
    return text;
  }

  void append_group(Writer& writer) {
    std::vector<std::string> batch;
    for (auto n = 1 + random_() % 2; n > 0; --n) batch.push_back(payload());
    writer.append_batch(batch).value();
    writer.sync().value();
  }

  void note_places() {
    const auto home = story_.image->subdirectory("wal", OpenMode::read).value();
    const auto reader = LogReader::open(story_.image, {}, std::nullopt).value();
    reader
        .replay(ReplayMode::strict, {},
                [&](const EntryView& entry) -> Result<Step> {
                  const std::string file(entry.file);
                  const auto name = log::parse_segment_name(file).value();
                  const auto segment = log::open_segment(*home, {file, name}).value();
                  Bytes bytes(log::kFrameHeaderBytes);
                  segment.file->read_at(entry.offset, bytes).value();
                  const auto header = log::decode_frame_header(
                      bytes, log::frame_seed(segment.header.salt()), entry.offset);
                  story_.places.push_back(
                      {"wal/" + file, entry.offset,
                       entry.offset + log::kFrameHeaderBytes + header.value().body_bytes});
                  return Step::next;
                })
        .value();
  }

  Payloads payloads_;
  std::mt19937_64 random_;
  std::shared_ptr<CrashDirectory> directory_;
  WalOptions options_{};
  Story story_{};
};

Error wrong(std::string what) { return {.code = Errc::corrupt, .message = std::move(what)}; }

bool touches(const std::vector<Touched>& touched, const Story::Place& place) {
  return std::any_of(touched.begin(), touched.end(), [&](const Touched& t) {
    return t.file == place.file && t.begin < place.end && place.begin < t.end;
  });
}

Status check_goes_on(const std::shared_ptr<CrashDirectory>& directory, const Story& story,
                     Entries expected) {
  WalOptions options;
  options.flush = FlushPolicy::manual();
  auto writer = Writer::open(directory, options);
  if (!writer) return writer.error();
  const EntryId next = writer->next_entry_id();
  if (next.value != story.entries.size() + 1) {
    return wrong("goes on with " + to_string(next) + " after " +
                 std::to_string(story.entries.size()));
  }
  expected[next.value] = "one more";
  if (const auto id = writer->append("one more"); !id) return id.error();
  if (Status ok = writer->close(); !ok) return ok;
  const auto read = read_accepting(directory);
  if (!read) return read.error();
  return *read == expected ? Status{} : wrong("replay differs after one more entry");
}

}  // namespace

Status check_bytes_are_kept(const CrashDirectory& before, const CrashDirectory& after) {
  std::vector<Bytes> kept;
  for (const std::string& file : after.list_files()) kept.push_back(after.read_file(file).value());
  for (const std::string& file : before.list_files()) {
    if (file == "wal/LOCK" || file.ends_with(".tmp")) continue;
    if (std::find(kept.begin(), kept.end(), before.read_file(file).value()) == kept.end()) {
      return wrong("the bytes of " + file + " are gone");
    }
  }
  return {};
}

Story tell_story(Ending ending, Payloads payloads, Layout layout, std::uint64_t seed) {
  return Teller(payloads, layout, seed).tell(ending);
}

Result<Entries> read_accepting(const std::shared_ptr<Directory>& directory,
                               std::vector<EntryIdRange>* losses, ReplayMode mode) {
  const auto reader =
      LogReader::open(directory, {.recorded_loss = RecordedLoss::accept}, std::nullopt);
  if (!reader) return reader.error();
  Entries entries;
  const auto summary = reader->replay(mode, {}, [&](const EntryView& entry) -> Result<Step> {
    entries[entry.entry_id.value] = std::string(as_text(entry.payload));
    return Step::next;
  });
  if (!summary) return summary.error();
  if (losses == nullptr) return entries;
  for (const Error& gap : summary->gaps) losses->push_back(gap.lost);
  return entries;
}

Result<Entries> check_salvage(const std::shared_ptr<CrashDirectory>& damaged, const Story& story,
                              const std::vector<Touched>& touched) {
  const std::uint64_t before = damaged->image_hash();
  const auto care = WalMaintenance::open(damaged);
  if (!care) return care.error();
  const auto target = MemoryDirectory::create();
  const auto report = care->salvage(target);
  if (!report) return report.error();
  if (damaged->image_hash() != before) return wrong("salvage changed the log");
  std::vector<EntryIdRange> losses;
  auto entries = read_accepting(target, &losses);
  if (!entries) return entries.error();
  if (entries->size() != report->entry_count) return wrong("the report counts otherwise");
  for (std::uint64_t id = 1; id <= story.entries.size(); ++id) {
    const bool lost = std::any_of(losses.begin(), losses.end(),
                                  [&](EntryIdRange r) { return r.contains(EntryId{id}); });
    const auto entry = entries->find(id);
    const std::string what = "entry " + std::to_string(id);
    if ((entry != entries->end()) == lost)
      return wrong(what + " is both or neither given nor lost");
    if (!lost && entry->second != story.entries[id - 1]) return wrong(what + " is another");
    if (lost && !touches(touched, story.places[id - 1])) return wrong(what + " need not be lost");
  }
  for (const EntryIdRange lost : losses) {
    if (lost.last.value > story.entries.size()) return wrong("lost what never was");
  }
  if (!entries->empty() && entries->rbegin()->first > story.entries.size()) {
    return wrong("gave what never was");
  }
  return entries;
}

Status check_repair(const std::shared_ptr<CrashDirectory>& damaged, const Story& story,
                    const Entries& salvaged) {
  const auto original = damaged->clone();
  const auto care = WalMaintenance::open(damaged).value();
  const std::uint64_t before = damaged->image_hash();
  const auto report = care.verify();
  if (!report) return report.error();
  const auto plan = care.plan_repair();
  if (!plan) return plan.error();
  if (damaged->image_hash() != before) return wrong("verify or plan changed the log");
  if (!plan->lost.empty() && report->damage.empty()) return wrong("verify finds no loss");
  if (!plan->lost.empty() && care.apply(*plan).has_value()) return wrong("lost unaccepted");
  if (Status ok = care.apply(*plan, plan->lost); !ok) return ok;
  if (Status ok = check_bytes_are_kept(*original, *damaged); !ok) return ok;
  const auto again = care.plan_repair();
  if (!again) return again.error();
  if (!again->steps.empty()) return wrong("still to be repaired: " + to_string(*again));
  const auto verified = care.verify();
  if (!verified) return verified.error();
  if (!plan->steps.empty() && !verified->damage.empty()) return verified->damage.front();
  // A torn tail is left to the next writer.
  const bool torn = verified->torn_bytes + verified->suspect_bytes > 0;
  const auto read =
      read_accepting(damaged, nullptr, torn ? ReplayMode::best_effort : ReplayMode::strict);
  if (!read) return read.error();
  if (*read != salvaged)
    return wrong("the repaired log gives " + std::to_string(read->size()) + " entries, not " +
                 std::to_string(salvaged.size()) + "; " + to_string(*plan));
  if (salvaged.size() < story.entries.size()) {
    const auto refusing = LogReader::open(damaged, {}, std::nullopt).value();
    const auto refused =
        refusing.replay(ReplayMode::strict, {}, [](const EntryView&) { return Step::next; });
    if (refused || refused.error().code != Errc::corrupt) return wrong("the loss is not told");
  }
  return check_goes_on(damaged, story, salvaged);
}

}  // namespace walkit::crash
