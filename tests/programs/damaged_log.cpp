// A log with a damaged entry: found, told by id, saved to a new place, and repaired in place.
#include <string>
#include <walkit/testing/crash_directory.hpp>
#include <walkit/walkit.hpp>

#include "check.hpp"

using walkit::EntryId;
using Log = walkit::WalReader<std::string, walkit::BytesCodec>;
using Wal = walkit::WalWriter<std::string, walkit::BytesCodec>;

/// Six entries, one in each frame; a bit of the third is wrong.
std::shared_ptr<walkit::testing::CrashDirectory> damaged_log() {
  auto disk = walkit::testing::CrashDirectory::create();
  auto wal = Wal::open(disk).value();
  for (int i = 1; i <= 6; ++i) wal.append("entry " + std::to_string(i)).value();
  wal.close().value();
  for (const std::string& path : disk->list_files()) {
    const walkit::Bytes bytes = disk->read_file(path).value();
    const auto at = walkit::as_text(bytes).find("entry 3");
    if (at != std::string_view::npos) disk->flip_bit(path, at * 8).value();
  }
  return disk;
}

int main() {
  const auto disk = damaged_log();
  const Log log = Log::open(disk).value();
  CHECK(log.replay().error().code == walkit::Errc::corrupt);
  CHECK(log.replay(walkit::ReplayMode::best_effort).error().code == walkit::Errc::corrupt);

  const auto care = walkit::WalMaintenance::open(disk).value();
  const walkit::VerifyReport found = care.verify().value();
  CHECK(found.damage.size() == 1 && found.damage[0].lost.contains(EntryId{3}));

  // All that reads, with the hole as a value.
  int readable = 0;
  const auto salvaged = log.replay_each(walkit::ReplayMode::salvage,
                                        [&](const walkit::WalRecord<std::string>&) { ++readable; });
  CHECK(salvaged && readable == 5 && salvaged->gaps.size() == 1);

  // Into a new log, elsewhere.
  const auto elsewhere = walkit::MemoryDirectory::create();
  CHECK(care.salvage(elsewhere).value().entry_count == 5);
  CHECK(Wal::open(elsewhere).value().next_entry_id() == EntryId{7});

  // In place: nothing is given up that the caller did not name.
  const walkit::RepairPlan plan = care.plan_repair().value();
  CHECK(plan.lost == walkit::EntryIdRange{EntryId{3}, EntryId{3}});
  CHECK(care.apply(plan).error().code == walkit::Errc::invalid_argument);
  CHECK(care.apply(plan, plan.lost));
  CHECK(care.verify().value().damage.empty());
  CHECK(Wal::open(disk).value().append("entry 7").value() == EntryId{7});

  // The loss is on record: strict readers say that they know.
  const auto strict = Log::open(disk).value();
  CHECK(strict.replay().error().code == walkit::Errc::corrupt);
  const auto informed = Log::open(disk, {.recorded_loss = walkit::RecordedLoss::accept}).value();
  CHECK(informed.replay().value().size() == 6);
  CHECK(informed.read(EntryId{4}).value().payload == "entry 4");
}
