#include "log/survey.hpp"

#include <algorithm>

#include "base/mutation.hpp"

namespace walkit::log {
namespace {

// A trim that moves the log's begin between two reads makes a look doubtful; there is an end to
// looking.
constexpr int kLooksMax = 1000;

constexpr std::string_view kAfterDamage =
    "keep a copy of the folder, then `walkit repair DIR` shows what can be mended, and `walkit "
    "salvage DIR -o OUT` saves what still reads";

Status take_manifest(Result<ManifestView> manifest, Listing& listing) {
  if (!manifest && manifest.error().code != Errc::not_found) return manifest.error();
  if (!manifest) {
    if (listing.segments.empty()) {
      return Error{.code = Errc::not_found,
                   .message = "there is no log here: neither MANIFEST nor a segment",
                   .next_step = "open it for writing to create it, or check the folder's name"};
    }
    listing.warnings.push_back(
        damage(kManifestName, "is missing; what it would prove about the log's ends is unproven"));
    return {};
  }
  listing.warnings = manifest->faults;
  if (manifest->newest() == nullptr && listing.segments.empty()) return manifest->faults.front();
  listing.manifest = std::move(*manifest);
  return {};
}

Status check_order(const std::vector<SegmentFile>& segments) {
  for (std::size_t i = 1; i < segments.size(); ++i) {
    const SegmentName &before = segments[i - 1].name, &here = segments[i].name;
    if (here.number == before.number) return damage(segments[i].file, "two files of one number");
    if (here.first < before.first) {
      return damage(segments[i].file, "begins with a lower id than the segment before it");
    }
    if (here.number != before.number + 1) {
      return damage(segments[i].file,
                    "the segments before it, from number " + std::to_string(before.number + 1) +
                        ", are missing",
                    {before.first, here.first - 1});
    }
  }
  return {};
}

Status check_numbers(const Listing& listing) {
  const auto& segments = listing.segments;
  if (Status ok = check_order(segments); !ok) return ok;
  const ManifestSlot* slot = listing.manifest_slot();
  if (slot == nullptr) return {};
  const std::uint64_t newest = segments.empty() ? 0 : segments.back().name.number;
  if (newest < slot->last_segment) {
    return damage(kManifestName,
                  "names segment " + std::to_string(slot->last_segment) + ", which is missing",
                  {slot->last_segment_first, slot->durable_through});
  }
  if (segments.empty()) return {};
  const SegmentName& oldest = segments.front().name;
  const std::uint64_t first = std::max<std::uint64_t>(slot->first_segment, 1);
  if (oldest.number != first) {
    return damage(
        kManifestName,
        "names segment " + std::to_string(first) + ", which is missing, as the log's first",
        {slot->oldest(), oldest.first - 1});
  }
  if (oldest.first == slot->oldest()) return {};
  return damage(kManifestName, "says that the log begins with entry " + to_string(slot->oldest()) +
                                   "; its first segment begins with " + to_string(oldest.first));
}

Status check_against_manifest(const ManifestSlot* slot, const OpenSegment& segment,
                              std::string_view file) {
  if (slot == nullptr) return {};
  const SegmentHeader& header = segment.header;
  if (header.log != slot->log) return damage(file, "belongs to another log");
  const bool knows_first = slot->last_segment != 0 && header.number == slot->first_segment;
  const bool other_life =
      (header.number == slot->last_segment && header.salt() != slot->last_salt) ||
      (knows_first && header.salt() != slot->first_salt);
  if (other_life) return damage(file, "is of another life of this log than the manifest says");
  return {};
}

// The header says where its predecessor ends and the one before must be what it says. `here` is a
// place in the listing.
Status check_predecessor(Directory& directory, const Listing& listing, std::size_t here,
                         const SegmentHeader& header) {
  if (here == 0) return {};
  const auto before = open_segment(directory, listing.segments[here - 1]);
  if (!before && before.error().code == Errc::gap) return {};  // trimmed since
  if (!before) return before.error();
  return check_link(before->header, header, listing.segments[here].file);
}

RemainderEvidence remainder_of(const Survey& survey) {
  if (survey.closed) return RemainderEvidence::clean_close;
  const bool all = survey.tail.proven.offset == survey.tail.offset;
  return all ? RemainderEvidence::nothing : RemainderEvidence::frames;
}

WatermarkEvidence watermark_of(const Survey& survey) {
  if (mutated(Mutation::watermark_not_asked)) return WatermarkEvidence::below;
  const bool looks_torn = survey.tail.shape == TailShape::explained;
  if (looks_torn && mutated(Mutation::torn_by_shape_alone)) return WatermarkEvidence::below;
  return survey.proven >= survey.tail.expected ? WatermarkEvidence::covers
                                               : WatermarkEvidence::below;
}

// What stands outside the segments. A LOCK of another log is no evidence.
void take_witnesses(Survey& result, const ManifestSlot* slot, const Witnesses& witnesses) {
  result.proven = std::max(result.proven, witnesses.floor);
  if (slot != nullptr) result.proven = std::max(result.proven, slot->durable_through);
  if (!witnesses.lock || witnesses.lock->log != result.log) return;
  result.proven = std::max(result.proven, witnesses.lock->durable_through);
  result.epoch = std::max(result.epoch, witnesses.lock->epoch);
}

// With no segment there is nothing to judge but that nothing is missing.
Survey survey_of_nothing(const ManifestSlot* slot, const Witnesses& witnesses) {
  Survey result;
  result.tail.expected = EntryId{1};
  if (slot != nullptr) {
    result.tail.expected = slot->oldest();
    result.log = slot->log;
    result.epoch = slot->epoch;
    result.ended_cleanly = result.closed = slot->clean;
  }
  take_witnesses(result, slot, witnesses);
  if (result.proven >= result.tail.expected) {
    result.decision = {TailVerdict::lost_acknowledged, TailAction::refuse};
  }
  return result;
}

// MANIFEST, all of it, says that this segment was closed, and nothing else that more was durable.
bool was_closed(const Survey& result, const Listing& listing) {
  const ManifestSlot* slot = listing.manifest_slot();
  return slot != nullptr && listing.manifest->faults.empty() && slot->clean && !result.unborn &&
         slot->last_segment == result.newest->number && slot->durable_through == result.proven;
}

// From its end alone where a clean close proves it, so that such a log opens at once. Any doubt,
// and all of it is read.
Result<Tail> look_at_tail(File& file, const Survey& result, const Listing& listing,
                          std::uint64_t frame_bytes_max) {
  if (was_closed(result, listing)) {
    const auto closed = read_closed_tail(file, *result.newest, result.proven);
    if (!closed) return closed.error();
    if (*closed) return **closed;
  }
  return read_tail(file, *result.newest, frame_bytes_max, result.proven);
}

Status judge_tail(Survey& result, File& file, const Listing& listing,
                  std::uint64_t frame_bytes_max) {
  const auto tail = look_at_tail(file, result, listing, frame_bytes_max);
  if (!tail) {
    Error error = tail.error();
    if (error.file.empty()) error.file = result.newest_file;
    return error;
  }
  const ManifestSlot* slot = listing.manifest_slot();
  result.tail = *tail;
  result.proven = std::max(result.proven, tail->watermark);
  result.ended_cleanly = slot != nullptr && slot->clean &&
                         slot->last_segment == result.newest->number &&
                         slot->durable_through == tail->last() && tail->shape == TailShape::zeros;
  result.closed = result.ended_cleanly && tail->sealed.has_value();
  result.decision = decide({.watermark = watermark_of(result),
                            .shape = tail->shape,
                            .remainder = remainder_of(result),
                            .layout = result.newest->layout});
  return {};
}

}  // namespace

Error damage(std::string_view file, std::string message, EntryIdRange lost, std::uint64_t offset) {
  return {.code = Errc::corrupt,
          .message = std::move(message),
          .file = std::string(file),
          .offset = offset,
          .lost = lost,
          .next_step = std::string(kAfterDamage)};
}

Error no_directory() {
  return {.code = Errc::invalid_argument,
          .message = "the directory is a null pointer",
          .next_step =
              "hand over one of FsDirectory::open() or MemoryDirectory; it may have been "
              "moved from"};
}

Error nothing_there(EntryId known, std::string_view witness) {
  return {.code = Errc::corrupt,
          .message = "there is no log here, but " + std::string(witness) + " says that entry " +
                     to_string(known) + " was durable",
          .lost = {EntryId{1}, known},
          .next_step = "check the folder's name, or restore it from a backup"};
}

Error newer_frame(std::string_view file, std::uint64_t offset) {
  return {.code = Errc::incompatible,
          .message = "a frame of a kind this walkit does not know",
          .file = std::string(file),
          .offset = offset,
          .next_step = "open it with the walkit that wrote it, or a newer one"};
}

bool may_be_unborn(const std::optional<ManifestView>& manifest, const SegmentName& segment) {
  const bool whole = manifest && manifest->faults.empty();
  const ManifestSlot* slot = whole ? manifest->newest() : nullptr;
  return slot != nullptr && segment.number > slot->last_segment;
}

Status classify_names(Directory& directory, Listing& listing) {
  const auto names = directory.list();
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (const auto segment = parse_segment_name(name)) {
      listing.segments.push_back({name, *segment});
    } else if (is_temporary_name(name)) {
      listing.temporary_files.push_back(name);
    } else if (name != kManifestName && name != kLockFileName && name != kQuarantineName &&
               name != kPinsName && name != kBackupListName) {
      listing.foreign_files.push_back(name);
    }
  }
  return {};
}

namespace {

Result<Listing> look_at_names(Directory& directory, std::optional<ManifestView>& seen) {
  Listing listing;
  // Before the names: beside a writer they are only added, so that what it names is there, or it
  // says something else by now.
  auto manifest = read_manifest(directory);
  seen = manifest ? std::optional(*manifest) : std::nullopt;
  if (Status ok = classify_names(directory, listing); !ok) return ok.error();
  if (Status ok = take_manifest(std::move(manifest), listing); !ok) return ok.error();
  // Files of a trim or a repair that was stopped behind the manifest: not part of the log.
  if (const ManifestSlot* slot = listing.manifest_slot()) {
    const auto first =
        std::find_if(listing.segments.begin(), listing.segments.end(),
                     [&](const SegmentFile& s) { return s.name.number >= slot->first_segment; });
    listing.leftovers.assign(listing.segments.begin(), first);
    listing.segments.erase(listing.segments.begin(), first);
  }
  if (Status ok = check_numbers(listing); !ok) return ok.error();
  return listing;
}

bool was_written_since(Directory& directory, const std::optional<ManifestView>& seen) {
  const auto generation = [](const ManifestSlot* slot) { return slot ? slot->generation : 0; };
  const auto now = read_manifest(directory);
  return seen && now && generation(now->newest()) != generation(seen->newest());
}

}  // namespace

Result<Listing> list_log(Directory& directory) {
  for (int looks = 1;; ++looks) {
    std::optional<ManifestView> seen;
    auto listing = look_at_names(directory, seen);
    const bool doubtful = !listing && listing.error().code == Errc::corrupt && looks < kLooksMax;
    if (!doubtful || !was_written_since(directory, seen)) return listing;
  }
}

Error trimmed(EntryId wanted, EntryId oldest) {
  return {.code = Errc::gap,
          .message =
              "entry " + to_string(wanted) + " was asked for; the oldest is " + to_string(oldest),
          .lost = {wanted, oldest - 1},
          .next_step = "begin at the oldest entry, or from a checkpoint"};
}

Error missing_segment(Directory& directory, const SegmentFile& segment, Error missing) {
  const auto manifest = read_manifest(directory);
  const ManifestSlot* slot = manifest ? manifest->newest() : nullptr;
  if (slot == nullptr || segment.name.number >= slot->first_segment) return missing;
  return trimmed(segment.name.first, slot->oldest());
}

namespace {

Result<std::unique_ptr<File>> open_file(Directory& directory, const SegmentFile& segment) {
  auto file = directory.open(segment.file, OpenMode::read);
  const bool missing = !file && file.error().code == Errc::not_found;
  return missing ? missing_segment(directory, segment, file.error()) : std::move(file);
}

}  // namespace

Result<OpenSegment> open_segment(Directory& directory, const SegmentFile& segment) {
  auto file = open_file(directory, segment);
  if (!file) return file.error();
  Bytes bytes(kHeaderBytesMax);
  const auto got = (*file)->read_at(0, bytes);
  if (!got) return got.error();
  bytes.resize(*got);
  auto header = decode_segment_header(bytes);
  if (!header) {
    Error error = header.error();
    error.file = segment.file;
    if (error.next_step.empty()) error.next_step = kAfterDamage;
    return error;
  }
  if (header->number != segment.name.number || header->first != segment.name.first) {
    return damage(segment.file, "its header says that it is segment " +
                                    std::to_string(header->number) + " beginning with entry " +
                                    to_string(header->first));
  }
  return OpenSegment{std::move(*file), std::move(*header)};
}

Result<std::uint64_t> size_of(Directory& directory, const SegmentFile& segment) {
  const auto file = open_file(directory, segment);
  if (!file) return file.error();
  return (*file)->size();
}

Status drop_unborn(Directory& directory, Listing& listing) {
  if (listing.segments.empty()) return {};
  const SegmentFile& newest = listing.segments.back();
  if (!may_be_unborn(listing.manifest, newest.name)) return {};
  const auto opened = open_segment(directory, newest);
  if (opened) return {};
  if (opened.error().code != Errc::corrupt) return opened.error();
  listing.segments.pop_back();
  return {};
}

Result<Listing> list_born(Directory& directory) {
  auto listing = list_log(directory);
  if (!listing) return listing;
  if (Status ok = drop_unborn(directory, *listing); !ok) return ok.error();
  return listing;
}

Status check_link(const SegmentHeader& previous, const SegmentHeader& next, std::string_view file) {
  const bool follows = next.log == previous.log && next.prev_number == previous.number &&
                       next.prev_last + 1 == next.first && next.first >= previous.first &&
                       next.epoch >= previous.epoch;
  if (follows) return {};
  return damage(file, "does not follow segment " + std::to_string(previous.number) +
                          ": another log, another life, or ids that do not meet");
}

Result<Survey> survey(Directory& directory, const Listing& listing, const Witnesses& witnesses,
                      std::uint64_t frame_bytes_max) {
  const ManifestSlot* slot = listing.manifest_slot();
  Survey result = survey_of_nothing(slot, witnesses);
  for (std::size_t i = listing.segments.size(); i-- > 0;) {
    const SegmentFile& newest = listing.segments[i];
    const auto segment = open_segment(directory, newest);
    if (!segment) {
      // Headers are written before the name is given, so a file the manifest does not know holds
      // nothing that was ever acknowledged.
      const bool named = !may_be_unborn(listing.manifest, newest.name);
      const HeaderEvidence header = named ? HeaderEvidence::damaged : HeaderEvidence::unborn;
      const bool unreadable = segment.error().code != Errc::corrupt;
      if (unreadable || decide({.header = header}).action == TailAction::refuse || result.unborn) {
        Error error = segment.error();
        if (!unreadable) error.lost = {newest.name.first, result.proven};
        return error;
      }
      result.unborn = newest;
      continue;
    }
    if (Status ok = check_against_manifest(slot, *segment, newest.file); !ok) return ok.error();
    if (Status ok = check_predecessor(directory, listing, i, segment->header); !ok) {
      return ok.error();
    }
    result.decision = {};
    result.newest = segment->header;
    result.newest_file = newest.file;
    result.log = segment->header.log;
    result.epoch = std::max(result.epoch, segment->header.epoch);
    take_witnesses(result, slot, witnesses);
    if (Status ok = judge_tail(result, *segment->file, listing, frame_bytes_max); !ok) {
      return ok.error();
    }
    return result;
  }
  return result;
}

Status tail_error(const Survey& survey) {
  const Tail& tail = survey.tail;
  const auto error = [&](Errc code, std::string message) {
    Error result = damage(survey.newest_file, std::move(message), {}, tail.offset);
    result.code = code;
    return result;
  };
  switch (survey.decision.verdict) {
    case TailVerdict::clean:
    case TailVerdict::torn:
    case TailVerdict::suspect:
    case TailVerdict::unborn:
      return {};
    case TailVerdict::lost_acknowledged: {
      Error lost = error(Errc::corrupt, "the log ends after entry " + to_string(tail.last()) +
                                            ", but entry " + to_string(survey.proven) +
                                            " is known to have been durable");
      lost.lost = {tail.expected, survey.proven};
      return lost;
    }
    case TailVerdict::damaged:
    case TailVerdict::header_damaged:
      return error(Errc::corrupt, "holds " + std::to_string(tail.dirty_bytes) +
                                      " bytes that are no frame and that no crash leaves behind");
    case TailVerdict::newer:
      return newer_frame(survey.newest_file, tail.offset);
  }
  return {};
}

}  // namespace walkit::log
