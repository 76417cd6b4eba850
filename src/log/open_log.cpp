#include "log/open_log.hpp"

#include <algorithm>

#include "base/mutation.hpp"
#include "io/process.hpp"
#include "log/quarantine.hpp"
#include "log/survey.hpp"
#include "log/trim.hpp"

namespace walkit::log {
namespace {

constexpr std::uint64_t kPrefillBytes = 1 << 20;

// `create` also where it is there: who made it may have been killed before its name was durable.
Result<std::shared_ptr<Directory>> open_subdirectory(Directory& parent, const WalOptions& options) {
  if (options.expect_durable_through > EntryId{}) {
    const auto there = parent.subdirectory(options.subdirectory, OpenMode::write);
    if (!there && there.error().code == Errc::not_found) {
      return nothing_there(options.expect_durable_through, "the caller");
    }
  }
  return parent.subdirectory(options.subdirectory, OpenMode::create);
}

Result<std::unique_ptr<DirectoryLock>> take_lock(Directory& directory) {
  auto lock = directory.lock();
  if (lock || lock.error().code != Errc::locked) return lock;
  Error error = lock.error();
  const auto record = read_lock_record(directory);
  if (record && *record) {
    const std::uint64_t holder = (*record)->process;
    error.message += holder == process_id() ? "; this process has a writer open"
                                            : "; it is held by process " + std::to_string(holder) +
                                                  ", or by one that is just opening it";
  }
  error.next_step = "one writer at a time: close the other one, or read beside it";
  return error;
}

// The writer's own part of open: what it carries from the plan into the deeds.
struct Opening {
  LogStart start{};
  std::shared_ptr<Directory> directory{};
  Listing listing{};
  Survey plan{};
  SegmentHeader oldest{};  // if there is a segment
};

Status sweep_temporaries(Opening& opening) {
  auto& swept = opening.start.report.swept_files;
  for (const std::string& name : opening.listing.temporary_files) {
    if (Status ok = opening.directory->remove(name); !ok) return ok;
    swept.push_back(name);
  }
  return {};
}

// What a trim left that was stopped. MANIFEST says so already, but perhaps in one slot only.
Status sweep_trimmed(Opening& opening, ManifestWriter& manifest) {
  RecoveryReport& report = opening.start.report;
  if (opening.listing.leftovers.empty()) return {};
  const SegmentHeader* first = opening.plan.newest ? &opening.oldest : nullptr;
  const Leftovers left = sort_leftovers(*opening.directory, opening.listing, first);
  report.foreign_files.insert(report.foreign_files.end(), left.others.begin(), left.others.end());
  if (left.of_trim.empty()) return {};
  if (Status ok = manifest.begin_later(*first); !ok) return ok;
  report.swept_files.insert(report.swept_files.end(), left.of_trim.begin(), left.of_trim.end());
  return remove_files(*opening.directory, left.of_trim);
}

// No log, and nothing that says there was one.
Status create_log(Opening& opening, const Witnesses& witnesses) {
  if (witnesses.floor > EntryId{}) return nothing_there(witnesses.floor, "the caller");
  if (witnesses.lock && witnesses.lock->durable_through > EntryId{}) {
    return nothing_there(witnesses.lock->durable_through, "the file LOCK");
  }
  if (Status ok = classify_names(*opening.directory, opening.listing); !ok) return ok;
  opening.start.report.foreign_files = opening.listing.foreign_files;
  if (Status ok = sweep_temporaries(opening); !ok) return ok;
  LogIdentity log;
  opening.directory->random_bytes(log);
  auto manifest = ManifestWriter::create(*opening.directory, log);
  if (!manifest) return manifest.error();
  opening.start.manifest = std::move(*manifest);
  opening.start.report.origin = RecoveryReport::Origin::created;
  opening.plan.tail.expected = EntryId{1};
  opening.plan.log = log;
  return {};
}

Status plan_recovery(Opening& opening, const Witnesses& witnesses, const StoredType& type) {
  if (opening.listing.manifest_slot() == nullptr) {
    Error error = opening.listing.warnings.front();
    error.message += "; without MANIFEST nothing proves where the log ends";
    return error;
  }
  const std::uint64_t limit = ~std::uint64_t{0};  // the header's own limit holds
  auto plan = survey(*opening.directory, opening.listing, witnesses, limit);
  if (!plan) return plan.error();
  if (plan->newest) {
    if (Status ok = check_type(*plan->newest, type, plan->newest_file); !ok) return ok;
    auto oldest = open_segment(*opening.directory, opening.listing.segments.front());
    if (!oldest) return oldest.error();
    opening.oldest = std::move(oldest->header);
  }
  opening.plan = std::move(*plan);
  if (Status ok = tail_error(opening.plan); !ok) return ok;
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  if (opening.plan.epoch < kMost && (!opening.plan.newest || opening.plan.newest->number < kMost)) {
    return {};
  }
  return Error{.code = Errc::too_large,
               .message = "no epochs or segment numbers are left in this log"};
}

// A file without a valid header that nothing names: out of the way, kept.
Status set_aside_unborn(Opening& opening) {
  if (!opening.plan.unborn) return {};
  const std::string& file = opening.plan.unborn->file;
  auto quarantine = Quarantine::open(*opening.directory);
  if (!quarantine) return quarantine.error();
  if (Status ok = quarantine->take(file); !ok) return ok;
  if (Status ok = quarantine->sync(); !ok) return ok;
  opening.start.report.quarantined_files.push_back(file);
  return {};
}

SegmentHeader rehomed_header(const Opening& opening, const SegmentHeader& old, Layout layout) {
  const ProvenEnd& end = opening.plan.tail.proven;
  SegmentHeader header = old;  // repeats codec, type and limits
  header.number = old.number + 1;
  header.first = end.last + 1;
  header.epoch = opening.start.epoch;
  header.durable_through = end.last;
  header.rehomed_through =
      opening.plan.tail.last() > end.last ? opening.plan.tail.last() : EntryId{};
  header.created_ns = opening.start.time_ns;
  header.prev_number = old.number;
  header.prev_last = end.last;
  header.prev_end = end.offset;
  header.prev_seal_end = 0;
  header.prev_chain = end.chain;
  header.layout = layout;
  return header;
}

// Every frame behind the proven end, in order, but those that say how a writer ended.
Status copy_unproven(Opening& opening, File& from, const SegmentHeader& old, SegmentWriter& to) {
  const ProvenEnd& end = opening.plan.tail.proven;
  FrameScanner scanner(from, old, ~std::uint64_t{0});
  scanner.seek(end.offset, end.last + 1, end.chain);
  for (;;) {
    const auto frame = scanner.next();
    if (!frame) return frame.error();
    if (!*frame) break;
    const FrameHeader& header = (*frame)->header;
    if (header.is(FrameKind::close) || header.is(FrameKind::seal)) continue;
    Status moved = to.rehome(header, (*frame)->body, old.epoch, end.last);
    if (!moved) return moved;
  }
  if (scanner.expected() == opening.plan.tail.expected) return {};
  return Error{.code = Errc::io,
               .message = "read otherwise than a moment ago: " + to_string(scanner.expected() - 1) +
                          " was the last entry now, " + to_string(opening.plan.tail.last()) +
                          " before",
               .file = opening.plan.newest_file,
               .offset = scanner.position(),
               .next_step = "check the device, then open the log again; nothing was changed"};
}

// Rewrites what is not proven durable: a failed sync leaves pages that read well and are not on the
// device, and syncing them again says yes without writing. One commit point: publish().
Status rehome(Opening& opening, const WalOptions& options) {
  const SegmentHeader& old = *opening.plan.newest;
  auto from = opening.directory->open(opening.plan.newest_file, OpenMode::read);
  if (!from) return from.error();
  const SegmentHeader header = rehomed_header(opening, old, options.layout);
  const bool fills = options.preallocation == Preallocation::zero_fill;
  auto segment = SegmentWriter::prepare(*opening.directory, {header.number, header.first},
                                        fills ? std::min(kPrefillBytes, options.segment_bytes) : 0);
  if (!segment && segment.error().code == Errc::no_space) {
    segment = SegmentWriter::prepare(*opening.directory, {header.number, header.first}, 0);
  }
  if (!segment) return segment.error();
  Status ok = (*segment)->begin(header);
  if (ok) ok = copy_unproven(opening, **from, old, **segment);
  if (!ok) {
    (*segment)->discard(*opening.directory);
    return ok;
  }
  if (ok = (*segment)->publish(*opening.directory); !ok) return ok;
  opening.start.active = std::move(*segment);
  if (header.rehomed_through > EntryId{}) {
    opening.start.report.rewritten = {header.first, header.rehomed_through};
  }
  ManifestSlot slot = opening.start.manifest->current();
  slot.epoch = header.epoch;
  slot.set_last(header);
  slot.durable_through = opening.plan.tail.last();
  slot.clean = false;
  return opening.start.manifest->write(slot);
}

void report_tail(Opening& opening) {
  RecoveryReport& report = opening.start.report;
  const Survey& plan = opening.plan;
  using Origin = RecoveryReport::Origin;
  // Whoever made a segment that was not born, made it after that clean end.
  report.origin = plan.ended_cleanly && !plan.unborn ? Origin::clean_close : Origin::crash;
  report.foreign_files = opening.listing.foreign_files;
  report.warnings = opening.listing.warnings;
  if (plan.decision.verdict == TailVerdict::torn) report.torn_bytes = plan.tail.dirty_bytes;
  if (plan.decision.verdict == TailVerdict::suspect) report.suspect_bytes = plan.tail.dirty_bytes;
  report.entries = {opening.listing.oldest(), plan.tail.last()};
}

// Where the first append's segment will say that the newest one ends.
SegmentEnd end_of_newest(const Survey& plan, const ManifestSlot& slot) {
  if (!plan.newest) {
    return {.number = std::max<std::uint64_t>(slot.first_segment, 1) - 1,
            .last = slot.begins_after};
  }
  if (plan.closed) return *plan.tail.sealed;
  const ProvenEnd& end = plan.tail.proven;
  return {.number = plan.newest->number, .last = end.last, .end = end.offset, .chain = end.chain};
}

#ifdef WALKIT_MUTATIONS
// What many logs do and walkit must not: sync the old tail again, or go on behind it.
Status recover_wrongly(Opening& opening) {
  Survey& plan = opening.plan;
  auto file = opening.directory->open(plan.newest_file, OpenMode::write);
  if (!file) return file.error();
  if (Status ok = (*file)->sync(); !ok) return ok;
  plan.tail.proven.offset = plan.tail.offset;
  plan.tail.proven.last = plan.tail.last();
  plan.tail.proven.chain = plan.tail.chain;
  if (!mutated(Mutation::append_in_place)) return {};
  opening.start.active = SegmentWriter::adopt(plan.newest_file, std::move(*file), *plan.newest,
                                              plan.tail.offset, plan.tail.chain);
  return {};
}
#endif

Status apply(Opening& opening, const WalOptions& options) {
  if (Status ok = set_aside_unborn(opening); !ok) return ok;
  if (Status ok = sweep_temporaries(opening); !ok) return ok;
  auto manifest = ManifestWriter::open(*opening.directory, *opening.listing.manifest);
  if (!manifest) return manifest.error();
  // A manifest names segments after their names are durable, and its own. What it does not name may
  // be there only until the next power cut, and no later name must outlive it.
  const std::uint64_t named = manifest->current().last_segment;
  if (named == 0 || opening.plan.newest->number > named) {
    if (Status ok = opening.directory->sync(); !ok) return ok;
  }
  if (opening.plan.newest) {
    manifest->begin_at(opening.oldest.number, opening.oldest.salt());
    manifest->end_at(*opening.plan.newest);
  }
  report_tail(opening);
  if (Status ok = sweep_trimmed(opening, *manifest); !ok) return ok;
  opening.start.manifest = std::move(*manifest);
  if (opening.plan.decision.action != TailAction::new_segment) return {};
#ifdef WALKIT_MUTATIONS
  if (mutated(Mutation::append_in_place) || mutated(Mutation::resync_instead_of_rewrite)) {
    return recover_wrongly(opening);
  }
#endif
  return rehome(opening, options);
}

bool header_would_differ(const SegmentHeader& header, const StoredType& type,
                         const WalOptions& options) {
  return header.schema != type.schema || header.type_name != type.name ||
         header.max_entry_bytes != options.max_entry_bytes ||
         header.max_frame_bytes != options.max_frame_bytes;
}

}  // namespace

Result<LogStart> open_log(Directory& parent, WalOptions options, StoredType type) {
  if (Status ok = options.validate(); !ok) return ok.error();
  if (type.name.size() > kTypeNameBytesMax) {
    return Error{.code = Errc::invalid_argument,
                 .message = "an entry type's name is at most " + std::to_string(kTypeNameBytesMax) +
                            " bytes"};
  }
  auto directory = open_subdirectory(parent, options);
  if (!directory) return directory.error();
  Opening opening{.directory = std::move(*directory)};
  LogStart& start = opening.start;
  if (options.expect_durable_through > EntryId{}) {
    // Not even LOCK is made where something should be and is not.
    const auto there = list_log(*opening.directory);
    if (!there && there.error().code == Errc::not_found) {
      return nothing_there(options.expect_durable_through, "the caller");
    }
  }
  auto lock = take_lock(*opening.directory);
  if (!lock) return lock.error();
  start.lock = std::move(*lock);
  auto record = read_lock_record(*opening.directory);
  if (!record) return record.error();
  const Witnesses witnesses{.lock = *record, .floor = options.expect_durable_through};

  auto listing = list_log(*opening.directory);
  const bool creates = !listing && listing.error().code == Errc::not_found;
  if (!listing && !creates) return listing.error();
  if (creates) {
    if (Status ok = create_log(opening, witnesses); !ok) return ok.error();
  } else {
    opening.listing = std::move(*listing);
    if (Status ok = plan_recovery(opening, witnesses, type); !ok) return ok.error();
  }
  const Survey& plan = opening.plan;
  if (plan.newest && type.name.empty()) {
    type.name = plan.newest->type_name;
    type.schema = plan.newest->schema;
  }
  start.epoch = mutated(Mutation::epoch_not_raised) ? plan.epoch : plan.epoch + 1;
  const auto now = static_cast<std::uint64_t>(opening.directory->now().count());
  start.time_ns = std::max(plan.tail.time_ns, now);
  if (!creates) {
    if (Status ok = apply(opening, options); !ok) return ok.error();
  }
  start.last = mutated(Mutation::ids_given_again) ? plan.tail.proven.last : plan.tail.last();
  start.previous = end_of_newest(plan, start.manifest->current());
  if (start.active) start.rotate_first = header_would_differ(start.active->header(), type, options);
  auto lock_record = LockRecordWriter::open(*opening.directory);
  if (!lock_record) return lock_record.error();
  start.lock_record = std::move(*lock_record);
  start.process = process_id();
  start.lock_record
      ->write({.log = plan.log,
               .process = start.process,
               .epoch = start.epoch,
               .durable_through = start.last})
      .ignore("LOCK is evidence beside the frames; the entries are durable without it");
  start.directory = std::move(opening.directory);
  start.options = std::move(options);
  start.type = std::move(type);
  return std::move(start);
}

}  // namespace walkit::log
