#include "cli/reading.hpp"

namespace walkit::cli {

Result<OpenLog> open_log(const std::string& directory, const Entries& entries,
                         Durability visibility) {
  auto place = find_log(directory, FsAccess::read_only);
  if (!place) return place.error();
  auto reader = LogReader::open(place->parent,
                                {.subdirectory = place->subdirectory, .visibility = visibility},
                                entries.contents);
  if (!reader) return reader.error();
  auto home = place->home();
  if (!home) return home.error();
  return OpenLog{std::move(*place), std::move(*home), std::move(*reader)};
}

Result<ReplaySummary> replay(const OpenLog& log, ReplayMode mode, EntryId from,
                             const Apply& apply) {
  bool apply_failed = false;
  OlderRange rest{from, from};
  const Apply watched = [&](const EntryView& entry) {
    auto step = apply(entry);
    apply_failed = !step;
    rest = {entry.entry_id + 1, entry.entry_id};
    return step;
  };
  auto summary = log.reader.replay(mode, {.first = from}, watched);
  if (summary || apply_failed || summary.error().code != Errc::corrupt) return summary;
  const auto live = log.home->is_locked();
  if (!live || *live) return summary;  // what is not known durable is not ours to show
  const Status given = give_older_part(*log.home, mode, rest, watched);
  return given ? std::move(summary) : Result<ReplaySummary>(given.error());
}

}  // namespace walkit::cli
