#include "log/evidence_files.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "log/file_window.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit::log {
namespace {

using testing::CrashDirectory;
using ::testing::ElementsAre;
using testing::HasErrc;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;

LogIdentity identity(int n = 0) {
  LogIdentity log;
  log.fill(static_cast<std::byte>(0xC0 + n));
  return log;
}

/// A directory with a MANIFEST, and small words for what happens to it.
class ManifestFile : public ::testing::Test {
 protected:
  ManifestFile() : writer(ManifestWriter::create(*directory, identity()).value()) {}

  ManifestView read() const { return read_manifest(*directory).value(); }
  std::array<std::uint64_t, 2> generations() const {
    const ManifestView view = read();
    return {view.slots[0] ? view.slots[0]->generation : 0,
            view.slots[1] ? view.slots[1]->generation : 0};
  }
  void write(std::uint64_t durable) {
    ManifestSlot slot = writer.current();
    slot.durable_through = EntryId{durable};
    EXPECT_THAT(writer.write(slot), IsOk());
  }
  void reopen() { writer = ManifestWriter::open(*directory, read()).value(); }
  Bytes bytes() const { return directory->read_file("MANIFEST").value(); }
  void put(const Bytes& content) {
    EXPECT_THAT(directory->overwrite_file("MANIFEST", content), IsOk());
  }
  void spoil(std::size_t slot) {
    EXPECT_THAT(directory->flip_bit("MANIFEST", (slot * kManifestSlotBytes + 100) * 8), IsOk());
  }

  std::shared_ptr<CrashDirectory> directory = CrashDirectory::create();
  ManifestWriter writer;
};

TEST_F(ManifestFile, IsBornWithTwoGoodSlotsCleanAndWithoutSegments) {
  EXPECT_THAT(generations(), ElementsAre(2, 1));
  EXPECT_THAT(read().faults, IsEmpty());
  EXPECT_TRUE(read().newest()->clean);
  EXPECT_EQ(read().newest()->last_segment, 0u);
  EXPECT_THAT(directory->list_files(), ElementsAre("MANIFEST"));
}

TEST_F(ManifestFile, WritesTakeTurnsBetweenTheSlots) {
  write(10);
  EXPECT_THAT(generations(), ElementsAre(2, 3));
  write(11);
  EXPECT_THAT(generations(), ElementsAre(4, 3));
  EXPECT_EQ(read().newest()->durable_through, EntryId{11});
}

TEST_F(ManifestFile, FirstWriteOfALifeGoesOverTheNewest) {
  write(10);
  reopen();
  write(11);
  EXPECT_THAT(generations(), ElementsAre(2, 5));
  write(12);
  EXPECT_THAT(generations(), ElementsAre(6, 5));
}

TEST_F(ManifestFile, FirstWriteOfALifeGoesOverTheBadSlot) {
  for (const std::size_t bad : {0, 1}) {
    write(10);
    const std::uint64_t newest_left = generations()[1 - bad];
    spoil(bad);
    reopen();
    write(11);
    EXPECT_EQ(generations()[1 - bad], newest_left);
    EXPECT_THAT(read().faults, IsEmpty());
    EXPECT_EQ(read().newest()->durable_through, EntryId{11});
  }
}

TEST_F(ManifestFile, OneBadSlotIsNamedAndTheOtherCounts) {
  write(10);
  for (const std::size_t bad : {0, 1}) {
    spoil(bad);
    const ManifestView view = read();
    ASSERT_THAT(view.faults, SizeIs(1));
    EXPECT_EQ(view.faults[0].code, Errc::corrupt);
    EXPECT_EQ(view.faults[0].file, "MANIFEST");
    EXPECT_EQ(view.faults[0].offset, bad * kManifestSlotBytes);
    EXPECT_EQ(view.newest()->generation, bad == 0 ? 3u : 2u);
    spoil(bad);
  }
}

TEST_F(ManifestFile, BothBadSlotsLeaveNothing) {
  spoil(0);
  spoil(1);
  EXPECT_EQ(read().newest(), nullptr);
  EXPECT_THAT(read().faults, SizeIs(2));
}

TEST_F(ManifestFile, SlotInTheOthersPlaceIsBad) {
  Bytes swapped = bytes();
  std::rotate(swapped.begin(), swapped.begin() + kManifestSlotBytes, swapped.end());
  put(swapped);
  EXPECT_EQ(read().newest(), nullptr);
  Bytes doubled = bytes();
  std::copy_n(doubled.begin(), kManifestSlotBytes, doubled.begin() + kManifestSlotBytes);
  put(doubled);
  EXPECT_THAT(read().faults, SizeIs(1));
}

TEST_F(ManifestFile, EveryTruncationLeavesTheSlotThatIsWhole) {
  const Bytes whole = bytes();
  for (const std::size_t size : {std::size_t{0}, std::size_t{31}, kManifestSlotBytes - 1,
                                 kManifestSlotBytes, kManifestBytes - 1}) {
    put(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_THAT(read().faults, SizeIs(size < kManifestSlotBytes ? 2 : 1)) << size;
  }
}

TEST_F(ManifestFile, NewerVersionIsIncompatibleThoughTheOtherSlotReads) {
  Bytes newer = bytes();
  newer[12] = std::byte{1};
  const BytesView slot = BytesView(newer).first(kManifestSlotBytes);
  store_le(newer.data() + 28, crc32c(slot.subspan(32), crc32c(slot.first(28))));
  put(newer);
  EXPECT_THAT(read_manifest(*directory), HasErrc(Errc::incompatible));
}

TEST_F(ManifestFile, MissingIsNotFound) {
  EXPECT_THAT(directory->remove_file("MANIFEST"), IsOk());
  EXPECT_THAT(read_manifest(*directory), HasErrc(Errc::not_found));
}

// What a slot says that was written and synced survives every crash of the write behind it.
TEST_F(ManifestFile, TornWriteNeverCostsWhatWasDurable) {
  write(10);
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const auto before = CrashDirectory::create({.seed = seed});
    auto log = ManifestWriter::create(*before, identity()).value();
    ManifestSlot slot = log.current();
    for (const std::uint64_t durable : {10, 11}) {
      slot.durable_through = EntryId{durable};
      if (durable == 11) before->cut_power_at(before->operation_count() + 2);
      log.write(slot).ignore("the second finds no power for its sync");
    }
    const auto after = before->crash();
    const auto view = read_manifest(*after);
    ASSERT_TRUE(view && view->newest() != nullptr) << "seed " << seed;
    EXPECT_GE(view->newest()->durable_through, EntryId{10}) << "seed " << seed;
  }
}

class LockFile : public ::testing::Test {
 protected:
  LockFile() : held(directory->lock().value()) {
    EXPECT_THAT(LockRecordWriter::open(*directory).value().write(record), IsOk());
  }
  std::optional<LockRecord> read() const { return read_lock_record(*directory).value(); }

  std::shared_ptr<CrashDirectory> directory = CrashDirectory::create();
  std::unique_ptr<DirectoryLock> held;
  const LockRecord record{
      .log = identity(), .process = 7, .epoch = 8, .durable_through = EntryId{9}};
};

TEST_F(LockFile, RecordRoundTrips) { EXPECT_EQ(read(), record); }

TEST_F(LockFile, MissingIsNoEvidence) {
  EXPECT_THAT(directory->remove_file("LOCK"), IsOk());
  EXPECT_EQ(read(), std::nullopt);
}

TEST_F(LockFile, EveryTruncationIsNoEvidence) {
  for (std::size_t size = kLockRecordBytes; size-- > 0;) {
    EXPECT_THAT(directory->truncate_file("LOCK", size), IsOk());
    EXPECT_EQ(read(), std::nullopt) << size;
  }
}

TEST_F(LockFile, EveryFlippedBitIsNoEvidence) {
  for (std::uint64_t bit = 0; bit < kLockRecordBytes * 8; ++bit) {
    EXPECT_THAT(directory->flip_bit("LOCK", bit), IsOk());
    EXPECT_EQ(read(), std::nullopt) << bit;
    EXPECT_THAT(directory->flip_bit("LOCK", bit), IsOk());
  }
}

TEST_F(LockFile, TornBetweenTwoRecordsIsNoEvidence) {
  const Bytes old = directory->read_file("LOCK").value();
  const auto next = encode(LockRecord{identity(), 70, 80, EntryId{90}});
  std::size_t reads = 0;
  for (std::size_t cut = 0; cut <= old.size(); ++cut) {
    Bytes torn = old;
    std::copy_n(next.begin(), cut, torn.begin());
    EXPECT_THAT(directory->overwrite_file("LOCK", torn), IsOk());
    const auto found = read();
    reads += found ? 1 : 0;
    const bool whole = BytesView(torn).size() == next.size() &&
                       (torn == old || std::equal(torn.begin(), torn.end(), next.begin()));
    EXPECT_EQ(found.has_value(), whole) << cut;
  }
  EXPECT_GE(reads, 2u);
}

TEST_F(LockFile, ForeignBytesAreNoEvidence) {
  EXPECT_THAT(directory->overwrite_file("LOCK", Bytes(kLockRecordBytes)), IsOk());
  EXPECT_EQ(read(), std::nullopt);
  Bytes text(kLockRecordBytes, std::byte{'x'});
  EXPECT_THAT(directory->overwrite_file("LOCK", text), IsOk());
  EXPECT_EQ(read(), std::nullopt);
}

TEST_F(LockFile, DeviceErrorIsAnErrorAndNotMissingEvidence) {
  directory->fail_read_at(directory->read_count() + 2, Errc::io);
  EXPECT_THAT(read_lock_record(*directory), HasErrc(Errc::io));
}

/// Byte i of the file is i * 7 + i / 256.
std::unique_ptr<File> patterned_file(std::size_t bytes) {
  Bytes content(bytes);
  for (std::size_t i = 0; i < bytes; ++i) content[i] = static_cast<std::byte>(i * 7 + i / 256);
  auto file = MemoryDirectory::create()->open("file", OpenMode::create).value();
  const BytesView parts[] = {content};
  file->write_at(0, parts).value();
  return file;
}

bool fits(BytesView view, std::uint64_t offset) {
  for (std::size_t i = 0; i < view.size(); ++i) {
    const std::uint64_t at = offset + i;
    if (view[i] != static_cast<std::byte>(at * 7 + at / 256)) return false;
  }
  return true;
}

TEST(FileWindow, ShowsTheFileWhereverItLooks) {
  constexpr std::size_t kBytes = 700'000;
  const auto file = patterned_file(kBytes);
  FileWindow window(*file);
  for (const std::uint64_t offset :
       {0u, 64u, 262'100u, 262'144u, 262'200u, 10u, 699'000u, 500'000u}) {
    for (const std::size_t bytes : {1u, 64u, 70'000u, 300'000u, 64u}) {
      const BytesView view = window.at(offset, bytes).value();
      EXPECT_EQ(view.size(), std::min<std::uint64_t>(bytes, kBytes - offset));
      EXPECT_TRUE(fits(view, offset)) << offset << " " << bytes;
    }
  }
}

/// With its bytes in memory, as of a directory that maps.
class MappedFile final : public testing::PassingFile {
 public:
  explicit MappedFile(std::unique_ptr<File> below) : PassingFile(std::move(below)) {
    bytes_.resize(size().value());
    PassingFile::read_at(0, bytes_).value();
  }
  Result<std::size_t> read_at(std::uint64_t /*offset*/, std::span<std::byte> /*into*/) override {
    ADD_FAILURE() << "a mapped file is not read";
    return std::size_t{0};
  }
  Result<BytesView> map() override { return BytesView(bytes_); }

 private:
  Bytes bytes_{};
};

TEST(FileWindow, IsShortOnlyAtTheEndOfTheFile) {
  const auto file = patterned_file(100);
  MappedFile mapped(patterned_file(100));
  for (File* shown : {file.get(), static_cast<File*>(&mapped)}) {
    FileWindow window(*shown);
    window.map();  // of which `file` knows nothing
    EXPECT_THAT(window.at(90, 64).value(), SizeIs(10));
    EXPECT_THAT(window.at(100, 64).value(), SizeIs(0));
    EXPECT_THAT(window.at(1'000'000, 64).value(), SizeIs(0));
    const BytesView whole = window.at(36, 64).value();
    EXPECT_THAT(whole, SizeIs(64));
    EXPECT_TRUE(fits(whole, 36));
  }
}

TEST(FileWindow, RefreshReadsAnew) {
  const auto file = patterned_file(100);
  FileWindow window(*file);
  EXPECT_TRUE(fits(window.at(0, 10).value(), 0));
  const Bytes other(100, std::byte{0xEE});
  const BytesView parts[] = {other};
  ASSERT_THAT(file->write_at(0, parts), IsOk());
  EXPECT_TRUE(fits(window.at(0, 10).value(), 0));
  window.refresh();
  EXPECT_EQ(window.at(0, 1).value()[0], std::byte{0xEE});
}

TEST(FileWindow, FailedReadIsAnErrorAndTheNextOneReads) {
  const auto directory = CrashDirectory::create();
  const auto file = directory->open("file", OpenMode::create).value();
  const Bytes content(1000, std::byte{0xEE});
  const BytesView parts[] = {content};
  ASSERT_THAT(file->write_at(0, parts), IsOk());
  FileWindow window(*file);
  directory->fail_read_at(directory->read_count() + 1, Errc::io);
  EXPECT_THAT(window.at(0, 10), HasErrc(Errc::io));
  const BytesView view = window.at(0, 10).value();
  EXPECT_THAT(view, SizeIs(10));
  EXPECT_EQ(view.back(), std::byte{0xEE});
}

}  // namespace
}  // namespace walkit::log
