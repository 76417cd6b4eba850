#include "crash/sweeps.hpp"
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
using Image = std::shared_ptr<CrashDirectory>;

constexpr int kSamples = 5;
constexpr std::uint64_t kEntries = 8;

Error found(std::string what) { return {.code = Errc::corrupt, .message = std::move(what)}; }

std::string text_of(std::uint64_t id) { return "entry number " + std::to_string(id); }

/// Two segments that a close ended, and one that a kill left.
Image make_log() {
  const auto directory = CrashDirectory::create({.seed = 3});
  for (std::uint64_t id = 1; id < kEntries;) {
    auto writer = Writer::open(directory).value();
    for (int n = 0; n < 3 && id <= kEntries; ++n) writer.append(text_of(id++)).value();
    if (id <= kEntries) writer.close().value();
    if (id > kEntries) return directory->crash(Crash::process_kill)->crash(Crash::power_cut);
  }
  return directory;
}

Status check_entries(const std::shared_ptr<Directory>& directory) {
  const auto reader = Reader::open(directory);
  if (!reader) return reader.error();
  const auto records = reader->replay(ReplayMode::best_effort);
  if (!records) return records.error();
  if (records->size() < kEntries) return found("there are " + std::to_string(records->size()));
  for (std::uint64_t id = 1; id <= kEntries; ++id) {
    if (records->at(id - 1).payload != text_of(id)) return found("another entry " + text_of(id));
  }
  return {};
}

/// How a log is copied: into links with no writer, into links by one, or to another device.
enum class How { offline, live, elsewhere };

bool back_up(const Image& log, const Image& device, How how) {
  const auto copy = device->subdirectory("copy", OpenMode::create);
  if (!copy) return false;
  if (how != How::live) return WalMaintenance::open(log)->backup(*copy).has_value();
  auto writer = Writer::open(log);
  return writer && writer->maintenance().backup(*copy).has_value();
}

// A backup that has its list is whole; one that was acknowledged has it.
Status check_copy(const Image& left, bool acknowledged) {
  const auto copy = left->subdirectory("copy", OpenMode::read);
  if (!copy && !acknowledged) return {};
  if (!copy) return copy.error();
  const auto report = WalMaintenance::verify_backup(*copy);
  if (!report && report.error().code == Errc::not_found && !acknowledged) return {};
  if (!report) return report.error();
  if (!report->damage.empty()) return report->damage.front();
  if (Status ok = check_entries(*copy); !ok) return ok;
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
      Status ok = check_copy(left, acknowledged);
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
  const Image log = make_log();
  for (const How how : {How::offline, How::live, How::elsewhere}) {
    if (Status ok = cut_each_operation(log, how, states); !ok) return ok;
  }
  return {};
}

}  // namespace walkit::crash
