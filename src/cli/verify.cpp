#include <fmt/format.h>

#include "cli/judge.hpp"
#include "cli/progress.hpp"

namespace walkit::cli {
namespace {

// What was read, whether the end was reached or not.
struct Findings {
  EntryIdRange entries{};
  std::uint64_t count = 0, payload_bytes = 0, segments = 0;
  std::string file{};  // of the last entry
};

void note_entry(Findings& findings, const EntryView& entry) {
  if (findings.count == 0) findings.entries.first = entry.entry_id;
  findings.entries.last = entry.entry_id;
  ++findings.count;
  findings.payload_bytes += entry.payload.size();
  if (entry.file != findings.file) {
    findings.file = entry.file;
    ++findings.segments;
  }
}

void tell_how_it_stopped(Report& report, const OpenLog& log) {
  const auto writer = writer_of(*log.home);
  if (!writer) return;
  tell_writer(report, *writer, ": read up to what is durable");
  if (!writer->empty()) return;
  const auto segments = log.reader.segments();
  const bool closed =
      !segments || segments->empty() || segments->back().state == SegmentInfo::State::sealed;
  report["closed"] = closed;
  if (!closed) report.note("the last writer did not close the log");
}

}  // namespace

ExitCode verify(const LookOptions& options, const Entries& entries) {
  Report report("verify", options.json ? Report::Form::json : Report::Form::lines);
  report["directory"] = options.directory;
  const auto log = open_log(options.directory, entries);
  if (!log) return report.finish(report.fail(log.error()));
  Findings findings;
  Progress progress("verify", options.progress);
  const auto summary = replay(*log, ReplayMode::strict, {}, [&](const EntryView& entry) {
    note_entry(findings, entry);
    progress.passed(entry.entry_id, entry.payload.size());
    return Result<Step>(Step::next);
  });
  progress.clear();
  report["entries"] = json_of(findings.entries);
  report["count"] = findings.count;
  report["payload_bytes"] = findings.payload_bytes;
  report["segments_with_entries"] = findings.segments;
  ExitCode code = kIntact;
  if (summary) {
    tell_how_it_stopped(report, *log);
    code = judge(report, *log, *summary);
  } else {
    code = report.fail(summary.error());
  }
  std::string lines = fmt::format(
      "verdict: {}\nentries: {}\ncount: {}\npayload bytes: {}\nsegments with entries: {}\n",
      verdict_words(code), to_string(findings.entries), findings.count, findings.payload_bytes,
      findings.segments);
  if (summary) lines += fmt::format("proven through: {}\n", summary->proven_through.value);
  return report.finish(code, lines);
}

}  // namespace walkit::cli
