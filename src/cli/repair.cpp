#include <fmt/format.h>

#include "cli/place.hpp"
#include "cli/report.hpp"
#include "cli/text.hpp"
#include "walkit/log/maintenance.hpp"

namespace walkit::cli {
namespace {

std::string_view action_name(RepairStep::Action action) {
  switch (action) {
    case RepairStep::Action::quarantine_file:
      return "quarantine_file";
    case RepairStep::Action::write_replacement:
      return "write_replacement";
    case RepairStep::Action::record_loss:
      return "record_loss";
    case RepairStep::Action::rebuild_index:
      return "rebuild_index";
    case RepairStep::Action::rebuild_manifest:
      return "rebuild_manifest";
    case RepairStep::Action::remove_temporary:
      return "remove_temporary";
  }
  return "";
}

Json json_of(const RepairPlan& plan) {
  Json steps = Json::array();
  for (const RepairStep& step : plan.steps) {
    steps.push_back({{"action", action_name(step.action)},
                     {"file", step.file},
                     {"offset", step.offset},
                     {"bytes", step.bytes},
                     {"why", step.why}});
  }
  return steps;
}

std::string flag_for(EntryIdRange lost) {
  if (lost.empty()) return "";
  const std::string first = to_string(lost.first);
  return " --accept-loss " + (lost.size() == 1 ? first : first + "-" + to_string(lost.last));
}

std::string apply_command(const RepairOptions& options, const RepairPlan& plan) {
  return "walkit repair " + shell_word(options.directory) + " --apply" + flag_for(plan.lost);
}

// A line of the library for each, which may hold names of files.
std::string indented(const std::string& lines) {
  std::string text;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    text += "  " + escape(lines.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return text;
}

// A plan, and what it is for.
class Repairer {
 public:
  Repairer(const RepairOptions& options, Report& report, WalMaintenance log)
      : options_(options), report_(report), log_(std::move(log)) {}

  ExitCode run();
  [[nodiscard]] const std::string& lines() const { return lines_; }

 private:
  ExitCode tell_nothing_to_do(const VerifyReport& found);
  void tell_plan(const VerifyReport& found);
  ExitCode apply();
  void put_next(const std::string& command);

  const RepairOptions& options_;
  Report& report_;
  const WalMaintenance log_;
  RepairPlan plan_{};
  std::string lines_{};
};

void Repairer::put_next(const std::string& command) {
  report_["next_command"] = command;
  lines_ += "next: " + escape(command) + "\n";
}

// What open-for-write settles or every reader tolerates is no reason to write a log anew.
ExitCode Repairer::tell_nothing_to_do(const VerifyReport& found) {
  for (const Error& fault : found.damage) report_.warn(fault);
  lines_ = "nothing needs repair\n";
  report_["next_command"] = Json();
  const std::uint64_t bytes = std::max(found.torn_bytes, found.suspect_bytes);
  if (bytes == 0) return kIntact;
  const Error torn{
      .code = Errc::torn,
      .message = fmt::format("the log ends in {} bytes of a write that did not finish", bytes),
      .next_step = "open it for writing, which cuts them"};
  return report_.fail(torn);
}

void Repairer::tell_plan(const VerifyReport& found) {
  lines_ = "damage:\n";
  for (const Error& fault : found.damage) lines_ += indented(to_string(fault));
  lines_ += "plan:\n" + indented(to_string(plan_));
}

ExitCode Repairer::apply() {
  if (Status ok = log_.apply(plan_, options_.accepted); !ok) return report_.fail(ok.error());
  report_["applied"] = true;
  lines_ += "done; the old files are in quarantine/\n";
  if (!plan_.lost.empty()) {
    report_.note("entries in " + to_string(plan_.lost) +
                 " are recorded as lost: verify goes on saying so, and strict replay wants "
                 "RecordedLoss::accept");
  }
  put_next("walkit verify " + shell_word(options_.directory));
  return kIntact;
}

ExitCode Repairer::run() {
  // First, because it refuses a log that is being written.
  auto plan = log_.plan_repair();
  if (!plan) return report_.fail(plan.error());
  plan_ = std::move(*plan);
  const auto found = log_.verify();
  if (!found) return report_.fail(found.error());
  Json& damage = report_["damage"] = Json::array();
  for (const Error& fault : found->damage) damage.push_back(cli::json_of(fault));
  report_["steps"] = json_of(plan_);
  report_["lost"] = cli::json_of(plan_.lost);
  report_["applied"] = false;
  if (plan_.steps.empty()) return tell_nothing_to_do(*found);
  tell_plan(*found);
  const EntryIdRange lost = plan_.lost, accepted = options_.accepted;
  const bool covered =
      lost.empty() || (accepted.contains(lost.first) && accepted.contains(lost.last));
  if (options_.apply && covered) return apply();
  const std::string command = apply_command(options_, plan_);
  put_next(command);
  if (options_.apply) {
    return report_.fail({.code = Errc::invalid_argument,
                         .message = "this gives up entries in " + to_string(lost) +
                                    " for ever, which was not accepted; nothing was changed",
                         .lost = lost,
                         .next_step = "restore the log from a backup, or say" + flag_for(lost)});
  }
  const Error wrong{.code = Errc::corrupt, .message = "the log needs repair"};
  report_.tell(found->damage.empty() ? wrong : found->damage.front(),
               "the log needs repair; nothing was changed. Next: keep a copy of the folder, then " +
                   command);
  return kDamage;
}

}  // namespace

ExitCode repair(const RepairOptions& options) {
  Report report("repair", options.json ? Report::Form::json : Report::Form::lines);
  report["directory"] = options.directory;
  const auto place =
      find_log(options.directory, options.apply ? FsAccess::must_exist : FsAccess::read_only);
  if (!place) return report.finish(report.fail(place.error()));
  auto log = WalMaintenance::open(place->parent, {.subdirectory = place->subdirectory});
  if (!log) return report.finish(report.fail(log.error()));
  Repairer repairer(options, report, std::move(*log));
  const ExitCode code = repairer.run();
  return report.finish(code, repairer.lines());
}

}  // namespace walkit::cli
