// verify() and what the reports say; salvage and repair from a device with bad sectors.

#include <cerrno>

#include "log/log_box.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit {
namespace {

WalMaintenance care_for(const std::shared_ptr<Directory>& directory) {
  return WalMaintenance::open(directory).value();
}

LogBox three_segments() {
  LogBox box;
  box.append(3).close().open().append(3).close().open().append(3).close();
  return box;
}

/// One sector of one file that the device refuses to read.
struct BadSector {
  std::string file{};
  std::uint64_t offset = 0;
};
class BadFile final : public testing::PassingFile {
 public:
  BadFile(std::unique_ptr<File> below, std::uint64_t bad)
      : PassingFile(std::move(below)), bad_(bad) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset < bad_ + 512 && bad_ < offset + into.size()) {
      return Error{.code = Errc::io, .message = "input/output error", .os_error = EIO};
    }
    return PassingFile::read_at(offset, into);
  }

 private:
  std::uint64_t bad_;
};
class BadDirectory final : public testing::PassingDirectory {
 public:
  BadDirectory(std::shared_ptr<Directory> below, BadSector bad)
      : PassingDirectory(std::move(below)), bad_(std::move(bad)) {}

 private:
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view name,
                                               std::shared_ptr<Directory> inner) override {
    if (name == "quarantine") return inner;
    return std::make_shared<BadDirectory>(std::move(inner), bad_);
  }
  std::unique_ptr<File> wrap_file(std::string_view name, std::unique_ptr<File> file) override {
    if (name != bad_.file) return file;
    return std::make_unique<BadFile>(std::move(file), bad_.offset);
  }

  BadSector bad_;
};

TEST(Maintenance, WholeLogVerifies) {
  LogBox box = three_segments();
  const std::uint64_t before = box.directory->image_hash();
  const auto report = care_for(box.directory).verify().value();
  EXPECT_EQ(report.entries, (EntryIdRange{EntryId{1}, EntryId{9}}));
  EXPECT_EQ(report.proven_through, EntryId{9});
  EXPECT_TRUE(report.damage.empty()) << to_string(report);
  EXPECT_EQ(to_string(report), "whole: entries 1..9; proven through 9");
  EXPECT_EQ(box.directory->image_hash(), before);
}

TEST(Maintenance, VerifyTellsAllDamageAndNotOnlyTheFirst) {
  LogBox box = three_segments();
  box.flip("wal/MANIFEST", 60);
  std::vector<std::uint64_t> offsets;
  for (const std::size_t n : {0, 2}) {
    const auto segment = read_segment(*box.home(), box.segment(n).substr(4));
    offsets.push_back(segment.frames.at(1).offset);
    box.flip(box.segment(n), offsets.back() + 70);
  }
  const auto report = care_for(box.directory).verify().value();
  ASSERT_EQ(report.damage.size(), 3u) << to_string(report);
  EXPECT_EQ(report.damage[0].file, "MANIFEST");
  EXPECT_EQ(report.damage[1].lost, (EntryIdRange{EntryId{2}, EntryId{2}}));
  EXPECT_EQ(report.damage[1].offset, offsets[0]);
  EXPECT_EQ(report.damage[2].lost, (EntryIdRange{EntryId{8}, EntryId{8}}));
  EXPECT_EQ("wal/" + report.damage[2].file, box.segment(2));
  EXPECT_EQ(report.entries, (EntryIdRange{EntryId{1}, EntryId{9}}));
}

TEST(Maintenance, TornTailIsCountedAndNoDamage) {
  LogBox box;
  box.append(3).flush(1).kill();
  const auto segment = read_segment(*box.home(), box.newest().substr(4));
  box.change(box.newest(), [&](Bytes& bytes) { bytes.resize(segment.frames.at(3).offset + 20); });
  const auto report = care_for(box.directory).verify().value();
  EXPECT_TRUE(report.damage.empty()) << to_string(report);
  EXPECT_GT(report.torn_bytes, 0u);
  EXPECT_EQ(report.entries.last, EntryId{3});
}

TEST(Maintenance, VerifyBesideAWriterEndsAtWhatIsDurable) {
  LogBox box;
  box.append(3).flush(2);
  const auto report = care_for(box.directory).verify().value();
  EXPECT_EQ(report.entries, (EntryIdRange{EntryId{1}, EntryId{3}}));
  EXPECT_TRUE(report.damage.empty()) << to_string(report);
}

TEST(Maintenance, FloorOfTheCallerIsEvidence) {
  LogBox box = three_segments();
  const auto care =
      WalMaintenance::open(box.directory, {.expect_durable_through = EntryId{12}}).value();
  const auto report = care.verify().value();
  ASSERT_EQ(report.damage.size(), 1u) << to_string(report);
  EXPECT_EQ(report.damage[0].lost, (EntryIdRange{EntryId{10}, EntryId{12}}));
}

TEST(Maintenance, RefusedSectorCostsOnlyTheFramesInIt) {
  LogBox box;
  box.append(30).close().open().append(3);
  const std::uint64_t last = box.last();
  box.close();
  const std::string file = box.segment(0).substr(4);
  const auto segment = read_segment(*box.home(), file);
  const std::uint64_t bad = 1024;
  EntryIdRange in_it;
  for (const auto& frame : segment.frames) {
    if (frame.count == 0 || frame.end() <= bad || frame.offset >= bad + 512) continue;
    if (in_it.empty()) in_it.first = frame.first;
    in_it.last = frame.last();
  }
  const auto device = std::make_shared<BadDirectory>(box.directory, BadSector{file, bad});
  const auto target = MemoryDirectory::create();
  const auto report = care_for(device).salvage(target).value();
  ASSERT_EQ(report.losses.size(), 1u) << to_string(report);
  EXPECT_EQ(report.losses[0].lost, in_it);
  EXPECT_EQ(report.losses[0].os_error, EIO);
  EXPECT_EQ(report.entry_count + in_it.size(), last);
}

TEST(Maintenance, FolderWithoutALogIsNotFound) {
  const auto directory = CrashDirectory::create();
  EXPECT_THAT(WalMaintenance::open(directory), HasErrc(Errc::not_found));
  directory->subdirectory("wal", OpenMode::create).value();
  const auto care = care_for(directory);
  EXPECT_THAT(care.verify(), HasErrc(Errc::not_found));
  EXPECT_THAT(care.plan_repair(), HasErrc(Errc::not_found));
  EXPECT_THAT(care.salvage(MemoryDirectory::create()), HasErrc(Errc::not_found));
}

TEST(Maintenance, SegmentRangesAreThoseOfTheReader) {
  LogBox box = three_segments();
  const auto ranges = care_for(box.directory).segment_ranges().value();
  ASSERT_EQ(ranges.size(), 3u);
  EXPECT_EQ(ranges[1].entries, (EntryIdRange{EntryId{4}, EntryId{6}}));
}

TEST(Maintenance, ReportsReadAsText) {
  LogBox box = three_segments();
  box.remove(box.segment(1));
  const auto care = care_for(box.directory);
  const std::string plan = to_string(care.plan_repair().value());
  EXPECT_TRUE(plan.starts_with("gives up entries in 4..6\n")) << plan;
  EXPECT_NE(plan.find("\nmove to quarantine/ 0000"), std::string::npos) << plan;
  EXPECT_EQ(to_string(RepairPlan{}), "nothing needs repair");
  const std::string report = to_string(care.salvage(MemoryDirectory::create()).value());
  EXPECT_TRUE(report.starts_with("6 entries in 1..9; 1 loss\n")) << report;
}

}  // namespace
}  // namespace walkit
