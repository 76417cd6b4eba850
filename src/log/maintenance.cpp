#include "walkit/log/maintenance.hpp"

#include <algorithm>
#include <new>

#include "log/repair_plan.hpp"
#include "log/salvage.hpp"
#include "log/snapshot.hpp"
#include "walkit/log/log_reader.hpp"

namespace walkit {
namespace {

using namespace log;

// What open-for-write says of the folder and its newest segment.
Status judge_end(Directory& home, const ReadOptions& options, VerifyReport& report) {
  const auto snapshot = take_snapshot(home, options.expect_durable_through, ~std::uint64_t{0});
  if (!snapshot) return snapshot.error();
  if (snapshot->live) return {};
  const Survey& found = snapshot->survey;
  if (Status ok = tail_error(found); !ok) return ok;
  const TailVerdict verdict = found.decision.verdict;
  if (verdict == TailVerdict::torn) report.torn_bytes = found.tail.dirty_bytes;
  if (verdict == TailVerdict::suspect) report.suspect_bytes = found.tail.dirty_bytes;
  return {};
}

Error locked() {
  return {.code = Errc::locked,
          .message = "a writer has the log open",
          .next_step = "close it; a log is repaired with no writer"};
}

std::string_view text_of(RepairStep::Action action) {
  switch (action) {
    case RepairStep::Action::quarantine_file:
      return "move to quarantine/";
    case RepairStep::Action::write_replacement:
      return "write";
    case RepairStep::Action::record_loss:
      return "give up entries";
    case RepairStep::Action::rebuild_index:
      return "rebuild the index of";
    case RepairStep::Action::rebuild_manifest:
      return "rebuild";
    case RepairStep::Action::remove_temporary:
      return "remove";
  }
  return "";
}

Result<std::shared_ptr<Directory>> open_target(Directory& target, const std::string& name) {
  auto home = target.subdirectory(name, OpenMode::create);
  if (!home) return home.error();
  const auto names = (*home)->list();
  if (!names) return names.error();
  if (names->empty()) return home;
  return Error{.code = Errc::already_exists,
               .message = "the folder for the new log is not empty",
               .file = names->front(),
               .next_step = "name an empty folder"};
}

Result<SalvageReport> build_copy(SalvageScanner& scanner, Directory& home) {
  LogBuilder::Place place{.begin = scanner.sources().begin};
  home.random_bytes(place.log);
  SegmentHeader like;
  if (!scanner.sources().segments.empty()) like = scanner.sources().segments.back().header;
  LogBuilder builder(home, std::move(place), std::move(like));
  if (Status ok = builder.build(scanner); !ok) {
    builder.discard();
    return ok.error();
  }
  if (Status ok = builder.publish_segments(); !ok) return ok.error();
  if (Status ok = builder.publish_manifest(); !ok) return ok.error();
  return SalvageReport{builder.entries(), builder.entry_count(), scanner.gaps()};
}

}  // namespace

Result<WalMaintenance> WalMaintenance::open(std::shared_ptr<Directory> directory,
                                            ReadOptions options) try {
  if (!directory) return no_directory();
  const auto home = directory->subdirectory(options.subdirectory, OpenMode::read);
  if (!home) return home.error();
  return WalMaintenance(std::move(directory), std::move(options));
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<std::vector<SegmentInfo>> WalMaintenance::segment_ranges() const try {
  const auto reader = LogReader::open(parent_, options_, std::nullopt);
  if (!reader) return reader.error();
  return reader->segments();
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<VerifyReport> WalMaintenance::verify() const try {
  const auto home = parent_->subdirectory(options_.subdirectory, OpenMode::read);
  if (!home) return home.error();
  auto scanner = scan_of(**home, options_);
  if (!scanner) return scanner.error();
  VerifyReport report;
  for (;;) {
    const auto piece = scanner->next();
    if (!piece) return piece.error();
    if (!*piece) break;
    const FrameHeader& frame = (*piece)->frame.header;
    if (report.entries.empty()) report.entries.first = frame.first;
    report.entries.last = frame.last();
  }
  report.proven_through = std::min(scanner->watermark(), report.entries.last);
  report.damage = scanner->damage();
  const Status judged = judge_end(**home, options_, report);
  if (!judged && scanner->segments_are_whole()) report.damage.push_back(judged.error());
  return report;
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<SalvageReport> WalMaintenance::salvage(std::shared_ptr<Directory> empty_target) const try {
  if (!empty_target) return no_directory();
  const auto home = parent_->subdirectory(options_.subdirectory, OpenMode::read);
  if (!home) return home.error();
  auto scanner = scan_of(**home, options_);
  if (!scanner) return scanner.error();
  const auto target = open_target(*empty_target, options_.subdirectory);
  if (!target) return target.error();
  const auto lock = (*target)->lock();
  if (!lock) return lock.error();
  return build_copy(*scanner, **target);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<RepairPlan> WalMaintenance::plan_repair() const try {
  const auto home = parent_->subdirectory(options_.subdirectory, OpenMode::read);
  if (!home) return home.error();
  const auto live = (*home)->is_locked();
  if (!live) return live.error();
  if (*live) return locked();
  auto repair = log::plan_repair(parent_, **home, options_);
  if (!repair) return repair.error();
  return std::move(repair->plan);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status WalMaintenance::apply(const RepairPlan& plan, EntryIdRange accepted) const try {
  const auto home = parent_->subdirectory(options_.subdirectory, OpenMode::write);
  if (!home) return home.error();
  const auto lock = (*home)->lock();
  if (!lock) return lock.error().code == Errc::locked ? locked() : lock.error();
  const auto repair = log::plan_repair(parent_, **home, options_);
  if (!repair) return repair.error();
  if (repair->plan != plan) {
    return Error{.code = Errc::invalid_argument,
                 .message = "the log is not what the plan was made for",
                 .next_step = "make a new plan"};
  }
  const bool covered = plan.lost.empty() ||
                       (accepted.contains(plan.lost.first) && accepted.contains(plan.lost.last));
  if (!covered) {
    return Error{.code = Errc::invalid_argument,
                 .message = "the plan gives up entries in " + to_string(plan.lost) +
                            "; accepted was " + to_string(accepted),
                 .lost = plan.lost,
                 .next_step = "accept them, or restore the log from a backup"};
  }
  return apply_repair(**home, options_, *repair);
} catch (const std::bad_alloc&) {
  return no_memory();
}

std::string to_string(const VerifyReport& report) {
  std::string text = report.damage.empty() ? "whole" : "damaged";
  text += ": entries " + to_string(report.entries) + "; proven through " +
          to_string(report.proven_through);
  if (report.torn_bytes > 0) {
    text += "; " + std::to_string(report.torn_bytes) + " bytes of an unfinished write";
  }
  if (report.suspect_bytes > 0) {
    text += "; " + std::to_string(report.suspect_bytes) + " suspect bytes";
  }
  for (const Error& damage : report.damage) text += "\n" + to_string(damage);
  return text;
}

std::string to_string(const RepairPlan& plan) {
  if (plan.steps.empty()) return "nothing needs repair";
  std::string text = plan.lost.empty() ? "no acknowledged entry is lost"
                                       : "gives up entries in " + to_string(plan.lost);
  for (const RepairStep& step : plan.steps) {
    text += "\n" + std::string(text_of(step.action)) + " " + step.file;
    if (step.offset > 0) text += " at byte " + std::to_string(step.offset);
    if (step.bytes > 0) text += " (" + std::to_string(step.bytes) + " bytes)";
    text += ": " + step.why;
  }
  return text;
}

std::string to_string(const SalvageReport& report) {
  std::string text = std::to_string(report.entry_count) + " entries in " +
                     to_string(report.entries) + "; " + std::to_string(report.losses.size()) +
                     (report.losses.size() == 1 ? " loss" : " losses");
  for (const Error& loss : report.losses) text += "\n" + to_string(loss);
  return text;
}

}  // namespace walkit
