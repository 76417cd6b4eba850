#include "walkit/log/maintenance.hpp"

#include <algorithm>
#include <new>

#include "io/copy_file.hpp"
#include "log/backup.hpp"
#include "log/continue_log.hpp"
#include "log/log_core.hpp"
#include "log/repair_plan.hpp"
#include "log/salvage.hpp"
#include "log/snapshot.hpp"
#include "log/trim.hpp"
#include "walkit/log/log_reader.hpp"

namespace walkit {
namespace {

constexpr std::string_view kNewLog = "new log";

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
          .next_step = "close it first, or ask its maintenance()"};
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

std::string text_of(const TrimHold& hold) {
  switch (hold.by) {
    case TrimHold::By::keep:
      return "it has entries to be kept";
    case TrimHold::By::newest_segment:
      return "it is the newest";
    case TrimHold::By::retention:
      return "it is retained by size or age";
    case TrimHold::By::pin:
      return hold.name.empty() ? "it is pinned by this process" : "it is pinned by " + hold.name;
    case TrimHold::By::observer:
      return "the observer keeps it";
  }
  return "";
}

// In the folder of that name, which is empty.
Result<SalvageReport> build_copy(SalvageScanner& scanner, Directory& target,
                                 const std::string& name,
                                 std::optional<EntryId> forked_behind = {}) {
  const auto folder = io::open_empty(target, name, kNewLog);
  if (!folder) return folder.error();
  Directory& home = **folder;
  const auto lock = home.lock();
  if (!lock) return lock.error();
  LogBuilder::Place place{.begin = scanner.sources().begin};
  home.random_bytes(place.log);
  SegmentHeader like;
  if (!scanner.sources().segments.empty()) like = scanner.sources().segments.back().header;
  if (forked_behind) place.parent = {Marker::Kind::parent, *forked_behind, like.log};
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
  auto place = std::make_shared<CarePlace>(std::move(directory), std::move(options));
  return WalMaintenance(std::move(place), nullptr);
} catch (const std::bad_alloc&) {
  return no_memory();
}

const std::string& WalMaintenance::subdirectory() const {
  static const std::string kNone;
  return place_ ? place_->options.subdirectory : kNone;
}

Result<std::shared_ptr<Directory>> WalMaintenance::home(OpenMode mode) const {
  if (!place_) return Error{.code = Errc::closed, .message = "moved from"};
  return place_->parent->subdirectory(place_->options.subdirectory, mode);
}

Result<std::vector<SegmentInfo>> WalMaintenance::segment_ranges() const try {
  if (const auto there = home(OpenMode::read); !there) return there.error();
  const auto reader = LogReader::open(place_->parent, place_->options, std::nullopt);
  if (!reader) return reader.error();
  return reader->segments();
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<EntryId> WalMaintenance::trim_before(EntryId keep, Retention retention) const try {
  if (core_) return core_->trim_before(keep, retention);
  const auto home = this->home(OpenMode::write);
  if (!home) return home.error();
  const auto lock = (*home)->lock();
  if (!lock) return lock.error().code == Errc::locked ? locked() : lock.error();
  const std::lock_guard turn(place_->care);
  return trim_offline(**home, {keep, retention, &place_->pins});
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<TrimPlan> WalMaintenance::plan_trim(EntryId keep, Retention retention) const try {
  const auto home = this->home(OpenMode::read);
  if (!home) return home.error();
  WalObserver* observer = core_ ? core_->options().observer.get() : nullptr;
  auto trim = think_trim_through(**home, {keep, retention, &place_->pins, observer});
  if (!trim) return trim.error();
  return std::move(trim->plan);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status WalMaintenance::continue_after(std::shared_ptr<Directory> directory, EntryId through,
                                      ReadOptions options, LogIdentity log) try {
  if (!directory) return no_directory();
  if (through == EntryId::max()) {
    return Error{.code = Errc::invalid_argument, .message = "there is no entry behind that one"};
  }
  const auto home = directory->subdirectory(options.subdirectory, OpenMode::create);
  if (!home) return home.error();
  const auto lock = (*home)->lock();
  if (!lock) return lock.error().code == Errc::locked ? locked() : lock.error();
  return continue_log(**home, through, log);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<VerifyReport> WalMaintenance::verify() const try {
  const auto home = this->home(OpenMode::read);
  if (!home) return home.error();
  auto scanner = scan_of(**home, place_->options);
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
  const Status judged = judge_end(**home, place_->options, report);
  if (!judged && scanner->segments_are_whole()) report.damage.push_back(judged.error());
  return report;
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<SalvageReport> WalMaintenance::salvage(std::shared_ptr<Directory> empty_target) const try {
  if (!empty_target) return no_directory();
  const auto home = this->home(OpenMode::read);
  if (!home) return home.error();
  auto scanner = scan_of(**home, place_->options);
  if (!scanner) return scanner.error();
  return build_copy(*scanner, *empty_target, place_->options.subdirectory);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<SalvageReport> WalMaintenance::fork(std::shared_ptr<Directory> empty_target,
                                           EntryId behind) const try {
  if (!empty_target) return no_directory();
  const auto home = this->home(OpenMode::read);
  if (!home) return home.error();
  const auto pinned = pin(EntryId{});
  auto scanner = scan_of(**home, place_->options);
  if (!scanner) return scanner.error();
  if (behind < scanner->sources().begin) {
    return Error{.code = Errc::gap,
                 .message = "entry " + to_string(behind) + " is not in the log, which begins at " +
                            to_string(scanner->sources().begin),
                 .next_step = "fork behind an entry that is there"};
  }
  return build_copy(*scanner, *empty_target, place_->options.subdirectory, behind);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<BackupReport> WalMaintenance::backup(std::shared_ptr<Directory> empty_target) const try {
  if (!empty_target) return no_directory();
  const auto home = this->home(OpenMode::read);
  if (!home) return home.error();
  const auto copy = io::open_empty(*empty_target, place_->options.subdirectory, kNewLog);
  if (!copy) return copy.error();
  const auto lock = (*copy)->lock();
  if (!lock) return lock.error();
  // A writer that is done for has a log nonetheless.
  const auto pinned = pin(EntryId{});
  return back_up(**home, **copy, place_->options);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<VerifyReport> WalMaintenance::verify_backup(std::shared_ptr<Directory> target,
                                                   ReadOptions options) try {
  if (!target) return no_directory();
  const auto copy = target->subdirectory(options.subdirectory, OpenMode::read);
  if (!copy) return copy.error();
  const auto list = read_backup_list(**copy);
  if (!list) return list.error();
  std::vector<Error> damage;
  if (Status ok = check_backup_files(**copy, *list, damage); !ok) return ok.error();
  const auto log = open(std::move(target), std::move(options));
  if (!log) return log.error();
  auto report = log->verify();
  if (!report) return report;
  report->damage.insert(report->damage.begin(), damage.begin(), damage.end());
  return report;
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<RepairPlan> WalMaintenance::plan_repair() const try {
  const auto home = this->home(OpenMode::read);
  if (!home) return home.error();
  const auto live = (*home)->is_locked();
  if (!live) return live.error();
  if (*live) return locked();
  auto repair = log::plan_repair(place_->parent, **home, place_->options);
  if (!repair) return repair.error();
  return std::move(repair->plan);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status WalMaintenance::apply(const RepairPlan& plan, EntryIdRange accepted) const try {
  const auto home = this->home(OpenMode::write);
  if (!home) return home.error();
  const auto lock = (*home)->lock();
  if (!lock) return lock.error().code == Errc::locked ? locked() : lock.error();
  const auto repair = log::plan_repair(place_->parent, **home, place_->options);
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
  return apply_repair(**home, place_->options, *repair);
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

std::string to_string(const BackupReport& report) {
  return "entries " + to_string(report.entries) + ", " + std::to_string(report.bytes) +
         " bytes; segments: " + std::to_string(report.linked_files) + " linked, " +
         std::to_string(report.copied_files) + " copied";
}

std::string to_string(const TrimPlan& plan) {
  std::string text = std::to_string(plan.bytes) + " bytes in " +
                     std::to_string(plan.segments.size()) +
                     (plan.segments.size() == 1 ? " segment" : " segments") +
                     " would go; the oldest entry left: " + to_string(plan.oldest);
  for (const SegmentInfo& segment : plan.segments) {
    text += "\nremove " + segment.file + ": entries " + to_string(segment.entries) + ", " +
            std::to_string(segment.bytes) + " bytes";
  }
  for (const TrimHold& hold : plan.held_by) text += "\nthe next stays: " + text_of(hold);
  for (const std::string& name : plan.overrun_pins) {
    text += "\nthe pin " + name + " holds no more: the log is larger than it allows";
  }
  return text;
}

}  // namespace walkit
