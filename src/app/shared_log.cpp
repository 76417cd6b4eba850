#include "app/shared_log.hpp"

#include <algorithm>
#include <charconv>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "walkit/codec.hpp"

namespace walkit::raft {

namespace {

constexpr LogWriter::Contents kContents{CodecId{"raft"}.value, EntryType{"walkit.raft", 1}};

using Snapshots = std::map<std::uint64_t, Result<std::optional<StoredSnapshot>>>;

Result<CheckpointFiles> open_snapshots(const std::shared_ptr<Directory>& directory,
                                       const RaftOptions& options, std::uint64_t group) {
  CheckpointOptions snapshots = options.snapshots;
  if (group > 0) snapshots.subdirectory += "-" + std::to_string(group);
  return CheckpointFiles::open(directory, std::move(snapshots),
                               CheckpointFiles::Contents{kContents.codec, kContents.type});
}

// The group whose snapshots stand in a folder of this name.
std::optional<std::uint64_t> group_of(std::string_view name, std::string_view subdirectory) {
  if (name == subdirectory) return 0;
  if (!name.starts_with(subdirectory)) return std::nullopt;
  name.remove_prefix(subdirectory.size());
  std::uint64_t group = 0;
  if (name.size() < 2 || name[0] != '-' || name[1] == '0') return std::nullopt;
  const auto [end, failed] = std::from_chars(name.data() + 1, name.data() + name.size(), group);
  if (failed != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return group;
}

enum class Reading { header, all };

Result<StoredSnapshot> read_header(const CheckpointFiles& files, const CheckpointInfo& info,
                                   Reading reading) {
  SnapshotHeaderReader reader;
  auto found = files.read(info.entry_id, [&](BytesView piece) -> Status {
    auto state = reader.take(piece);
    if (!state) return std::move(state).error();
    const bool is_enough = reading == Reading::header && reader.header();
    return is_enough ? Status(Error{}) : Status();  // an error ends it
  });
  if (!found && !(reader.header() && reading == Reading::header)) return std::move(found).error();
  if (!reader.header() || EntryId{reader.header()->info.index} != info.entry_id) {
    return Error{.code = Errc::corrupt,
                 .message = "no snapshot of a Raft log, or another's",
                 .file = info.file};
  }
  StoredSnapshot stored{.header = *std::move(reader.header())};
  if (found) stored.log = found->log;
  return stored;
}

// Damage, of the device or of the bytes: there may be an older one. All else is for the caller.
bool may_be_skipped(const Error& error) {
  return error.code == Errc::corrupt || error.code == Errc::io || error.code == Errc::decode ||
         error.code == Errc::not_found;
}

// The newest that is good. none: nothing was ever saved.
Result<std::optional<StoredSnapshot>> newest(const CheckpointFiles& files, Reading reading) {
  const auto list = files.list();
  if (!list) return list.error();
  std::vector<Error> skipped;
  for (auto info = list->rbegin(); info != list->rend(); ++info) {
    auto stored = read_header(files, *info, reading);
    if (stored) {
      if (reading == Reading::all) {  // by who holds the lock, and is about to go on from it
        if (Status ok = files.settle(); !ok) return std::move(ok).error();
      }
      stored->skipped = std::move(skipped);
      return std::optional(std::move(*stored));
    }
    if (!may_be_skipped(stored.error())) return std::move(stored).error();
    skipped.push_back(std::move(stored).error());
  }
  if (skipped.empty()) return std::optional<StoredSnapshot>();
  skipped.front().code = Errc::corrupt;
  return std::move(skipped.front());
}

Result<Snapshots> all_snapshots(const std::shared_ptr<Directory>& directory,
                                const RaftOptions& options, Reading reading) {
  const auto names = directory->list();
  if (!names) return names.error();
  Snapshots found;
  for (const std::string& name : *names) {
    const auto group = group_of(name, options.snapshots.subdirectory);
    if (!group || !directory->subdirectory(name, OpenMode::read)) continue;  // a file of others
    auto files = open_snapshots(directory, options, *group);
    if (!files) return std::move(files).error();
    found.emplace(*group, newest(*files, reading));
    if (reading == Reading::header) continue;
    const auto others = files->other_files();
    if (!others || others->empty()) continue;
    files->prune().ignore("leftovers of a save that a crash cut: the next one removes them");
  }
  return found;
}

WalOptions wal_options(const RaftOptions& options, const Snapshots& snapshots) {
  WalOptions wal = options.wal;
  wal.flush = FlushPolicy::manual();  // who waits leads: a lone saver needs no other thread
  wal.durability = Durability::durable;
  wal.entry_type = kContents.type;
  for (const auto& [group, snapshot] : snapshots) {
    if (!snapshot || !*snapshot) continue;
    const EntryId through = (*snapshot)->header.log_through;
    wal.expect_durable_through = std::max(wal.expect_durable_through, through);
  }
  return wal;
}

}  // namespace

Status RaftOptions::validate() const {
  if (wal.max_entry_bytes <= kEntryHeaderBytesMax)
    return invalid("wal.max_entry_bytes: at least 65");
  if (Status ok = snapshots.validate(); !ok) return ok;
  if (snapshots.subdirectory == wal.subdirectory) {
    return invalid("snapshots.subdirectory: not that of the log");
  }
  return {};
}

SharedLog::SharedLog(std::shared_ptr<Directory> directory, RaftOptions options, LogWriter writer,
                     LogReader reader)
    : directory_(std::move(directory)),
      options_(std::move(options)),
      writer_(std::move(writer)),
      reader_(std::move(reader)) {}

Result<std::shared_ptr<SharedLog>> SharedLog::open(std::shared_ptr<Directory> directory,
                                                   RaftOptions options) try {
  if (!directory) return invalid("the directory is a null pointer");
  if (Status ok = options.validate(); !ok) return std::move(ok).error();
  // What they say of the log, so that one which lacks it is refused before it is changed.
  auto snapshots = all_snapshots(directory, options, Reading::header);
  if (!snapshots) return std::move(snapshots).error();
  auto writer = LogWriter::open(directory, wal_options(options, *snapshots), kContents);
  if (!writer) return std::move(writer).error();
  // Under the lock: now nobody saves one any more.
  snapshots = all_snapshots(directory, options, Reading::all);
  if (!snapshots) return std::move(snapshots).error();
  // What this process was given ids for is flushed before it leaves memory, and so can be read.
  auto reader = LogReader::open(
      directory, {.subdirectory = options.wal.subdirectory, .visibility = Durability::flushed},
      kContents);
  if (!reader) return std::move(reader).error();
  std::shared_ptr<SharedLog> log(new SharedLog(std::move(directory), std::move(options),
                                               std::move(*writer), std::move(*reader)));
  if (Status ok = log->load(); !ok) return std::move(ok).error();
  for (const auto& [number, snapshot] : *snapshots) {
    if (auto made = log->find_or_make(number); !made) return std::move(made).error();
  }
  const Result<std::optional<StoredSnapshot>> none{std::optional<StoredSnapshot>()};
  for (const auto& [number, group] : log->groups_) {
    const auto snapshot = snapshots->find(number);
    group->begin(snapshot == snapshots->end() ? none : snapshot->second);
  }
  return log;
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status SharedLog::load() {
  auto replayed =
      reader_.replay(ReplayMode::strict, {}, [&](const EntryView& entry) -> Result<Step> {
        const auto record = decode_record(entry.payload);
        if (!record) {
          Error error = record.error();
          error.file = entry.file;
          error.offset = entry.offset;
          return error;
        }
        auto group = find_or_make(record->group);
        if (!group) return std::move(group).error();
        (*group)->image().take(*record, entry.entry_id);
        return Step::next;
      });
  if (!replayed) return std::move(replayed).error();
  return {};
}

Result<Group*> SharedLog::find_or_make(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto there = groups_.find(number);
  if (there != groups_.end()) return there->second.get();
  auto snapshots = open_snapshots(directory_, options_, number);
  if (!snapshots) return std::move(snapshots).error();
  auto made = std::make_unique<Group>(*this, number, std::move(*snapshots));
  return groups_.emplace(number, std::move(made)).first->second.get();
}

Result<Group*> SharedLog::group(std::uint64_t number, const RaftStorage::Commands& commands) try {
  auto found = find_or_make(number);
  if (!found) return found;
  if (Status ok = (*found)->attach(commands); !ok) return std::move(ok).error();
  return found;
} catch (const std::bad_alloc&) {
  return no_memory();
}

std::vector<Group*> SharedLog::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Group*> groups;
  groups.reserve(groups_.size());
  for (const auto& [number, group] : groups_) groups.push_back(group.get());
  return groups;
}

std::vector<std::uint64_t> SharedLog::born() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, group] : groups_) {
    if (group->is_born()) numbers.push_back(number);
  }
  return numbers;
}

Status SharedLog::trim() try {
  const std::lock_guard one_at_a_time(trimming_);
  // First of all: what is appended from here on is not looked at, and stays.
  const EntryId next = writer_.next_entry_id();
  const std::vector<Group*> groups = all();
  EntryId keep = next;
  for (Group* group : groups) {
    group->look_at_snapshots();
    keep = std::min(keep, group->needs().entries);
  }
  const WalMaintenance care = writer_.maintenance();
  const auto plan = care.plan_trim(keep);
  if (!plan) return plan.error();
  if (plan->segments.empty()) return {};
  EntryId told{};
  for (Group* group : groups) {
    if (group->needs().base >= plan->oldest) continue;
    auto id = group->repeat_base();
    if (!id) return std::move(id).error();
    told = std::max(told, *id);
  }
  if (told > EntryId{}) {
    if (Status ok = writer_.wait_durable(told); !ok) return ok;
  }
  const auto oldest = care.trim_before(plan->oldest);  // no more than was planned
  if (!oldest) return oldest.error();
  for (Group* group : groups) group->forget_below(*oldest);
  return {};
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status SharedLog::close() try {
  Status first;
  for (Group* group : all()) {
    Status ok = group->close();
    if (!ok && first) first = std::move(ok);
  }
  Status closed = writer_.close();
  return first ? closed : first;
} catch (const std::bad_alloc&) {
  return no_memory();
}

}  // namespace walkit::raft
