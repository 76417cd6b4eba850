#include <fmt/format.h>

#include "cli/inspect.hpp"
#include "cli/judge.hpp"
#include "cli/progress.hpp"
#include "cli/sizes.hpp"
#include "cli/text.hpp"
#include "log/survey.hpp"

namespace walkit::cli {
namespace {

// What was read, whether the end was reached or not. Frames are told apart by their places; what a
// segment uses is known from its last one.
class Statistics {
 public:
  explicit Statistics(const OpenLog& log) : log_(log) {}

  Status add(const EntryView& entry);
  /// The last frame.
  Status finish();

  EntryIdRange entries{};
  Sizes sizes{};
  std::uint64_t payload_bytes = 0, frames = 0, segments = 0, used_bytes = 0;
  std::uint64_t first_time_ns = 0, last_time_ns = 0;
  std::optional<log::SegmentHeader> header{};  // of the last segment with entries

 private:
  Status take_frame();

  const OpenLog& log_;
  std::string file_{};
  std::uint64_t offset_ = 0;
};

Status Statistics::add(const EntryView& entry) {
  if (entry.file != file_) {
    if (Status ok = finish(); !ok) return ok;
    ++segments;
    ++frames;
    const bool first = file_.empty();
    file_ = entry.file;
    offset_ = entry.offset;
    if (first) {
      if (Status ok = take_frame(); !ok) return ok;
      first_time_ns = last_time_ns;
      used_bytes = 0;
    }
  } else if (entry.offset != offset_) {
    ++frames;
    offset_ = entry.offset;
  }
  if (sizes.count() == 0) entries.first = entry.entry_id;
  entries.last = entry.entry_id;
  sizes.add(entry.payload.size());
  payload_bytes += entry.payload.size();
  return {};
}

Status Statistics::finish() { return file_.empty() ? Status{} : take_frame(); }

// The frame at file_ and offset_, once more for its header.
Status Statistics::take_frame() {
  const auto name = log::parse_segment_name(file_);
  if (!name) return {};
  auto segment = log::open_segment(*log_.home, {file_, *name});
  if (!segment) return segment.error();
  log::FrameHeaderBytes bytes{};
  const auto got = segment->file->read_at(offset_, bytes);
  if (!got) return got.error();
  const auto frame = log::decode_frame_header(BytesView(bytes).first(*got),
                                              log::frame_seed(segment->header.salt()), offset_);
  if (!frame) return {};
  header = std::move(segment->header);
  used_bytes += frame->end();
  last_time_ns = frame->time_ns;
  return {};
}

Result<std::uint64_t> bytes_of(const OpenLog& log) {
  log::Listing listing;
  if (Status ok = log::classify_names(*log.home, listing); !ok) return ok.error();
  std::uint64_t bytes = 0;
  for (const log::SegmentFile& segment : listing.segments) {
    const auto file = log.home->open(segment.file, OpenMode::read);
    if (!file && file.error().code == Errc::not_found) continue;
    if (!file) return file.error();
    const auto size = (*file)->size();
    if (!size) return size.error();
    bytes += *size;
  }
  return bytes;
}

double percent_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

double framing_percent(const Statistics& found) {
  return percent_of(found.used_bytes - std::min(found.used_bytes, found.payload_bytes),
                    found.used_bytes);
}

void fill(Report& report, const Statistics& found, std::uint64_t bytes) {
  const Json header = found.header ? fields_of(*found.header) : Json();
  const auto of_header = [&](const char* name) { return found.header ? header[name] : Json(); };
  report["entries"] = json_of(found.entries);
  report["count"] = found.sizes.count();
  report["segments_with_entries"] = found.segments;
  report["bytes"] = bytes;
  report["used_bytes"] = found.used_bytes;
  report["payload_bytes"] = found.payload_bytes;
  report["framing_percent"] = framing_percent(found);
  report["frames"] = found.frames;
  report["entries_per_frame"] = ratio(found.sizes.count(), found.frames);
  report["payload"] = {{"p50", found.sizes.quantile(0.5)},
                       {"p99", found.sizes.quantile(0.99)},
                       {"max", found.sizes.max()},
                       {"histogram", found.sizes.histogram()}};
  report["first_time"] = json_of_time(found.first_time_ns);
  report["last_time"] = json_of_time(found.last_time_ns);
  report["codec"] = of_header("codec");
  report["type"] = of_header("type");
  report["type_schema"] = of_header("schema");
}

std::string lines_of(const Statistics& found, std::uint64_t bytes) {
  const Json header = found.header ? fields_of(*found.header) : Json();
  std::string lines = fmt::format(
      "entries: {} ({})\nsegments with entries: {}\nbytes: {}, used {}\npayload bytes: {}, framing "
      "{:.1f} %\nframes: {}, {:.1f} entries each\n",
      to_string(found.entries), found.sizes.count(), found.segments, bytes, found.used_bytes,
      found.payload_bytes, framing_percent(found), found.frames,
      ratio(found.sizes.count(), found.frames));
  if (!found.header) return lines;
  const std::string type =
      found.header->type_name.empty() ? "not declared" : escape(found.header->type_name);
  lines += fmt::format(
      "codec: {}, type: {}, schema {}\ntime: {} to {}\npayload: p50 {}, p99 {}, "
      "max {}\n",
      escape(header["codec"].get<std::string>()), type, found.header->schema,
      time_words(found.first_time_ns), time_words(found.last_time_ns), found.sizes.quantile(0.5),
      found.sizes.quantile(0.99), found.sizes.max());
  return lines + found.sizes.lines();
}

}  // namespace

ExitCode stat(const LookOptions& options, const Entries& entries) {
  Report report("stat", options.json ? Report::Form::json : Report::Form::lines);
  report["directory"] = options.directory;
  const auto log = open_log(options.directory, entries);
  if (!log) return report.finish(report.fail(log.error()));
  Statistics found(*log);
  Progress progress("stat", options.progress);
  const auto summary =
      replay(*log, ReplayMode::best_effort, {}, [&](const EntryView& entry) -> Result<Step> {
        if (Status ok = found.add(entry); !ok) return ok.error();
        progress.passed(entry.entry_id, entry.payload.size());
        return Step::next;
      });
  progress.clear();
  const Status finished = found.finish();
  const auto bytes = bytes_of(*log);
  ExitCode code = kIntact;
  for (const Error* error :
       {summary ? nullptr : &summary.error(), finished ? nullptr : &finished.error(),
        bytes ? nullptr : &bytes.error()}) {
    if (error != nullptr && code == kIntact) code = report.fail(*error);
  }
  const auto writer = writer_of(*log->home);
  if (writer) tell_writer(report, *writer, ": counted up to what is durable");
  if (code == kIntact) code = judge(report, *log, *summary);
  fill(report, found, bytes.value_or(0));
  return report.finish(code, lines_of(found, bytes.value_or(0)));
}

}  // namespace walkit::cli
