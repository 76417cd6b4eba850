#include "crash/sweeps.hpp"
#include "walkit/backup.hpp"
#include "walkit/checkpoint/checkpoint_store.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;
using Reader = WalReader<std::string, BytesCodec>;
using Store = CheckpointStore<std::string, BytesCodec>;
using Image = std::shared_ptr<CrashDirectory>;

constexpr int kSamples = 5;
constexpr std::uint64_t kEntries = 8;
constexpr EntryId kForkedBehind{5};

Error found(std::string what) { return {.code = Errc::corrupt, .message = std::move(what)}; }

std::string text_of(std::uint64_t id) { return "entry number " + std::to_string(id); }

/// Two checkpoints, two segments that a close ended, and one that a kill left.
Image make_log(std::uint64_t seed) {
  const auto directory = CrashDirectory::create({.seed = seed});
  for (std::uint64_t id = 1; id < kEntries;) {
    auto writer = Writer::open(directory).value();
    for (int n = 0; n < 3 && id <= kEntries; ++n) writer.append(text_of(id++)).value();
    auto store = Store::open(directory).value();
    const EntryId through{id - 1};
    if (id <= kEntries) store.save(through, "state " + to_string(through), through).value();
    if (id <= kEntries) writer.close().value();
    if (id > kEntries) return directory->crash(Crash::process_kill)->crash(Crash::power_cut);
  }
  return directory;
}

Status check_entries(const std::shared_ptr<Directory>& directory,
                     std::uint64_t entries = kEntries) {
  const auto reader = Reader::open(directory);
  if (!reader) return reader.error();
  const auto records = reader->replay(ReplayMode::best_effort);
  if (!records) return records.error();
  if (records->size() < entries) return found("there are " + std::to_string(records->size()));
  for (std::uint64_t id = 1; id <= entries; ++id) {
    if (records->at(id - 1).payload != text_of(id)) return found("another entry " + text_of(id));
  }
  return {};
}

/// How a log is copied: into links with no writer, into links by one, to another device, with its
/// checkpoints, as a fork.
enum class How { offline, live, elsewhere, state, fork };

bool back_up(const Image& log, const Image& device, How how) {
  const auto copy = device->subdirectory("copy", OpenMode::create);
  if (!copy) return false;
  const auto care = WalMaintenance::open(log);
  if (!care) return false;
  if (how == How::fork) return care->fork(*copy, kForkedBehind).has_value();
  if (how == How::state) {
    const auto store = Store::open(log);
    return store && back_up(*care, store->files(), *copy).has_value();
  }
  if (how != How::live) return care->backup(*copy).has_value();
  auto writer = Writer::open(log);
  return writer && writer->maintenance().backup(*copy).has_value();
}

Status check_state(const std::shared_ptr<Directory>& copy) {
  const auto report = verify_backup(copy);
  if (!report) return report.error();
  if (!report->damage.empty()) return report->damage.front();
  const auto newest = Store::open(copy)->load_latest();
  if (!newest) return newest.error();
  if (newest->state == "state 6") return {};
  return found("another checkpoint: " + newest->state);
}

// A fork that has MANIFEST is whole; one that was acknowledged has it.
Status check_fork(const Image& left, bool acknowledged) {
  const auto copy = left->subdirectory("copy", OpenMode::read);
  if (!copy && !acknowledged) return {};
  if (!copy) return copy.error();
  const auto home = (*copy)->subdirectory("wal", OpenMode::read);
  const bool begun = home && (*home)->open("MANIFEST", OpenMode::read);
  if (!begun) return acknowledged ? found("a fork without MANIFEST") : Status{};
  if (Status ok = check_entries(*copy, kForkedBehind.value); !ok) return ok;
  const auto parent = Reader::open(*copy)->parent();
  if (!parent) return parent.error();
  if (!*parent || (*parent)->entry_id != kForkedBehind) return found("a fork without its parent");
  auto writer = Writer::open(*copy);
  if (!writer) return writer.error();
  return writer->next_entry_id() == kForkedBehind + 1 ? Status{} : found("another next entry");
}

// A backup that has its list is whole; one that was acknowledged has it.
Status check_copy(const Image& left, How how, bool acknowledged) {
  const auto copy = left->subdirectory("copy", OpenMode::read);
  if (!copy && !acknowledged) return {};
  if (!copy) return copy.error();
  const auto report = WalMaintenance::verify_backup(*copy);
  if (!report && report.error().code == Errc::not_found && !acknowledged) return {};
  if (!report) return report.error();
  if (!report->damage.empty()) return report->damage.front();
  if (Status ok = check_entries(*copy); !ok) return ok;
  if (how == How::state) {
    if (Status ok = check_state(*copy); !ok) return ok;
  }
  auto writer = Writer::open(*copy);
  if (!writer) return writer.error();
  const auto id = writer->append("behind the copy");
  return id ? Status{} : Status(id.error());
}

Status cut_each_operation(const Image& log, How how, std::uint64_t& states) {
  for (std::uint64_t at = 1;; ++at) {
    const auto source = log->clone();
    const auto device = how == How::elsewhere ? CrashDirectory::create({.seed = at}) : source;
    device->cut_power_at(at);
    const bool acknowledged = back_up(source, device, how);
    for (int sample = 0; sample < kSamples; ++sample) {
      ++states;
      const auto left = device->crash(sample == 0 ? Crash::process_kill : Crash::power_cut);
      Status ok =
          how == How::fork ? check_fork(left, acknowledged) : check_copy(left, how, acknowledged);
      if (ok) ok = check_entries(how == How::elsewhere ? source : left);
      if (ok) continue;
      Error error = ok.error();
      error.message += " (power lost at operation " + std::to_string(at) + " of a backup)";
      return error;
    }
    if (device->operation_count() < at) return {};
  }
}

}  // namespace

Status sweep_backups(std::uint64_t& states) {
  std::uint64_t seed = 0;
  for (const How how : {How::offline, How::live, How::elsewhere, How::state, How::fork}) {
    if (Status ok = cut_each_operation(make_log(++seed), how, states); !ok) return ok;
  }
  return {};
}

}  // namespace walkit::crash
