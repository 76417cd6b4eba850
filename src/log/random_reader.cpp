#include "log/random_reader.hpp"

#include <algorithm>
#include <new>

#include "log/reading.hpp"

namespace walkit::log {
namespace {

constexpr std::size_t kOpenSegmentsMax = 16;
// As for a snapshot: a writer that comes, goes or trims between two reads makes an error doubtful,
// but there is an end to looking.
constexpr int kLooksMax = 1000;

Result<std::optional<Bytes>> manifest_bytes(Directory& directory) {
  auto bytes = read_start(directory, kManifestName, kManifestBytes);
  if (bytes) return std::optional(std::move(*bytes));
  if (bytes.error().code == Errc::not_found) return std::optional<Bytes>{};
  return bytes.error();
}

bool same_segment(const SegmentFile& a, const SegmentFile& b) { return a.name == b.name; }

}  // namespace

// What a writer's coming, going, rotating and trimming changes.
struct RandomReader::Evidence {
  bool live = false;
  std::optional<LockRecord> lock{};
  std::optional<Bytes> manifest{};

  /// But for the durable id, which moves at every sync of a writer.
  [[nodiscard]] bool same_life(const Evidence& other) const {
    if (live != other.live || lock.has_value() != other.lock.has_value()) return false;
    if (manifest != other.manifest) return false;
    if (!lock || !live) return lock == other.lock;
    return lock->log == other.lock->log && lock->epoch == other.lock->epoch &&
           lock->process == other.lock->process &&
           lock->durable_through >= other.lock->durable_through;
  }
};

struct RandomReader::View {
  Evidence seen{};                   // before all of the following
  std::vector<SegmentFile> names{};  // as they were listed
  Snapshot snapshot{};
  std::unique_ptr<File> newest{};  // not live: judged when it had
  std::uint64_t newest_bytes = 0;
  struct Open {
    std::size_t index = 0;
    std::unique_ptr<IndexedSegment> segment{};
  };
  std::list<Open> open{};  // the last used one first

  [[nodiscard]] const std::vector<SegmentFile>& segments() const {
    return snapshot.listing.segments;
  }
};

RandomReader::RandomReader(std::shared_ptr<Directory> directory, ReadOptions options,
                           std::optional<StoredType> type)
    : directory_(std::move(directory)), options_(std::move(options)), type_(std::move(type)) {}

RandomReader::~RandomReader() = default;

Result<RandomReader::Evidence> RandomReader::evidence() const {
  Evidence seen;
  const auto live = directory_->is_locked();
  if (!live) return live.error();
  seen.live = *live;
  // LOCK before MANIFEST: a segment is in MANIFEST before an entry of it is durable.
  auto lock = read_lock_record(*directory_);
  if (!lock) return lock.error();
  seen.lock = *lock;
  auto manifest = manifest_bytes(*directory_);
  if (!manifest) return manifest.error();
  seen.manifest = std::move(*manifest);
  return seen;
}

Result<bool> RandomReader::same_names() const {
  Listing listing;
  if (Status ok = classify_names(*directory_, listing); !ok) return ok.error();
  return std::equal(listing.segments.begin(), listing.segments.end(), view_->names.begin(),
                    view_->names.end(), same_segment);
}

// What is kept is of the log as it is now.
Result<bool> RandomReader::still_fits() const {
  const auto now = evidence();
  if (!now) return now.error();
  if (!now->same_life(view_->seen)) return false;
  return same_names();
}

// With what is kept, if the evidence is the same; else with everything read anew.
Status RandomReader::refresh(EntryId id) {
  if (!view_) return look_anew();
  auto now = evidence();
  if (!now) return now.error();
  if (!now->same_life(view_->seen)) return look_anew();
  view_->seen = std::move(*now);
  Snapshot& snapshot = view_->snapshot;
  // Without a manifest the names are all that tells. And what is not proven is moved by the next
  // open, whose commit point is a name.
  const bool by_names = snapshot.listing.manifest_slot() == nullptr ||
                        (!snapshot.live && id > snapshot.survey.proven);
  if (by_names) {
    const auto same = same_names();
    if (!same) return same.error();
    if (!*same) return look_anew();
  }
  if (snapshot.live) return find_end();
  if (!view_->newest) return {};
  const auto size = view_->newest->size();
  if (!size) return size.error();
  return *size == view_->newest_bytes ? Status{} : look_anew();
}

Status RandomReader::look_anew() {
  view_.reset();
  auto seen = evidence();
  if (!seen) return seen.error();
  view_ = std::make_unique<View>();
  view_->seen = std::move(*seen);
  Listing names;
  if (Status ok = classify_names(*directory_, names); !ok) return ok;
  view_->names = std::move(names.segments);
  auto snapshot =
      take_snapshot(*directory_, options_.expect_durable_through, options_.frame_bytes_max);
  if (!snapshot) return snapshot.error();
  view_->snapshot = std::move(*snapshot);
  if (view_->snapshot.live) return find_end();
  if (view_->segments().empty()) return {};
  auto file = directory_->open(view_->segments().back().file, OpenMode::read);
  if (!file) return file.error();
  const auto size = (*file)->size();
  if (!size) return size.error();
  view_->newest = std::move(*file);
  view_->newest_bytes = *size;
  return {};
}

// Beside a writer the end moves: LOCK says how far, or else what the frames themselves know.
Status RandomReader::find_end() {
  Snapshot& snapshot = view_->snapshot;
  const ManifestSlot* slot = snapshot.listing.manifest_slot();
  const auto& lock = view_->seen.lock;
  if (lock && slot != nullptr && lock->log == slot->log) {
    snapshot.end = std::max(lock->durable_through, options_.expect_durable_through);
    return {};
  }
  EntryId proven = slot != nullptr ? slot->durable_through : EntryId{};
  EntryId last{};
  if (!view_->segments().empty()) {
    const auto newest = segment(view_->segments().size() - 1);
    if (!newest) return newest.error();
    const auto known = (*newest)->last_whole();
    if (!known) return known.error();
    last = known->last;
    proven = std::max(proven, known->watermark);
  }
  snapshot.end = std::max(std::min(proven, last), options_.expect_durable_through);
  return {};
}

Result<IndexedSegment*> RandomReader::segment(std::size_t index) {
  auto& open = view_->open;
  const auto at =
      std::find_if(open.begin(), open.end(), [&](const View::Open& o) { return o.index == index; });
  if (at != open.end()) {
    open.splice(open.begin(), open, at);
    return open.front().segment.get();
  }
  const auto& segments = view_->segments();
  auto opened =
      IndexedSegment::open(*directory_, segments[index],
                           {.next = index + 1 < segments.size() ? &segments[index + 1] : nullptr,
                            .manifest = view_->snapshot.listing.manifest_slot(),
                            .type = type_ ? &*type_ : nullptr,
                            .frame_bytes_max = options_.frame_bytes_max});
  if (!opened) return opened.error();
  if (open.size() == kOpenSegmentsMax) open.pop_back();
  open.push_front({index, std::move(*opened)});
  return open.front().segment.get();
}

// No error is told before all that it rests on was looked at again and had not changed: beside a
// writer the first look may be the older one, and what was kept may be older still.
template <class T, class Answer>
Result<T> RandomReader::ask(EntryId id, Answer&& answer) {
  const std::scoped_lock guard(mutex_);
  try {
    return ask_until_sure<T>(id, answer);
  } catch (const std::bad_alloc&) {
    view_.reset();  // it may be half of one
    return no_memory();
  }
}

template <class T, class Answer>
Result<T> RandomReader::ask_until_sure(EntryId id, Answer& answer) {
  for (int looks = 1;; ++looks) {
    Status ready = refresh(id);
    Result<T> result = ready ? answer() : Result<T>(ready.error());
    if (result || looks == kLooksMax || !view_) return result;
    const auto same = still_fits();
    if (!ready || !same || !*same) view_.reset();
    if (!same) return same.error();
    if (!*same) continue;
    // A device that lied once shall not be believed the next time.
    if (result.error().code == Errc::corrupt) view_.reset();
    return result;
  }
}

Status RandomReader::check_id(EntryId id) const {
  if (id == EntryId{}) {
    return Error{.code = Errc::invalid_argument,
                 .message = "entry 0 was asked for; ids begin with 1"};
  }
  const Snapshot& snapshot = view_->snapshot;
  const auto& segments = view_->segments();
  const EntryId oldest = snapshot.listing.oldest();
  if (id < oldest) return trimmed(id, oldest);
  if (id <= snapshot.end && !segments.empty()) return {};
  if (!snapshot.live) {
    if (Status ok = tail_error(snapshot.survey); !ok) return ok;
  } else if (options_.visibility == Durability::flushed && !segments.empty()) {
    return {};  // not known before the frames are read
  }
  return beyond_the_end(id, snapshot.end);
}

Result<IndexedSegment*> RandomReader::segment_of(EntryId id) {
  if (Status ok = check_id(id); !ok) return ok.error();
  // Of two segments that begin with one id the first is empty.
  const auto& segments = view_->segments();
  const auto behind =
      std::upper_bound(segments.begin(), segments.end(), id,
                       [](EntryId wanted, const SegmentFile& s) { return wanted < s.name.first; });
  return segment(static_cast<std::size_t>(behind - segments.begin()) - 1);
}

Result<OwnedEntry> RandomReader::read_here(EntryId id) {
  const auto segment = segment_of(id);
  if (!segment) return segment.error();
  FrameScanner scanner = (*segment)->scanner();
  const auto header = (*segment)->find(scanner, id, reach());
  if (!header) return header.error();
  const auto frame = (*segment)->read(scanner, *header);
  if (!frame) return frame.error();
  FrameEntries entries = entries_of(*frame, (*segment)->header(), (*segment)->file());
  entries.begin_at(id);
  const EntryView* entry = entries.next();
  if (entry == nullptr) return misfit(entries);
  return OwnedEntry{.entry_id = id,
                    .payload = Bytes(entry->payload.begin(), entry->payload.end()),
                    .schema = entry->schema,
                    .time_ns = entry->time_ns,
                    .file = (*segment)->file(),
                    .offset = entry->offset};
}

IndexedSegment::Reach RandomReader::reach() const {
  const Snapshot& snapshot = view_->snapshot;
  return {.through = snapshot.end,
          .whole_frames = snapshot.live && options_.visibility == Durability::flushed};
}

Result<std::optional<FrameHeader>> RandomReader::since_in(std::size_t index,
                                                          std::uint64_t time_ns) {
  const auto segment = this->segment(index);
  if (!segment) return segment.error();
  FrameScanner scanner = (*segment)->scanner();
  return (*segment)->find_since(scanner, time_ns, reach());
}

Result<EntryId> RandomReader::first_since_here(std::uint64_t time_ns) {
  const std::size_t count = view_->segments().size();
  // The first segment that begins at or after that time, those without an entry left out.
  std::size_t first = 0, last = count;
  while (first < last) {
    const std::size_t middle = first + (last - first) / 2;
    std::optional<FrameHeader> begin;
    std::size_t at = middle;
    for (; at < last && !begin; ++at) {
      const auto found = since_in(at, 0);
      if (!found) return found.error();
      begin = *found;
    }
    if (begin && begin->time_ns < time_ns) {
      first = at;
    } else {
      last = middle;
    }
  }
  // It may begin before, and reach there.
  for (std::size_t at = first > 0 ? first - 1 : 0; at < count; ++at) {
    const auto found = since_in(at, time_ns);
    if (!found) return found.error();
    if (*found) return (*found)->first;
  }
  if (!view_->snapshot.live) {
    if (Status ok = tail_error(view_->snapshot.survey); !ok) return ok.error();
  }
  return Error{.code = Errc::not_found,
               .message = "no entry was written at or after that time; the last is " +
                          to_string(view_->snapshot.end)};
}

Result<OwnedEntry> RandomReader::read(EntryId id) {
  return ask<OwnedEntry>(id, [&] { return read_here(id); });
}

Result<EntryId> RandomReader::first_since(std::uint64_t time_ns) {
  return ask<EntryId>(EntryId::max(), [&] { return first_since_here(time_ns); });
}

Result<std::uint64_t> RandomReader::time_of(EntryId id) {
  return ask<std::uint64_t>(id, [&]() -> Result<std::uint64_t> {
    const auto segment = segment_of(id);
    if (!segment) return segment.error();
    FrameScanner scanner = (*segment)->scanner();
    const auto header = (*segment)->find(scanner, id, reach());
    if (!header) return header.error();
    return header->time_ns;
  });
}

}  // namespace walkit::log
