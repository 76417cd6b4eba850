#include <fmt/format.h>

#include "cli/judge.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"

namespace walkit::cli {
namespace {

void write_dump(Output& out, EntryId id, std::string_view payload) {
  constexpr std::size_t kWidth = 16;
  out.write(fmt::format("entry {}, {} bytes\n", id.value, payload.size()));
  for (std::size_t at = 0; at < payload.size() && !out.stopped(); at += kWidth) {
    out.write(hex_line(at, payload.substr(at, kWidth)));
  }
}

Error named(Error error, const EntryView& entry) {
  error.message = "entry " + to_string(entry.entry_id) + ": " + error.message;
  error.file = entry.file;
  error.offset = entry.offset;
  return error;
}

Json place_of(const EntryView& entry) {
  return {{"id", entry.entry_id.value},
          {"schema", entry.schema},
          {"file", entry.file},
          {"offset", entry.offset}};
}

// Prints entries in one of the formats.
class Printer {
 public:
  Printer(const CatOptions& options, const Entries& entries)
      : options_(options), entries_(entries) {}

  Status print(const EntryView& entry);
  Output& output() { return out_; }

 private:
  Status print_described(const EntryView& entry);

  const CatOptions& options_;
  const Entries& entries_;
  Output out_{};
};

Status Printer::print(const EntryView& entry) {
  const std::string_view payload = as_text(entry.payload);
  switch (options_.format) {
    case Format::text:
      if (entries_.describe) return print_described(entry);
      out_.write(escape(payload) + "\n");
      break;
    case Format::jsonl: {
      if (entries_.describe) return print_described(entry);
      Json line = place_of(entry);
      put_payload(line, payload);
      out_.write(line_of(line));
      break;
    }
    case Format::hex:
      write_dump(out_, entry.entry_id, payload);
      break;
    case Format::raw:
      out_.write(payload);
      break;
  }
  return {};
}

Status Printer::print_described(const EntryView& entry) {
  const auto words = entries_.describe(entry.payload, entry.schema);
  if (!words) return named(words.error(), entry);
  if (options_.format == Format::text) {
    out_.write(escape(*words) + "\n");
  } else {
    Json line = place_of(entry);
    line["entry"] = *words;
    out_.write(line_of(line));
  }
  return {};
}

void tell_what_is_not_there(Report& report, const CatOptions& options,
                            const ReplaySummary& summary) {
  const bool bounded = options.to != EntryId::max() || options.from > EntryId{1};
  if (!bounded || summary.end == ReplaySummary::End::stopped) return;
  const EntryId wanted = options.to != EntryId::max() ? options.to : options.from;
  if (!summary.entries.empty() && summary.entries.last >= wanted) return;
  if (summary.entries.empty()) return report.note("no entry in this range: the log ends before it");
  if (options.to == EntryId::max()) return;
  report.note(fmt::format("the log ends with entry {}, before {}", to_string(summary.entries.last),
                          to_string(options.to)));
}

// A stream that ends otherwise than well says so in its last line.
ExitCode finish(const CatOptions& options, Report& report, Output& out, ExitCode code) {
  if (options.format == Format::jsonl && code != kIntact) out.write(line_of(report.ending(code)));
  const Status written = out.finish();
  return written ? code : fail(written.error());
}

}  // namespace

ExitCode cat(const CatOptions& options, const Entries& entries) {
  Report report("cat", Report::Form::lines);
  Printer printer(options, entries);
  Output& out = printer.output();
  const auto log = open_log(options.directory, entries);
  if (!log) return finish(options, report, out, report.fail(log.error()));
  const auto summary = replay(
      *log, ReplayMode::best_effort, options.from, [&](const EntryView& entry) -> Result<Step> {
        if (entry.entry_id > options.to) return Step::stop;
        if (Status ok = printer.print(entry); !ok) return ok.error();
        return out.stopped() || entry.entry_id == options.to ? Step::stop : Step::next;
      });
  if (out.stopped()) return finish(options, report, out, kIntact);
  if (!summary) return finish(options, report, out, report.fail(summary.error()));
  tell_what_is_not_there(report, options, *summary);
  return finish(options, report, out, judge(report, *log, *summary));
}

}  // namespace walkit::cli
