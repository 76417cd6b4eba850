#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/output.hpp"
#include "cli/place.hpp"
#include "cli/text.hpp"
#include "walkit/log/log_reader.hpp"

namespace walkit::cli {
namespace {

void write_json(Output& out, EntryId id, std::string_view payload) {
  nlohmann::ordered_json line{{"id", id.value}};
  if (is_text(payload)) {
    line["text"] = payload;
  } else {
    line["hex"] = hex(payload);
  }
  constexpr bool kAsciiOnly = true;  // which leaves nothing that a terminal would obey
  out.write(line.dump(-1, ' ', kAsciiOnly) + "\n");
}

void write_dump(Output& out, EntryId id, std::string_view payload) {
  constexpr std::size_t kWidth = 16;
  out.write(fmt::format("entry {}, {} bytes\n", id.value, payload.size()));
  for (std::size_t at = 0; at < payload.size() && !out.stopped(); at += kWidth) {
    out.write(hex_line(at, payload.substr(at, kWidth)));
  }
}

void write_entry(Output& out, Format format, const EntryView& entry) {
  const std::string_view payload = as_text(entry.payload);
  switch (format) {
    case Format::text:
      return out.write(escape(payload) + "\n");
    case Format::jsonl:
      return write_json(out, entry.entry_id, payload);
    case Format::hex:
      return write_dump(out, entry.entry_id, payload);
    case Format::raw:
      return out.write(payload);
  }
}

void tell_what_is_not_there(const CatOptions& options, const ReplaySummary& summary) {
  const bool bounded = options.to != EntryId::max() || options.from > EntryId{1};
  if (!bounded || summary.end == ReplaySummary::End::stopped) return;
  const EntryId wanted = options.to != EntryId::max() ? options.to : options.from;
  if (!summary.entries.empty() && summary.entries.last >= wanted) return;
  if (summary.entries.empty()) return say("no entry in this range: the log ends before it");
  if (options.to == EntryId::max()) return;
  say(fmt::format("the log ends with entry {}, before {}", to_string(summary.entries.last),
                  to_string(options.to)));
}

}  // namespace

ExitCode cat(const CatOptions& options) {
  const auto place = find_log(options.directory, FsAccess::read_only);
  if (!place) return fail(place.error());
  const auto reader =
      LogReader::open(place->parent, {.subdirectory = place->subdirectory}, std::nullopt);
  if (!reader) return fail(reader.error());
  Output out;
  const auto summary = reader->replay(
      ReplayMode::best_effort, {.first = options.from},
      [&](const EntryView& entry) -> Result<Step> {
        if (entry.entry_id > options.to) return Step::stop;
        write_entry(out, options.format, entry);
        return out.stopped() || entry.entry_id == options.to ? Step::stop : Step::next;
      });
  const bool reader_left = out.stopped();
  if (Status ok = out.finish(); !ok) return fail(ok.error());
  if (!summary) return fail(summary.error());
  if (reader_left) return kIntact;
  tell_what_is_not_there(options, *summary);
  return judge(*place, *summary);
}

}  // namespace walkit::cli
