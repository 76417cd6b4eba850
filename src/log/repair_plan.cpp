#include "log/repair_plan.hpp"

#include <algorithm>

#include "base/mutation.hpp"
#include "log/quarantine.hpp"
#include "walkit/log/log_reader.hpp"

namespace walkit::log {
namespace {

using Action = RepairStep::Action;

constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

std::uint64_t bytes_of(Directory& home, const std::string& file) {
  const auto opened = open_patiently(home, file);
  return opened ? (*opened)->size().value_or(0) : 0;
}

// What is lost for good, where the scan ended.
std::vector<RepairStep> losses_of(const SalvageScanner& scanner) {
  std::vector<RepairStep> losses;
  for (std::size_t i = 0; i < scanner.gaps().size(); ++i) {
    const Error& gap = scanner.gaps()[i];
    if (scanner.is_recorded(i) || gap.lost.empty()) continue;
    losses.push_back(
        {Action::record_loss, gap.file, to_string(gap.lost) + ": " + gap.message, gap.offset, 0});
  }
  return losses;
}

class Planning {
 public:
  Planning(const std::shared_ptr<Directory>& parent, Directory& home, const ReadOptions& options)
      : parent_(parent), home_(home), options_(options) {}

  Result<Repair> run() {
    auto sources = find_sources(home_, options_.expect_durable_through);
    if (!sources) return sources.error();
    if (Status ok = check_something_is_there(*sources); !ok) return ok.error();
    sources_ = std::move(*sources);
    if (sources_.newer) return *sources_.newer;
    const Status judged = judge_log(parent_, home_, options_);
    const Errc code = judged ? Errc{} : judged.error().code;
    if (code == Errc::incompatible || code == Errc::no_memory) return judged.error();
    const bool stopped_repair = begins_anew() && !sources_.replaced_files.empty();
    if (judged && !stopped_repair) return std::move(repair_);
    if (judged) {
      note_files(sources_.replaced_files, "was replaced by a repair");
      return std::move(repair_);
    }
    SalvageScanner scanner(home_, sources_, {});
    if (Status ok = scan(scanner); !ok) return ok.error();
    if (scanner.sources().newer) return *scanner.sources().newer;
    if (repair_.plan.lost.empty() && scanner.segments_are_whole() && names_suffice(scanner)) {
      plan_names(scanner);
    } else if (Status ok = plan_rewrite(scanner, judged.error()); !ok) {
      return ok.error();
    }
    return std::move(repair_);
  }

 private:
  // The log's first segment was made by a repair, or is the first behind another log's.
  [[nodiscard]] bool begins_anew() const {
    if (sources_.segments.empty()) return true;
    const SegmentHeader& first = sources_.segments.front().header;
    return first.prev_number == 0 && first.number > 1;
  }

  void add(RepairStep step) { repair_.plan.steps.push_back(std::move(step)); }

  // What the new segments would be called and what would be lost.
  Status scan(SalvageScanner& scanner) {
    std::uint64_t source = 0;
    for (;;) {
      const auto piece = scanner.next();
      if (!piece) return piece.error();
      if (!*piece) break;
      const FrameHeader& frame = (*piece)->frame.header;
      if (replacements_.empty() || source != (*piece)->segment->number) {
        source = (*piece)->segment->number;
        const EntryId first = replacements_.empty() ? sources_.begin : frame.first;
        replacements_.push_back({Action::write_replacement, "", "", first.value, 0});
        sources_of_.emplace_back((*piece)->file);
      }
      replacements_.back().bytes += kFrameHeaderBytes + frame.stored_bytes;
      repair_.place.rehomed_through[source] = frame.last();
    }
    for (std::size_t i = 0; i < scanner.gaps().size(); ++i) {
      const Error& gap = scanner.gaps()[i];
      if (scanner.is_recorded(i) || gap.lost.empty()) continue;
      EntryIdRange& lost = repair_.plan.lost;
      lost = lost.empty() ? gap.lost : EntryIdRange{lost.first, gap.lost.last};
    }
    repair_.plan.steps = losses_of(scanner);
    return {};
  }

  // Are the segments fine as they stand, with a manifest that fits and without the other files?
  bool names_suffice(const SalvageScanner& scanner) {
    repair_.manifest = manifest_of_segments(scanner);
    Listing listing;
    for (const SalvageSource& segment : sources_.segments) {
      listing.segments.push_back({segment.file, {segment.header.number, segment.header.first}});
    }
    listing.manifest.emplace();
    listing.manifest->slots[0] = repair_.manifest;
    const Witnesses witnesses{.lock = sources_.lock, .floor = options_.expect_durable_through};
    const auto judged = survey(home_, listing, witnesses, kNoLimit);
    return judged && tail_error(*judged).has_value();
  }

  ManifestSlot manifest_of_segments(const SalvageScanner& scanner) {
    ManifestSlot slot{.log = sources_.log,
                      .epoch = sources_.epoch,
                      .durable_through = scanner.watermark(),
                      .clean = sources_.segments.empty(),
                      .begins_after = sources_.begin - 1};
    if (slot.log == LogIdentity{}) home_.random_bytes(slot.log);
    if (sources_.segments.empty()) return slot;
    const SegmentHeader& first = sources_.segments.front().header;
    slot.first_segment = first.number;
    slot.first_salt = first.salt();
    slot.begins_after = first.first - 1;
    slot.set_last(sources_.segments.back().header);
    return slot;
  }

  void plan_names(const SalvageScanner& scanner) {
    const ManifestSlot& fitting = *repair_.manifest;
    const ManifestSlot* slot = sources_.slot();
    const bool fits =
        slot != nullptr && slot->first_segment == fitting.first_segment &&
        slot->first_salt == fitting.first_salt && slot->last_segment == fitting.last_segment &&
        slot->last_salt == fitting.last_salt && slot->begins_after == fitting.begins_after &&
        slot->durable_through <= scanner.watermark();
    if (fits) {
      repair_.manifest.reset();
    } else {
      add({Action::rebuild_manifest, std::string(kManifestName),
           "from the headers of the segments, which are whole", 0, kManifestBytes});
    }
    note_manifest_file();
    note_files(sources_.unused_files, "is no segment of this log");
    note_files(sources_.replaced_files, "was replaced by a repair");
    note_temporaries();
  }

  Status plan_rewrite(const SalvageScanner& scanner, const Error& why) {
    std::uint64_t number = 0;
    for (const SegmentFile& f : sources_.listing.segments) number = std::max(number, f.name.number);
    for (const SalvageSource& s : sources_.segments) number = std::max(number, s.header.number);
    if (const ManifestSlot* slot = sources_.slot()) number = std::max(number, slot->last_segment);
    if (number > kNoLimit / 2 || sources_.epoch > kNoLimit / 2) {
      return Error{.code = Errc::too_large,
                   .message = "no epochs or segment numbers are left in this log"};
    }
    repair_.rewrites = true;
    repair_.manifest.reset();
    // One number is left out, so that nobody takes the new segments for successors of the old.
    repair_.place.first_number = number + 2;
    repair_.place.epoch = sources_.epoch + 1;
    repair_.place.begin = sources_.begin;
    repair_.place.log = sources_.log;
    if (sources_.log == LogIdentity{}) home_.random_bytes(repair_.place.log);
    if (!sources_.segments.empty()) repair_.like = sources_.segments.back().header;
    name_replacements(scanner);
    add({Action::rebuild_manifest, std::string(kManifestName), "for the new segments", 0,
         kManifestBytes});
    note_manifest_file();
    const std::string reason = "kept as it is; the log is written anew: " + why.message;
    for (const SegmentFile& f : sources_.listing.segments) note_files({f.file}, reason);
    note_temporaries();
    return {};
  }

  void name_replacements(const SalvageScanner& scanner) {
    if (replacements_.empty() && scanner.expected() > sources_.begin) {
      replacements_.push_back({Action::write_replacement, "", "", sources_.begin.value, 0});
      sources_of_.emplace_back("");
    }
    for (std::size_t i = 0; i < replacements_.size(); ++i) {
      RepairStep& step = replacements_[i];
      step.file = to_string(SegmentName{repair_.place.first_number + i, EntryId{step.offset}});
      step.offset = 0;
      step.why = sources_of_[i].empty() ? "what is recorded as lost"
                                        : "the entries of " + sources_of_[i] + " that verify";
      add(step);
    }
  }

  void note_manifest_file() {
    const auto names = home_.list();
    repair_.has_manifest =
        names && std::find(names->begin(), names->end(), kManifestName) != names->end();
  }

  void note_files(const std::vector<std::string>& files, const std::string& why) {
    for (const std::string& file : files) {
      repair_.set_aside.push_back(file);
      add({Action::quarantine_file, file, why, 0, bytes_of(home_, file)});
    }
  }

  void note_temporaries() {
    repair_.temporary_files = sources_.listing.temporary_files;
    for (const std::string& file : repair_.temporary_files) {
      add({Action::remove_temporary, file, "was never finished", 0, bytes_of(home_, file)});
    }
  }

  const std::shared_ptr<Directory>& parent_;
  Directory& home_;
  const ReadOptions& options_;
  SalvageSources sources_{};
  Repair repair_{};
  std::vector<RepairStep> replacements_{};  // offset: the first id, until they are named
  std::vector<std::string> sources_of_{};
};

}  // namespace

Status check_something_is_there(const SalvageSources& sources) {
  const bool nothing = sources.listing.segments.empty() && sources.segments.empty() &&
                       sources.watermark == EntryId{};
  if (!nothing || sources.listing.manifest || sources.newer) return {};
  for (const Error& error : sources.damage) {
    if (error.code == Errc::io) return error;  // there may be a MANIFEST
  }
  return Error{.code = Errc::not_found,
               .message = "there is no log here: neither MANIFEST nor a segment",
               .next_step = "check the folder's name"};
}

namespace {

// A folder as it looks with no writer there: apply() holds the lock itself.
class WithoutLock final : public Directory {
 public:
  explicit WithoutLock(std::shared_ptr<Directory> inner) : inner_(std::move(inner)) {}

  Result<std::shared_ptr<Directory>> subdirectory(std::string_view name, OpenMode mode) override {
    auto folder = inner_->subdirectory(name, mode);
    if (!folder) return folder.error();
    return std::shared_ptr<Directory>(std::make_shared<WithoutLock>(std::move(*folder)));
  }
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    return inner_->open(name, mode);
  }
  Result<std::vector<std::string>> list() override { return inner_->list(); }
  Status rename(Rename names) override { return inner_->rename(names); }
  Status remove(std::string_view name) override { return inner_->remove(name); }
  Status sync() override { return inner_->sync(); }
  Result<std::unique_ptr<DirectoryLock>> lock() override { return inner_->lock(); }
  Result<bool> is_locked() override { return false; }
  void random_bytes(std::span<std::byte> into) override { inner_->random_bytes(into); }
  std::chrono::nanoseconds now() override { return inner_->now(); }

 private:
  std::shared_ptr<Directory> inner_;
};

}  // namespace

Status judge_log(const std::shared_ptr<Directory>& parent, Directory& home,
                 const ReadOptions& options) {
  ReadOptions all = options;
  all.entry_type = {};
  all.frame_bytes_max = kNoLimit;
  const auto reader = LogReader::open(std::make_shared<WithoutLock>(parent), all, std::nullopt);
  if (!reader) return reader.error();
  const auto replayed = reader->replay(ReplayMode::best_effort, {},
                                       [](const EntryView&) -> Result<Step> { return Step::next; });
  if (!replayed) return replayed.error();
  const auto listing = list_log(home);
  if (!listing) return listing.error();
  if (listing->manifest_slot() == nullptr) return listing->warnings.front();
  return {};
}

Result<Repair> plan_repair(const std::shared_ptr<Directory>& parent, Directory& home,
                           const ReadOptions& options) {
  return Planning(parent, home, options).run();
}

namespace {

Status put_manifest(Directory& home, const Repair& repair) {
  if (repair.has_manifest) {
    if (Status ok = set_aside(home, {std::string(kManifestName)}); !ok) return ok;
  }
  return publish_temporary_manifest(home);
}

// A read that fails now and did not when it was planned would be one more loss, accepted by nobody.
Status check_losses(const SalvageScanner& scanner, const Repair& repair) {
  std::vector<RepairStep> planned = repair.plan.steps;
  std::erase_if(planned, [](const RepairStep& s) { return s.action != Action::record_loss; });
  const std::vector<RepairStep> found = losses_of(scanner);
  if (found == planned) return {};
  Error error{.code = Errc::io,
              .message = "read otherwise than when it was planned: there are " +
                         std::to_string(found.size()) + " losses, planned were " +
                         std::to_string(planned.size()),
              .next_step = "check the device, then make a new plan; nothing was changed"};
  for (const RepairStep& loss : found) {
    if (std::find(planned.begin(), planned.end(), loss) != planned.end()) continue;
    error.file = loss.file;
    error.offset = loss.offset;
    break;
  }
  return error;
}

Status write_new_segments(Directory& home, const ReadOptions& options, const Repair& repair) {
  auto sources = find_sources(home, options.expect_durable_through);
  if (!sources) return sources.error();
  SalvageScanner scanner(home, std::move(*sources), {});
  LogBuilder builder(home, repair.place, repair.like);
  Status built = builder.build(scanner);
  if (built) built = check_losses(scanner, repair);
  if (!built) {
    builder.discard();
    return built;
  }
  if (mutated(Mutation::repair_manifest_first)) {
    if (Status ok = put_manifest(home, repair); !ok) return ok;
  }
  if (mutated(Mutation::repair_old_away_first)) {
    if (Status ok = set_aside(home, repair.set_aside); !ok) return ok;
  }
  return builder.publish_segments();
}

}  // namespace

// The log begins with the newest segment that has no predecessor, once it has its name: so a crash
// before leaves the old segments in charge, and one behind it leaves a plan that only moves names.
Status apply_repair(Directory& home, const ReadOptions& options, const Repair& repair) {
  if (repair.plan.steps.empty()) return {};
  if (repair.rewrites) {
    if (Status ok = write_new_segments(home, options, repair); !ok) return ok;
  } else if (repair.manifest) {
    if (Status ok = write_temporary_manifest(home, *repair.manifest); !ok) {
      LogBuilder(home, {}, {}).discard();
      return ok;
    }
  }
  const bool named = repair.rewrites && mutated(Mutation::repair_manifest_first);
  if ((repair.rewrites || repair.manifest) && !named) {
    if (Status ok = put_manifest(home, repair); !ok) return ok;
  }
  const bool moved = repair.rewrites && mutated(Mutation::repair_old_away_first);
  if (!moved) {
    if (Status ok = set_aside(home, repair.set_aside); !ok) return ok;
  }
  for (const std::string& file : repair.temporary_files) {
    // It may have become one of the new files meanwhile.
    Status ok = home.remove(file);
    if (!ok && ok.error().code != Errc::not_found) return ok;
  }
  return home.sync();
}

}  // namespace walkit::log
