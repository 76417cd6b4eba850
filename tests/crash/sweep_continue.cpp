#include "crash/salvage_story.hpp"
#include "crash/sweeps.hpp"
#include "walkit/log/log_reader.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;

constexpr int kSamples = 6;

Error found(std::string what) { return {.code = Errc::corrupt, .message = std::move(what)}; }

// Either all that was there, or nothing, behind the checkpoint.
Status check_is_one_or_the_other(const std::shared_ptr<CrashDirectory>& left, const Story& story,
                                 EntryId through) {
  const auto reader = LogReader::open(left, {}, std::nullopt);
  if (!reader) return reader.error();
  const auto summary =
      reader->replay(ReplayMode::strict, {}, [](const EntryView&) { return Step::next; });
  if (!summary) return summary.error();
  const bool old = summary->log == EntryIdRange{EntryId{1}, EntryId{story.entries.size()}};
  const bool begun = summary->log == EntryIdRange{through + 1, through};
  if (!old && !begun) return found("the log holds " + to_string(summary->log));
  const auto report = WalMaintenance::open(left)->verify();
  if (!report) return report.error();
  return report->damage.empty() ? Status{} : Status(report->damage.front());
}

Status check_finishes(const std::shared_ptr<CrashDirectory>& left, const Story& story,
                      EntryId through) {
  if (Status ok = check_is_one_or_the_other(left, story, through); !ok) return ok;
  if (Status ok = WalMaintenance::continue_after(left, through); !ok) return ok;
  if (Status ok = check_bytes_are_kept(*story.image, *left); !ok) return ok;
  for (const std::string& file : left->list_files()) {
    if (file != "wal/MANIFEST" && file != "wal/LOCK" && !file.starts_with("wal/quarantine/")) {
      return found(file + " is left");
    }
  }
  auto writer = Writer::open(left);
  if (!writer) return writer.error();
  const auto id = writer->append("the first behind it");
  if (!id) return id.error();
  return *id == through + 1 ? Status{} : Status(found("goes on with " + to_string(*id)));
}

}  // namespace

Status sweep_continues(std::uint64_t& states) {
  Story story = tell_story(Ending::killed, Payloads::random, Layout::packed, 7);
  // What stood in caches only is not what this is about.
  story.image = story.image->crash(Crash::power_cut);
  for (const std::uint64_t ahead : {0u, 100u}) {
    const EntryId through{story.entries.size() + ahead};
    for (std::uint64_t at = 1;; ++at) {
      const auto cut = story.image->clone();
      cut->cut_power_at(at);
      WalMaintenance::continue_after(cut, through).ignore("its power may be cut");
      for (int sample = 0; sample < kSamples; ++sample) {
        ++states;
        const auto left = cut->crash(sample == 0 ? Crash::process_kill : Crash::power_cut);
        if (Status ok = check_finishes(left, story, through); !ok) {
          Error error = ok.error();
          error.message += " (power lost at operation " + std::to_string(at) + ")";
          return error;
        }
      }
      if (cut->operation_count() < at) break;
    }
  }
  return {};
}

}  // namespace walkit::crash
