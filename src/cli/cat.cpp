#include <fmt/format.h>
#include <unistd.h>

#include "cli/interrupt.hpp"
#include "cli/judge.hpp"
#include "cli/printer.hpp"
#include "cli/progress.hpp"
#include "cli/text.hpp"

namespace walkit::cli {
namespace {

using std::chrono::milliseconds;
using End = ReplaySummary::End;

void tell_what_is_not_there(Report& report, const CatOptions& options,
                            const ReplaySummary& summary) {
  const bool bounded = options.to != EntryId::max() || options.from > EntryId{1};
  if (!bounded || summary.end == End::stopped || summary.end == End::reached_last) return;
  const EntryId wanted = options.to != EntryId::max() ? options.to : options.from;
  if (!summary.entries.empty() && summary.entries.last >= wanted) return;
  if (summary.entries.empty()) return report.note("no entry in this range: the log ends before it");
  if (options.to == EntryId::max()) return;
  report.note(fmt::format("the log ends with entry {}, before {}", to_string(summary.entries.last),
                          to_string(options.to)));
}

std::string_view name_of(Format format) {
  switch (format) {
    case Format::text:
      return "text";
    case Format::jsonl:
      return "jsonl";
    case Format::hex:
      return "hex";
    case Format::raw:
      return "raw";
  }
  return "";
}

// One run: a way of reading, and what came of it.
class Cat {
 public:
  Cat(const CatOptions& options, const Entries& entries, const OpenLog& log, Report& report)
      : options_(options),
        log_(log),
        report_(report),
        printer_(options, entries),
        // Between the entries on a terminal there is no place for it.
        progress_("cat", ::isatty(STDOUT_FILENO) == 1 ? When::never : options.progress) {}

  ExitCode run();
  Output& output() { return printer_.output(); }

 private:
  Result<ReplaySummary> read();
  Result<ReplaySummary> read_newest_first();
  Result<ReplaySummary> follow();
  Result<Step> take(const EntryView& entry);
  [[nodiscard]] bool out_of_range(EntryId id) const;
  ExitCode judge_all(const ReplaySummary& summary);
  ExitCode tell_interrupt();
  [[nodiscard]] std::string resume_command() const;

  const CatOptions& options_;
  const OpenLog& log_;
  Report& report_;
  Printer printer_;
  Progress progress_;
  std::uint64_t count_ = 0;
  bool printing_ = true;  // false: it failed
};

bool Cat::out_of_range(EntryId id) const {
  return id > options_.to || id < options_.from || count_ == options_.limit;
}

Result<Step> Cat::take(const EntryView& entry) {
  if (Interrupt::came() || out_of_range(entry.entry_id)) return Step::stop;
  const Status printed = printer_.print(entry);
  printing_ = printed.has_value();
  if (!printed) return printed.error();
  progress_.passed(entry.entry_id, entry.payload.size());
  const EntryId last = options_.newest ? options_.from : options_.to;
  // What a salvage lost is known at the end of its range only.
  const bool at_last = !options_.keep_going && entry.entry_id == last;
  const bool enough = ++count_ == options_.limit || at_last;
  return output().stopped() || enough ? Step::stop : Step::next;
}

Result<ReplaySummary> Cat::read() {
  const auto apply = [this](const EntryView& entry) { return take(entry); };
  if (options_.follow) return follow();
  if (options_.newest) return read_newest_first();
  if (!options_.keep_going) return replay(log_, ReplayMode::best_effort, options_.from, apply);
  ReplayRange range{.first = options_.from};
  if (options_.to != EntryId::max()) range.last = options_.to;
  return log_.reader.replay(ReplayMode::salvage, range, apply);
}

Result<ReplaySummary> Cat::read_newest_first() {
  auto cursor = log_.reader.newest_first(options_.to);
  if (!cursor) return cursor.error();
  for (;;) {
    const auto more = cursor->advance();
    if (!more) return more.error();
    if (!*more) return cursor->summary();
    const auto step = take(cursor->entry());
    if (!step) return step.error();
    if (*step == Step::next) continue;
    ReplaySummary summary = cursor->summary();
    summary.end = End::stopped;
    return summary;
  }
}

// What was given so far is on its way before it waits.
Result<ReplaySummary> Cat::follow() {
  constexpr milliseconds kAtOnce{0}, kBetweenLooks{50};  // at the signal and at who reads stdout
  auto cursor = log_.reader.follow(options_.from, {});
  if (!cursor) return cursor.error();
  for (auto wait = kAtOnce; !Interrupt::came() && count_ != options_.limit;) {
    const auto more = cursor->advance(wait);
    if (!more) return more.error();
    wait = *more ? kAtOnce : kBetweenLooks;
    if (*more) {
      const auto step = take(cursor->entry());
      if (!step) return step.error();
      if (*step == Step::stop) break;
    } else {
      output().flush();
      if (output().stopped() || output().reader_is_gone()) break;
    }
  }
  ReplaySummary summary = cursor->summary();
  summary.end = End::stopped;
  return summary;
}

// The same call, from the next entry on.
std::string Cat::resume_command() const {
  std::string command = "walkit cat " + shell_word(options_.directory);
  if (options_.follow) command += options_.flushed ? " --follow --flushed" : " --follow";
  if (options_.keep_going) command += " --keep-going";
  if (options_.newest) command += " --newest";
  if (options_.format != Format::text)
    command += fmt::format(" --format {}", name_of(options_.format));
  if (!options_.decoder.empty()) command += " --decoder " + shell_word(options_.decoder);
  if (options_.limit != ~std::uint64_t{0}) {
    command += fmt::format(" --limit {}", options_.limit - count_);
  }
  const EntryId last = printer_.last();
  const bool any = last != EntryId{};
  const EntryId from = any && !options_.newest ? last + 1 : options_.from;
  const EntryId to = any && options_.newest ? last - 1 : options_.to;
  if (from != EntryId{}) command += " --from " + to_string(from);
  if (to != EntryId::max()) command += " --to " + to_string(to);
  return command;
}

// To be stopped is how following ends.
ExitCode Cat::tell_interrupt() {
  const EntryId last = printer_.last();
  const std::string where =
      last == EntryId{} ? "before the first entry" : "after entry " + to_string(last);
  report_.note("stopped " + where + ". Next: " + resume_command());
  return options_.follow ? kIntact : kInterrupted;
}

ExitCode Cat::judge_all(const ReplaySummary& summary) {
  tell_what_is_not_there(report_, options_, summary);
  const bool others = options_.keep_going || options_.follow || options_.newest;
  if (others && options_.format == Format::jsonl) {
    for (const Error& gap : summary.gaps) printer_.print(Json{{"gap", json_of(gap)}});
  }
  if (options_.newest) {
    for (const Error& gap : summary.gaps) report_.tell(gap, to_string(gap));
    const ExitCode code = judge_end(report_, *log_.home);
    return summary.gaps.empty() ? code : kDamage;
  }
  const ExitCode code = judge(report_, log_, summary);
  if (!options_.keep_going || code != kIntact) return code;
  if (summary.end == End::end_of_log) return judge_end(report_, *log_.home);
  return kIntact;
}

ExitCode Cat::run() {
  if (Status ok = printer_.start(); !ok) return report_.fail(ok.error());
  const auto summary = read();
  progress_.clear();
  // Ctrl-C ends a decoder too, which is then no fault of its own.
  const Status finished = printing_ ? printer_.finish() : Status{};
  if (Interrupt::came()) return tell_interrupt();
  if (output().stopped()) return kIntact;
  if (!summary) return report_.fail(summary.error());
  if (!finished) return report_.fail(finished.error());
  return judge_all(*summary);
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
  const Interrupt watched;
  const auto log = open_log(options.directory, entries,
                            options.flushed ? Durability::flushed : Durability::durable);
  if (!log) {
    Output out;
    return finish(options, report, out, report.fail(log.error()));
  }
  Cat run(options, entries, *log, report);
  const ExitCode code = run.run();
  return finish(options, report, run.output(), code);
}

}  // namespace walkit::cli
