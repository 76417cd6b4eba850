#include "walkit/log/log_reader.hpp"

#include <algorithm>
#include <new>

#include "log/snapshot.hpp"
#include "log/stored_type.hpp"

namespace walkit {
namespace {

using namespace log;

// One pass over a snapshot.
class Replay {
 public:
  Replay(Directory& directory, const ReadOptions& options, const std::optional<StoredType>& type,
         Snapshot snapshot, ReplayMode mode)
      : directory_(directory),
        options_(options),
        type_(type),
        snapshot_(std::move(snapshot)),
        mode_(mode) {
    summary_.warnings = snapshot_.listing.warnings;
    summary_.entries = {EntryId{1}, EntryId{}};
    const EntryId proven = snapshot_.live ? snapshot_.end : snapshot_.survey.proven;
    summary_.proven_through = std::min(proven, snapshot_.end);
  }

  Result<ReplaySummary> run(ReplayRange range, const LogReader::Apply& apply);

 private:
  enum class Flow { on, end, done };

  Status check_range(const ReplayRange& range) const;
  Result<OpenSegment> open_checked(std::size_t index);
  Result<Flow> read_segment(const OpenSegment& segment, const std::string& file,
                            const SegmentHeader* next);
  Result<Flow> read_fault(FrameScanner& scanner, const std::string& file,
                          const SegmentHeader* next);
  Status check_end(FrameScanner& scanner, File& file, const std::string& name,
                   const SegmentHeader& next) const;
  Result<Flow> give(const FrameView& frame, const SegmentHeader& segment, const std::string& file);
  Status note_loss(const FrameView& frame, const std::string& file);
  Result<ReplaySummary> judge_end();

  Directory& directory_;
  const ReadOptions& options_;
  const std::optional<StoredType>& type_;
  const Snapshot snapshot_;
  const ReplayMode mode_;
  ReplayRange range_{};
  const LogReader::Apply* apply_ = nullptr;
  ReplaySummary summary_{};
  EntryId seen_{};       // the last id that was passed
  bool reread_ = false;  // the place of a fault, since the evidence
};

Error beyond_the_end(EntryId wanted, EntryId last) {
  return {
      .code = Errc::not_found,
      .message = "entry " + to_string(wanted) + " was asked for; the last is " + to_string(last)};
}

Status Replay::check_range(const ReplayRange& range) const {
  const auto& segments = snapshot_.listing.segments;
  const EntryId oldest = segments.empty() ? EntryId{1} : segments.front().name.first;
  if (range.first != EntryId{} && range.first < oldest) {
    return Error{.code = Errc::gap,
                 .message = "entry " + to_string(range.first) + " was asked for; the oldest is " +
                            to_string(oldest),
                 .lost = {range.first, oldest - 1},
                 .next_step = "begin at the oldest entry, or from a checkpoint"};
  }
  const bool end_is_known = !snapshot_.live || options_.visibility == Durability::durable;
  if (range.last && end_is_known && *range.last > snapshot_.end) {
    if (Status ok = tail_error(snapshot_.survey); !ok) return ok;
    return beyond_the_end(*range.last, snapshot_.end);
  }
  return {};
}

Result<OpenSegment> Replay::open_checked(std::size_t index) {
  const SegmentFile& file = snapshot_.listing.segments[index];
  auto segment = open_segment(directory_, file);
  if (!segment) return segment;
  if (type_) {
    if (Status ok = check_type(segment->header, *type_, file.file); !ok) return ok.error();
  }
  const ManifestSlot* slot = snapshot_.listing.manifest_slot();
  if (slot != nullptr && segment->header.log != slot->log) {
    return damage(file.file, "belongs to another log");
  }
  return segment;
}

Result<ReplaySummary> Replay::run(ReplayRange range, const LogReader::Apply& apply) {
  if (range.last && *range.last < std::max(range.first, EntryId{1})) {
    summary_.end = ReplaySummary::End::reached_last;
    return std::move(summary_);
  }
  if (Status ok = check_range(range); !ok) return ok.error();
  range_ = range;
  apply_ = &apply;
  const auto& segments = snapshot_.listing.segments;
  std::size_t index = 0;
  while (index + 1 < segments.size() && segments[index + 1].name.first <= range.first) ++index;
  if (index == segments.size()) return judge_end();
  auto segment = open_checked(index);
  if (!segment) return segment.error();
  for (;;) {
    std::optional<OpenSegment> next;
    if (index + 1 < segments.size()) {
      auto opened = open_checked(index + 1);
      if (!opened) return opened.error();
      next = std::move(*opened);
      Status linked = check_link(segment->header, next->header, segments[index + 1].file);
      if (!linked) return linked.error();
    }
    const auto flow = read_segment(*segment, segments[index].file, next ? &next->header : nullptr);
    if (!flow) return flow.error();
    if (*flow == Flow::done) return std::move(summary_);
    if (*flow == Flow::end || !next) return judge_end();
    *segment = std::move(*next);
    ++index;
  }
}

Result<Replay::Flow> Replay::read_segment(const OpenSegment& segment, const std::string& file,
                                          const SegmentHeader* next) {
  FrameScanner scanner(*segment.file, segment.header, options_.frame_bytes_max);
  const bool to_the_end = snapshot_.live && options_.visibility == Durability::flushed;
  for (;;) {
    if (next != nullptr && scanner.position() >= next->prev_end) {
      if (Status ok = check_end(scanner, *segment.file, file, *next); !ok) return ok.error();
      return Flow::on;
    }
    // Beside a writer what is not durable is not looked at.
    if (snapshot_.live && !to_the_end && scanner.expected() > snapshot_.end) return Flow::end;
    seen_ = scanner.expected() - 1;
    const auto frame = scanner.next();
    if (!frame) return frame.error();
    reread_ = reread_ && !*frame;
    if (!*frame) {
      auto flow = read_fault(scanner, file, next);
      if (!flow || *flow != Flow::on) return flow;
      continue;
    }
    if ((*frame)->header.is(FrameKind::loss)) {
      if (Status ok = note_loss(**frame, file); !ok) return ok.error();
    } else if ((*frame)->header.is(FrameKind::entries)) {
      auto flow = give(**frame, segment.header, file);
      if (!flow || *flow != Flow::on) return flow;
    }
  }
}

// No frame where one might be. `on` asks for another look.
Result<Replay::Flow> Replay::read_fault(FrameScanner& scanner, const std::string& file,
                                        const SegmentHeader* next) {
  const EntryId through = next != nullptr ? next->prev_last : snapshot_.end;
  const bool must_be_there = next != nullptr || scanner.expected() <= through;
  if (!must_be_there) return Flow::end;
  if (!reread_) {
    reread_ = true;
    scanner.refresh();
    return Flow::on;
  }
  if (scanner.over_readers_cap()) {
    Error too_large = scanner.cap_error();
    too_large.file = file;
    return too_large;
  }
  if (scanner.fault() == FrameFault::unknown) {
    Error newer =
        damage(file, "a frame of a kind this walkit does not know", {}, scanner.position());
    newer.code = Errc::incompatible;
    newer.next_step = "open it with the walkit that wrote it, or a newer one";
    return newer;
  }
  return damage(file, "no valid frame where acknowledged entries were",
                {scanner.expected(), through}, scanner.position());
}

// A segment with a successor ends where that one says, in every way that it says it.
Status Replay::check_end(FrameScanner& scanner, File& file, const std::string& name,
                         const SegmentHeader& next) const {
  const bool fits = scanner.position() == next.prev_end && scanner.chain() == next.prev_chain &&
                    scanner.expected() == next.prev_last + 1;
  if (!fits) {
    return damage(name, "ends otherwise than its successor says",
                  {scanner.expected(), next.prev_last}, scanner.position());
  }
  if (next.prev_seal_end == 0) return {};
  const auto seal = scanner.next();
  if (!seal) return seal.error();
  const auto size = file.size();
  if (!size) return size.error();
  const bool sealed = *seal && (*seal)->header.is(FrameKind::seal) &&
                      decode_seal((*seal)->body).has_value() &&
                      scanner.position() == next.prev_seal_end && *size == next.prev_seal_end;
  if (sealed) return {};
  return damage(name, "its seal is damaged or its length changed; no entry is lost", {},
                next.prev_end);
}

Result<Replay::Flow> Replay::give(const FrameView& frame, const SegmentHeader& segment,
                                  const std::string& file) {
  if (range_.first > frame.header.last()) return Flow::on;
  PayloadCursor cursor(frame.entries);
  const std::uint32_t schema = frame.extras.schema != 0 ? frame.extras.schema : segment.schema;
  const bool bounded = snapshot_.live && options_.visibility == Durability::durable;
  for (EntryId id = frame.header.first; id <= frame.header.last(); ++id) {
    const auto payload = cursor.next();
    if (!payload)
      return damage(file, "entries do not fit their frame", {id, id}, frame.header.offset);
    if (id < range_.first) continue;
    if (range_.last && id > *range_.last) {  // it lies in a recorded loss
      summary_.end = ReplaySummary::End::reached_last;
      return Flow::done;
    }
    if (bounded && id > snapshot_.end) return Flow::end;
    const auto step = (*apply_)({id, *payload, schema, file, frame.header.offset});
    if (!step) return step.error();
    if (summary_.entry_count == 0) summary_.entries.first = id;
    summary_.entries.last = id;
    ++summary_.entry_count;
    if (range_.last && id >= *range_.last) {
      summary_.end = ReplaySummary::End::reached_last;
      return Flow::done;
    }
    if (*step == Step::stop) {
      summary_.end = ReplaySummary::End::stopped;
      return Flow::done;
    }
  }
  return Flow::on;
}

Status Replay::note_loss(const FrameView& frame, const std::string& file) {
  const auto loss = decode_loss(frame.body);
  if (!loss || loss->entries.last < range_.first) return {};
  Error gap = damage(file, "a recorded loss: " + loss->cause, loss->entries, frame.header.offset);
  const bool refuses =
      mode_ == ReplayMode::strict && options_.recorded_loss == RecordedLoss::refuse;
  if (refuses) {
    gap.next_step = "read with RecordedLoss::accept to go on behind it";
    return gap;
  }
  gap.next_step.clear();
  summary_.gaps.push_back(std::move(gap));
  return {};
}

Result<ReplaySummary> Replay::judge_end() {
  if (snapshot_.live) {
    // Not known before where flushed entries count too.
    if (range_.last && *range_.last > seen_) return beyond_the_end(*range_.last, seen_);
    return std::move(summary_);
  }
  const Survey& found = snapshot_.survey;
  if (Status ok = tail_error(found); !ok) return ok.error();
  const TailVerdict verdict = found.decision.verdict;
  if (verdict != TailVerdict::torn && verdict != TailVerdict::suspect) return std::move(summary_);
  summary_.end = ReplaySummary::End::torn_tail;
  const bool torn = verdict == TailVerdict::torn;
  (torn ? summary_.torn_bytes : summary_.suspect_bytes) = found.tail.dirty_bytes;
  if (mode_ == ReplayMode::best_effort) return std::move(summary_);
  return Error{.code = Errc::torn,
               .message = std::to_string(found.tail.dirty_bytes) +
                          (torn ? " bytes of a write that did not finish"
                                : " suspect bytes, never known to be acknowledged"),
               .file = found.newest_file,
               .offset = found.tail.offset,
               .next_step = "read best_effort, or open the log for writing, which settles its end"};
}

// Fits into the string itself: there is no memory for more.
Error no_memory() { return {.code = Errc::no_memory, .message = "out of memory"}; }

std::optional<StoredType> stored(const std::optional<LogWriter::Contents>& contents,
                                 const ReadOptions& options) {
  if (!contents) return std::nullopt;
  const EntryType type = options.entry_type.name.empty() ? contents->type : options.entry_type;
  return StoredType{contents->codec, std::string(type.name), type.schema};
}

}  // namespace

Result<LogReader> LogReader::open(std::shared_ptr<Directory> directory, ReadOptions options,
                                  std::optional<LogWriter::Contents> contents) try {
  auto home = directory->subdirectory(options.subdirectory, OpenMode::read);
  if (!home) {
    Error error = home.error();
    if (error.code == Errc::not_found) {
      error.message = "there is no log here: no folder " + options.subdirectory;
      error.next_step = "open it for writing to create it, or check the folder's name";
    }
    return error;
  }
  const auto listing = list_log(**home);
  if (!listing && listing.error().code != Errc::corrupt) return listing.error();
  const auto type = stored(contents, options);
  if (listing && type && !listing->segments.empty()) {
    const SegmentFile& newest = listing->segments.back();
    const auto segment = open_segment(**home, newest);
    if (!segment && segment.error().code == Errc::incompatible) return segment.error();
    if (segment) {
      if (Status ok = check_type(segment->header, *type, newest.file); !ok) return ok.error();
    }
  }
  return LogReader(std::move(*home), std::move(options), contents);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<ReplaySummary> LogReader::replay(ReplayMode mode, ReplayRange range,
                                        const Apply& apply) const {
  bool applying = false;  // what apply throws passes through
  const Apply watched = [&apply, &applying](const EntryView& entry) {
    applying = true;
    auto step = apply(entry);
    applying = false;
    return step;
  };
  try {
    auto snapshot =
        take_snapshot(*directory_, options_.expect_durable_through, options_.frame_bytes_max);
    if (!snapshot) return snapshot.error();
    const auto type = stored(contents_, options_);
    Replay replay(*directory_, options_, type, std::move(*snapshot), mode);
    return replay.run(range, watched);
  } catch (const std::bad_alloc&) {
    if (applying) throw;
    return no_memory();
  }
}

Result<std::vector<SegmentInfo>> LogReader::segments() const try {
  const auto snapshot =
      take_snapshot(*directory_, options_.expect_durable_through, options_.frame_bytes_max);
  if (!snapshot) return snapshot.error();
  std::vector<SegmentInfo> infos;
  const auto& files = snapshot->listing.segments;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const bool newest = i + 1 == files.size();
    const auto file = directory_->open(files[i].file, OpenMode::read);
    if (!file) return file.error();
    const auto size = (*file)->size();
    if (!size) return size.error();
    const EntryId last = newest ? snapshot->end : files[i + 1].name.first - 1;
    infos.push_back({.file = files[i].file,
                     .entries = {files[i].name.first, last},
                     .bytes = *size,
                     .state = newest && !snapshot->survey.closed ? SegmentInfo::State::active
                                                                 : SegmentInfo::State::sealed});
  }
  return infos;
} catch (const std::bad_alloc&) {
  return no_memory();
}

}  // namespace walkit
