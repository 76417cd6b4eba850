#include "log/salvage_sources.hpp"

#include <algorithm>
#include <map>

namespace walkit::log {
namespace {

// What a frame may be where nothing tells the log's own limits.
constexpr std::uint32_t kFrameBytesMax = 1u << 30;
constexpr std::uint64_t kEpochsTried = 1000;

// A file of ours, its header read.
struct Candidate {
  std::string file{};
  std::optional<SegmentName>
      name{};  // none: MANIFEST or LOCK, for the case that files were swapped
  std::optional<SegmentHeader> header{};
  Error why{};          // of a header that does not hold, or only after mending
  bool mended = false;  // one bit of it was turned back
};

Candidate look_at(Directory& directory, const std::string& file) {
  Candidate found{.file = file, .name = parse_segment_name(file)};
  const auto opened = open_patiently(directory, file);
  if (!opened) {
    found.why = opened.error();
    return found;
  }
  Bytes bytes(kHeaderBytesMax);
  const auto got = (*opened)->read_at(0, bytes);
  bytes.resize(got ? *got : 0);
  auto header = decode_segment_header(bytes);
  if (header) {
    found.header = std::move(*header);
    return found;
  }
  found.why = header.error();
  found.why.file = file;
  if (const auto refused = (*opened)->take_refusal()) found.why.os_error = refused->os_error;
  if (found.why.code != Errc::corrupt || !found.name) return found;
  found.header = mend_header(std::move(bytes));
  found.mended = found.header.has_value();
  return found;
}

class Sorting {
 public:
  Sorting(Directory& directory, EntryId floor) : directory_(directory) {
    sources_.watermark = floor;
  }

  Result<SalvageSources> run() {
    if (Status ok = classify_names(directory_, sources_.listing); !ok) return ok.error();
    take_manifest();
    if (const auto lock = read_lock_record(directory_)) sources_.lock = *lock;
    std::vector<std::string> files{std::string(kManifestName), std::string(kLockFileName)};
    for (const SegmentFile& segment : sources_.listing.segments) files.push_back(segment.file);
    for (const std::string& file : files) candidates_.push_back(look_at(directory_, file));
    pass_over_leftovers();
    choose_identity();
    take_whole_headers();
    pass_over_replaced();
    take_damaged_headers();
    take_witnesses();
    bound();
    return std::move(sources_);
  }

 private:
  void take_manifest() {
    auto manifest = read_manifest(directory_);
    if (manifest) {
      sources_.damage = manifest->faults;
      sources_.listing.manifest = std::move(*manifest);
      return;
    }
    if (manifest.error().code == Errc::incompatible) sources_.newer = manifest.error();
    Error error = damage(kManifestName, "is missing");
    if (manifest.error().code != Errc::not_found) error = manifest.error();
    error.file = kManifestName;
    sources_.damage.push_back(std::move(error));
  }

  // Whether somebody bears MANIFEST out that the log begins later: its newest segment, or that it
  // says there is none yet.
  [[nodiscard]] bool begin_is_known() const {
    const ManifestSlot* slot = sources_.listing.manifest_slot();
    if (slot == nullptr || slot->last_segment == 0) return slot != nullptr;
    return std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& c) {
      return c.header && c.header->number == slot->last_segment && c.header->log == slot->log;
    });
  }

  // What a trim, a repair or another log in this place left has no say.
  void pass_over_leftovers() {
    if (!begin_is_known()) return;
    const ManifestSlot& slot = *sources_.listing.manifest_slot();
    std::erase_if(candidates_, [&](const Candidate& c) {
      const bool ours_under_another_name =
          c.header && c.header->log == slot.log && c.header->number >= slot.first_segment;
      if (!c.name || c.name->number >= slot.first_segment || ours_under_another_name) return false;
      sources_.replaced_files.push_back(c.file);
      return true;
    });
  }

  // What most files say; MANIFEST, then LOCK, where they are of two minds.
  void choose_identity() {
    std::map<LogIdentity, unsigned> votes;
    for (const Candidate& c : candidates_) {
      if (c.header) votes[c.header->log] += 4;
    }
    if (const ManifestSlot* slot = sources_.listing.manifest_slot()) votes[slot->log] += 6;
    if (sources_.lock) votes[sources_.lock->log] += 3;
    const auto most = std::max_element(votes.begin(), votes.end(),
                                       [](auto& a, auto& b) { return a.second < b.second; });
    if (most != votes.end()) sources_.log = most->first;
    identity_known_ = most != votes.end();
    const ManifestSlot* slot = sources_.listing.manifest_slot();
    if (slot != nullptr && slot->log != sources_.log) {
      sources_.damage.push_back(damage(kManifestName, "belongs to another log"));
    }
    if (sources_.lock && sources_.lock->log != sources_.log) sources_.lock.reset();
  }

  void do_not_use(const Candidate& c, std::string why) {
    if (c.name) sources_.unused_files.push_back(c.file);
    sources_.damage.push_back(damage(c.file, std::move(why)));
  }

  void take_whole_headers() {
    // Files that are what their name says go first, so that a copy under another name is the copy.
    const auto fits = [](const Candidate& c) {
      return c.name && c.header && c.name->number == c.header->number &&
             c.name->first == c.header->first;
    };
    std::stable_partition(candidates_.begin(), candidates_.end(), fits);
    for (const Candidate& c : candidates_) {
      if (!c.header) continue;
      if (c.header->log != sources_.log) {
        do_not_use(c, "belongs to another log");
        continue;
      }
      if (by_number_.contains(c.header->number)) {
        do_not_use(c, "segment " + std::to_string(c.header->number) + " is there twice");
        continue;
      }
      if (c.mended) note_used(c.why);
      if (!fits(c)) {
        note_used(damage(c.file, "its header says that it is segment " +
                                     std::to_string(c.header->number) + " beginning with entry " +
                                     to_string(c.header->first)));
      }
      by_number_[c.header->number] = {.file = c.file, .header = *c.header};
    }
  }

  void note_used(Error error) {
    sources_.damage.push_back(std::move(error));
    sources_.only_names = false;
  }

  // The log begins where the manifest says, or with the newest segment that says of itself that it
  // has no predecessor: a repair that was stopped, or a trim, left the older ones.
  void pass_over_replaced() {
    std::uint64_t first = 0;
    if (const ManifestSlot* slot = sources_.slot()) first = slot->first_segment;
    for (const auto& [number, source] : by_number_) {
      if (source.header.prev_number == 0) first = std::max(first, number);
    }
    for (const Candidate& c : candidates_) {
      if (!c.name) continue;
      const bool here = c.header && by_number_.contains(c.header->number) &&
                        by_number_[c.header->number].file == c.file;
      const std::uint64_t number = here ? c.header->number : c.name->number;
      if (number >= first) continue;
      if (here) by_number_.erase(number);
      std::erase(sources_.unused_files, c.file);
      sources_.replaced_files.push_back(c.file);
    }
    begin_number_ = first;
  }

  void take_damaged_headers() {
    for (const Candidate& c : candidates_) {
      if (c.header || !c.name || c.name->number < begin_number_) continue;
      if (c.why.code == Errc::incompatible) sources_.newer = c.why;
      if (by_number_.contains(c.name->number)) {
        do_not_use(c, "segment " + std::to_string(c.name->number) + " is there twice");
        continue;
      }
      take_damaged_header(c);
    }
  }

  void take_damaged_header(const Candidate& c) {
    const auto after = by_number_.upper_bound(c.name->number);
    const SegmentHeader* next = after == by_number_.end() ? nullptr : &after->second.header;
    const SegmentHeader* before =
        after == by_number_.begin() ? nullptr : &std::prev(after)->second.header;
    SegmentHeader like{.log = sources_.log,
                       .max_entry_bytes = kFrameBytesMax - 1024,
                       .max_frame_bytes = kFrameBytesMax};
    if (before != nullptr || next != nullptr) like = before != nullptr ? *before : *next;
    SalvageSource source{.file = c.file, .header_holds = false, .why = c.why};
    const ManifestSlot* slot = sources_.slot();
    if (identity_known_ && c.why.code != Errc::incompatible) {
      if (const auto file = open_patiently(directory_, c.file)) {
        const auto epochs = epochs_between(before, next);
        auto header = piece_together(**file, *c.name, like, epochs);
        const auto schema = header ? schema_of(**file, before, next) : std::nullopt;
        if (header && !schema) {
          source.why.message += "; the schema number of its entries cannot be told";
        } else if (header) {
          header->schema = *schema;
          source.header = std::move(*header);
          note_used(c.why);
          if (before == nullptr && next == nullptr) {
            note_used(damage(c.file, "nothing tells the codec and type of its entries"));
          }
          by_number_[c.name->number] = std::move(source);
          return;
        }
      }
    }
    // Header and sync come before a name, and the manifest after it.
    const bool unborn = next == nullptr && may_be_unborn(sources_.listing.manifest, *c.name) &&
                        slot != nullptr && c.why.code == Errc::corrupt && c.why.os_error == 0;
    sources_.unused_files.push_back(c.file);
    if (unborn) return;
    sources_.damage.push_back(source.why);
    source.readable = false;
    source.header = {.log = sources_.log, .number = c.name->number, .first = c.name->first};
    unreadable_.push_back(std::move(source));
  }

  // A wrong schema number would turn entries into other values, so it is never guessed: numbers do
  // not fall from segment to segment, and the damaged header's own number counts if the rest of its
  // type is what the neighbours say.
  std::optional<std::uint32_t> schema_of(File& file, const SegmentHeader* before,
                                         const SegmentHeader* next) const {
    if (before == nullptr && next == nullptr) return SegmentHeader{}.schema;
    const std::uint32_t low = before != nullptr ? before->schema : 1;
    const std::uint32_t high = next != nullptr ? next->schema : ~std::uint32_t{0};
    if (low == high) return low;
    const SegmentHeader& like = before != nullptr ? *before : *next;
    Bytes bytes(kSegmentHeaderBytes);
    const auto got = file.read_at(0, bytes);
    const auto own = got && *got == bytes.size() ? unverified_segment_header(bytes) : std::nullopt;
    const bool fits = own && own->codec == like.codec && own->type_name == like.type_name &&
                      own->schema >= low && own->schema <= high;
    if (fits) return own->schema;
    if (next != nullptr) return std::nullopt;
    // The newest: a log whose number never changed is taken to have kept it.
    const bool never_changed =
        std::all_of(by_number_.begin(), by_number_.end(),
                    [&](const auto& other) { return other.second.header.schema == like.schema; });
    return never_changed ? std::optional(like.schema) : std::nullopt;
  }

  std::pair<std::uint64_t, std::uint64_t> epochs_between(const SegmentHeader* before,
                                                         const SegmentHeader* next) const {
    const std::uint64_t low = before != nullptr ? before->epoch : 1;
    if (next != nullptr) return {low, next->epoch};
    std::uint64_t high = 0;
    if (const ManifestSlot* slot = sources_.slot()) high = slot->epoch;
    if (sources_.lock) high = std::max(high, sources_.lock->epoch);
    // The manifest is written after a segment has its name.
    return {low, high == 0 ? low + kEpochsTried - 1 : std::max(low, high + 1)};
  }

  void take_witnesses() {
    for (auto& source : unreadable_) by_number_.emplace(source.header.number, std::move(source));
    for (auto& [number, source] : by_number_) {
      sources_.epoch = std::max(sources_.epoch, source.header.epoch);
      sources_.watermark = std::max(sources_.watermark, source.header.durable_through);
      sources_.segments.push_back(std::move(source));
    }
    if (const ManifestSlot* slot = sources_.slot()) {
      sources_.epoch = std::max(sources_.epoch, slot->epoch);
      sources_.watermark = std::max(sources_.watermark, slot->durable_through);
    }
    if (sources_.lock) {
      sources_.epoch = std::max(sources_.epoch, sources_.lock->epoch);
      sources_.watermark = std::max(sources_.watermark, sources_.lock->durable_through);
    }
    const ManifestSlot* slot = sources_.slot();
    if (slot != nullptr) sources_.begin = slot->oldest();
    if (sources_.segments.empty()) return;
    const SegmentHeader& first = sources_.segments.front().header;
    const bool begins = first.number == 1 || first.number == begin_number_ ||
                        (slot != nullptr && slot->first_segment == first.number);
    if (begins) sources_.begin = first.first;
    sources_.begin_missing = first.first > sources_.begin;
  }

  void bound() {
    for (std::size_t i = 0; i < sources_.segments.size(); ++i) {
      SalvageSource& here = sources_.segments[i];
      here.trusted = here.header.durable_through;
      if (i + 1 == sources_.segments.size()) {
        bound_newest(here);
        return;
      }
      const SalvageSource& next = sources_.segments[i + 1];
      here.through = next.header.first - 1;
      const bool adjacent = next.header.number == here.header.number + 1;
      if (!adjacent) continue;
      here.trusted = here.through;
      if (!here.header_holds || !next.header_holds || !next.readable || !here.readable) continue;
      if (Status linked = check_link(here.header, next.header, next.file); !linked) {
        note_used(linked.error());
        continue;
      }
      here.end = next.header.prev_end;
    }
  }

  // Witnesses outside count for its own frames where they are of its life, or say that none came
  // after it.
  void bound_newest(SalvageSource& newest) {
    const ManifestSlot* slot = sources_.slot();
    const std::uint64_t number = newest.header.number;
    const bool is_last = slot != nullptr && slot->last_segment == number;
    if (is_last) newest.trusted = std::max(newest.trusted, slot->durable_through);
    if (slot != nullptr && slot->last_segment > number) {
      newest.through = slot->last_segment_first - 1;
      if (slot->last_segment == number + 1) newest.trusted = newest.through;
    }
    newest.is_newest = is_last && sources_.listing.manifest->faults.empty();
    if (sources_.lock && (newest.is_newest || sources_.lock->epoch == newest.header.epoch)) {
      newest.trusted = std::max(newest.trusted, sources_.lock->durable_through);
    }
  }

  Directory& directory_;
  SalvageSources sources_{};
  std::vector<Candidate> candidates_{};
  std::map<std::uint64_t, SalvageSource> by_number_{};
  std::vector<SalvageSource> unreadable_{};
  bool identity_known_ = false;
  std::uint64_t begin_number_ = 0;
};

}  // namespace

const ManifestSlot* SalvageSources::slot() const {
  const ManifestSlot* slot = listing.manifest_slot();
  return slot != nullptr && slot->log == log ? slot : nullptr;
}

Result<std::unique_ptr<PatientFile>> open_patiently(Directory& directory, const std::string& name) {
  auto file = directory.open(name, OpenMode::read);
  if (!file) return file.error();
  const auto bytes = (*file)->size();
  if (!bytes) return bytes.error();
  return std::make_unique<PatientFile>(std::move(*file), *bytes);
}

Result<SalvageSources> find_sources(Directory& directory, EntryId floor) {
  return Sorting(directory, floor).run();
}

}  // namespace walkit::log
