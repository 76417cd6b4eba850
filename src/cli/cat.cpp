#include <fmt/format.h>
#include <unistd.h>

#include <deque>
#include <optional>

#include "cli/decoder.hpp"
#include "cli/judge.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
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

  Status start();
  Status print(const EntryView& entry);
  Status finish();
  Output& output() { return out_; }

 private:
  Status print_described(const EntryView& entry);
  Status decode(const EntryView& entry);
  void take_answer(std::string_view line);

  const CatOptions& options_;
  const Entries& entries_;
  Output out_{};
  std::optional<Decoder> decoder_{};
  std::deque<Json> waiting_{};  // for the decoder, in JSON Lines
};

Status Printer::start() {
  if (options_.decoder.empty()) return {};
  auto started = Decoder::start(options_.decoder);
  if (!started) return started.error();
  decoder_.emplace(std::move(*started));
  return {};
}

Status Printer::finish() {
  if (!decoder_ || out_.stopped()) return {};
  return decoder_->finish([this](std::string_view line) { take_answer(line); });
}

Status Printer::decode(const EntryView& entry) {
  // A command that reads all before it answers would fill the memory.
  constexpr std::size_t kWaitingMax = 1 << 20;
  if (waiting_.size() >= kWaitingMax) {
    return Error{.code = Errc::io,
                 .message = "the decoder has read a million entries and answered none",
                 .next_step = "make it print each line at once, or use --format text"};
  }
  Json line{{"id", entry.entry_id.value}, {"schema", entry.schema}};
  put_payload(line, as_text(entry.payload));
  if (options_.format == Format::jsonl) waiting_.push_back(place_of(entry));
  return decoder_->give(line_of(line), [this](std::string_view answer) { take_answer(answer); });
}

void Printer::take_answer(std::string_view line) {
  if (options_.format != Format::jsonl) return out_.write(escape(line) + "\n");
  Json json = std::move(waiting_.front());
  waiting_.pop_front();
  Json parsed = Json::parse(line, nullptr, false);
  json["entry"] = parsed.is_discarded() ? Json(line) : std::move(parsed);
  out_.write(line_of(json));
}

Status Printer::print(const EntryView& entry) {
  if (decoder_) return decode(entry);
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
  if (Status ok = printer.start(); !ok) {
    return finish(options, report, out, report.fail(ok.error()));
  }
  // Between the entries on a terminal there is no place for it.
  Progress progress("cat", ::isatty(STDOUT_FILENO) == 1 ? When::never : options.progress);
  std::uint64_t count = 0;
  bool printing = true;
  const auto summary = replay(
      *log, ReplayMode::best_effort, options.from, [&](const EntryView& entry) -> Result<Step> {
        if (entry.entry_id > options.to || count == options.limit) return Step::stop;
        const Status printed = printer.print(entry);
        printing = printed.has_value();
        if (!printed) return printed.error();
        progress.passed(entry.entry_id, entry.payload.size());
        const bool enough = ++count == options.limit || entry.entry_id == options.to;
        return out.stopped() || enough ? Step::stop : Step::next;
      });
  progress.clear();
  const Status finished = printing ? printer.finish() : Status{};
  if (out.stopped()) return finish(options, report, out, kIntact);
  if (!summary) return finish(options, report, out, report.fail(summary.error()));
  if (!finished) return finish(options, report, out, report.fail(finished.error()));
  tell_what_is_not_there(report, options, *summary);
  return finish(options, report, out, judge(report, *log, *summary));
}

}  // namespace walkit::cli
