#include "walkit/log/log_reader.hpp"

#include <new>

#include "log/backward.hpp"
#include "log/follower.hpp"
#include "log/random_reader.hpp"
#include "log/replay.hpp"
#include "log/salvage.hpp"
#include "walkit/log/marker.hpp"

namespace walkit {
namespace {

constexpr std::size_t kStepBytes = 64 << 10;  // of a look at a few frames

using namespace log;

std::optional<StoredType> stored(const std::optional<LogWriter::Contents>& contents,
                                 const ReadOptions& options) {
  if (!contents) return std::nullopt;
  const EntryType type = options.entry_type.name.empty() ? contents->type : options.entry_type;
  const bool any = options.newer_schema == NewerSchema::skip_unknown_fields;
  return StoredType{contents->codec, std::string(type.name), any ? ~std::uint32_t{0} : type.schema};
}

}  // namespace

LogReader::LogReader(std::shared_ptr<Directory> directory, ReadOptions options,
                     std::optional<LogWriter::Contents> contents)
    : directory_(std::move(directory)),
      options_(std::move(options)),
      contents_(contents),
      random_(std::make_shared<RandomReader>(directory_, options_, stored(contents_, options_))) {}

Result<LogReader> LogReader::open(std::shared_ptr<Directory> directory, ReadOptions options,
                                  std::optional<LogWriter::Contents> contents) try {
  if (!directory) return no_directory();
  const EntryId floor = options.expect_durable_through;
  auto home = directory->subdirectory(options.subdirectory, OpenMode::read);
  if (!home) {
    Error error = home.error();
    if (error.code == Errc::not_found) {
      if (floor > EntryId{}) return nothing_there(floor, "the caller");
      error.message = "there is no log here: no folder " + options.subdirectory;
      error.next_step = "open it for writing to create it, or check the folder's name";
    }
    return error;
  }
  const auto listing = list_log(**home);
  if (!listing && listing.error().code == Errc::not_found && floor > EntryId{}) {
    return nothing_there(floor, "the caller");
  }
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

LogCursor::LogCursor(std::unique_ptr<EntrySource> source) : source_(std::move(source)) {}
LogCursor::LogCursor(LogCursor&&) noexcept = default;
LogCursor& LogCursor::operator=(LogCursor&&) noexcept = default;
LogCursor::~LogCursor() = default;

Result<bool> LogCursor::advance(std::chrono::milliseconds timeout) {
  if (failure_) return copy_of(*failure_);  // whatever its frame still holds
  FrameEntries& entries = source_->entries();
  while (entries.next() == nullptr) {
    auto more = advance_source(timeout);
    if (!more || !*more) return more;
  }
  return true;
}

Result<FrameEntries*> LogCursor::advance_frame() {
  if (failure_) return copy_of(*failure_);
  FrameEntries& entries = source_->entries();
  auto more = advance_source(std::chrono::milliseconds::max());
  if (!more) return std::move(more).error();
  return *more ? &entries : nullptr;
}

Result<bool> LogCursor::advance_source(std::chrono::milliseconds timeout) try {
  auto more = source_->advance(timeout);
  if (!more) failure_ = copy_of(more.error());
  return more;
} catch (const std::bad_alloc&) {
  failure_ = no_memory();
  return no_memory();
}

const EntryView& LogCursor::entry() const { return source_->entries().entry(); }
const ReplaySummary& LogCursor::summary() const { return source_->summary(); }

Result<ReplaySummary> LogCursor::copy_of_summary() const try {
  return summary();
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<LogCursor> LogReader::cursor(ReplayMode mode, ReplayRange range) const try {
  ReadOptions options = options_;
  options.threads = 1;
  return open_cursor(mode, range, options);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<LogCursor> LogReader::replay_cursor(ReplayMode mode, ReplayRange range) const {
  return open_cursor(mode, range, options_);
}

Result<LogCursor> LogReader::open_cursor(ReplayMode mode, ReplayRange range,
                                         const ReadOptions& options) const try {
  auto type = stored(contents_, options);
  auto source = mode == ReplayMode::salvage
                    ? Salvage::open(directory_, options, std::move(type), range)
                    : Replay::open(directory_, options, std::move(type), mode, range);
  if (!source) return source.error();
  return LogCursor(std::move(*source));
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<LogCursor> LogReader::newest_first(EntryId from) const try {
  const auto first = from == EntryId::max() ? std::nullopt : std::optional(from);
  return LogCursor(
      std::make_unique<BackwardReader>(directory_, options_, stored(contents_, options_), first));
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<OwnedEntry> LogReader::read(EntryId id) const { return random_->read(id); }
Result<EntryId> LogReader::first_since(std::uint64_t time_ns) const {
  return random_->first_since(time_ns);
}
Result<std::uint64_t> LogReader::time_of(EntryId id) const { return random_->time_of(id); }

Result<LogCursor> LogReader::follow(EntryId first, FollowOptions options) const try {
  return LogCursor(std::make_unique<Follower>(directory_, options_, stored(contents_, options_),
                                              first, std::move(options)));
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<std::vector<SegmentInfo>> LogReader::segments() const try {
  const auto snapshot =
      take_snapshot(*directory_, options_.expect_durable_through, options_.frame_bytes_max);
  if (!snapshot) return snapshot.error();
  std::vector<SegmentInfo> infos;
  const auto& files = snapshot->listing.segments;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const bool newest = i + 1 == files.size();
    const auto size = size_of(*directory_, files[i]);
    if (!size && size.error().code == Errc::gap) {
      infos.clear();  // trimmed since, and so are those before it
      continue;
    }
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

Result<std::optional<Marker>> LogReader::parent() const try {
  std::optional<Marker> parent;
  const auto listing = list_born(*directory_);
  if (!listing) return listing.error();
  if (listing->segments.empty()) return parent;
  const auto segment = open_segment(*directory_, listing->segments.front());
  if (!segment) return segment.error();
  FrameScanner scanner(*segment->file, segment->header, options_.frame_bytes_max, kStepBytes);
  const auto frame = scanner.next();
  if (!frame) return frame.error();
  if (*frame && (*frame)->header.is(FrameKind::marker)) parent = decode_marker((*frame)->body);
  if (parent && parent->kind != Marker::Kind::parent) parent.reset();
  return parent;
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<std::optional<EntryId>> LogReader::marked_checkpoint() const try {
  std::optional<EntryId> newest;
  const auto listing = list_born(*directory_);
  if (!listing) return listing.error();
  if (listing->segments.empty()) return newest;
  const auto segment = open_segment(*directory_, listing->segments.back());
  if (!segment) return segment.error();
  FrameScanner scanner(*segment->file, segment->header, options_.frame_bytes_max, kStepBytes);
  for (;;) {
    const auto header = scanner.next_header();
    if (!header) return header.error();
    if (!*header) return newest;
    if (!(*header)->is(FrameKind::marker)) continue;
    scanner.seek((*header)->offset, (*header)->first, (*header)->chain);
    const auto frame = scanner.next();
    if (!frame) return frame.error();
    if (!*frame) return newest;
    const auto marker = decode_marker((*frame)->body);
    if (marker && marker->kind == Marker::Kind::checkpoint) newest = marker->entry_id;
  }
} catch (const std::bad_alloc&) {
  return no_memory();
}

}  // namespace walkit
