#include <fmt/format.h>

#include "cli/place.hpp"
#include "cli/report.hpp"
#include "cli/text.hpp"
#include "walkit/log/maintenance.hpp"

namespace walkit::cli {
namespace {

constexpr std::string_view kHolds[] = {"keep", "newest_segment", "retention", "pin", "observer"};

std::string words_of(const TrimHold& hold, EntryId before) {
  switch (hold.by) {
    case TrimHold::By::keep:
      return "it has entries from " + to_string(before) + " on";
    case TrimHold::By::newest_segment:
      return "it is the newest segment";
    case TrimHold::By::retention:
      return "of --keep-bytes or --keep-age";
    case TrimHold::By::pin:
      return "of the pin " + hold.name;
    case TrimHold::By::observer:
      return "of the program's observer";
  }
  return {};
}

void put(Report& report, const TrimPlan& plan) {
  Json& rows = report["segments"] = Json::array();
  std::uint64_t bytes = 0;
  for (const SegmentInfo& segment : plan.segments) {
    bytes += segment.bytes;
    rows.push_back(
        {{"file", segment.file}, {"entries", json_of(segment.entries)}, {"bytes", segment.bytes}});
  }
  Json& holds = report["held_by"] = Json::array();
  for (const TrimHold& hold : plan.held_by) {
    holds.push_back({{"by", kHolds[static_cast<std::size_t>(hold.by)]},
                     {"pin", hold.by == TrimHold::By::pin ? Json(hold.name) : Json()}});
  }
  report["bytes"] = bytes;
  report["overrun_pins"] = plan.overrun_pins;
  for (const std::string& name : plan.overrun_pins) {
    report.note("the pin " + name + " holds nothing any more: the log is larger than it allows");
  }
}

std::string lines_of(const TrimPlan& plan, const TrimOptions& options) {
  std::string lines;
  const std::string_view verb = options.apply ? "removed" : "would remove";
  for (const SegmentInfo& segment : plan.segments) {
    lines += fmt::format("{} {}, entries {}, {} bytes\n", verb, escape(segment.file),
                         to_string(segment.entries), segment.bytes);
  }
  if (plan.segments.empty()) lines += "nothing to remove\n";
  for (const TrimHold& hold : plan.held_by) {
    lines += "the next stays because " + escape(words_of(hold, options.before)) + "\n";
  }
  return lines;
}

std::string command_of(const TrimOptions& options) {
  std::string command = fmt::format("walkit trim {} --before {}",
                                    escape(shell_word(options.directory)), options.before.value);
  if (options.keep_bytes != 0) command += fmt::format(" --keep-bytes {}", options.keep_bytes);
  if (options.keep_seconds != 0) command += fmt::format(" --keep-age {}", options.keep_seconds);
  return command + " --apply";
}

}  // namespace

ExitCode trim(const TrimOptions& options) {
  Report report("trim", options.json ? Report::Form::json : Report::Form::lines);
  report["directory"] = options.directory;
  report["before"] = options.before.value;
  report["applied"] = false;
  const auto give_up = [&](const Error& error) { return report.finish(report.fail(error)); };
  const auto place =
      find_log(options.directory, options.apply ? FsAccess::must_exist : FsAccess::read_only);
  if (!place) return give_up(place.error());
  const auto log = WalMaintenance::open(place->parent, {.subdirectory = place->subdirectory});
  if (!log) return give_up(log.error());
  const Retention retention{.bytes = options.keep_bytes,
                            .age = std::chrono::seconds(options.keep_seconds)};
  auto plan = log->plan_trim(options.before, retention);
  if (!plan) return give_up(plan.error());
  if (options.apply) {
    const auto trimmed = log->trim_before(options.before, retention);
    if (!trimmed) return give_up(trimmed.error());
    report["applied"] = true;
    // Somebody may have pinned meanwhile.
    plan->oldest = *trimmed;
    std::erase_if(plan->segments,
                  [&](const SegmentInfo& segment) { return segment.entries.last >= *trimmed; });
  }
  put(report, *plan);
  report["oldest"] = plan->oldest.value;
  std::string lines = lines_of(*plan, options);
  lines += fmt::format("oldest entry left: {}\n", plan->oldest.value);
  if (!options.apply && !plan->segments.empty()) lines += "next: " + command_of(options) + "\n";
  return report.finish(kIntact, lines);
}

}  // namespace walkit::cli
