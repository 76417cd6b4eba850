// Forks: entries up to one as another log, which names its parent.

#include "log/busy_directory.hpp"
#include "log/log_box.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"

namespace walkit {
namespace {

using ::testing::IsEmpty;

LogIdentity identity_of(const std::shared_ptr<Directory>& directory) {
  return Reader::open(directory)->replay_each(ReplayMode::strict, [](const auto&) {})->log_identity;
}

/// Two segments, of a batch of four and of three single entries.
LogBox make_log(Compression compression = Compression::none) {
  LogBox box;
  box.kill().options.compression = compression;
  box.open();
  const std::vector<std::string> batch{text_of(1), text_of(2), text_of(3), text_of(4)};
  EXPECT_THAT(box.wal->append_batch(batch), IsOk());
  box.close().open().append(3).close();
  return box;
}

void expect_entries(const std::shared_ptr<Directory>& directory, std::uint64_t last) {
  EXPECT_THAT(read_all(directory), IsOkAndHolds(texts_through(last)));
  EXPECT_THAT(WalMaintenance::open(directory)->verify()->damage, IsEmpty());
}

TEST(ForkedLog, HoldsTheEntriesUpToEachOneAndGoesOn) {
  for (const Compression compression : {Compression::none, Compression::zstd}) {
    const LogBox box = make_log(compression);
    const auto care = WalMaintenance::open(box.directory).value();
    for (std::uint64_t behind = 1; behind <= 7; ++behind) {
      SCOPED_TRACE(behind);
      const auto target = MemoryDirectory::create();
      const auto report = care.fork(target, EntryId{behind});
      ASSERT_THAT(report, IsOk());
      EXPECT_EQ(report->entries, (EntryIdRange{EntryId{1}, EntryId{behind}}));
      EXPECT_EQ(report->entry_count, behind);
      expect_entries(target, behind);
      const auto parent = Reader::open(target)->parent().value();
      ASSERT_TRUE(parent);
      EXPECT_EQ(parent->log, identity_of(box.directory));
      EXPECT_EQ(parent->entry_id, EntryId{behind});
      EXPECT_NE(identity_of(target), parent->log);
      auto wal = Wal::open(target).value();
      EXPECT_EQ(wal.recovery().origin, RecoveryReport::Origin::clean_close);
      EXPECT_THAT(wal.append(text_of(behind + 1)), IsOkAndHolds(EntryId{behind + 1}));
      EXPECT_THAT(wal.close(), IsOk());
      expect_entries(target, behind + 1);
    }
    expect_entries(box.directory, 7);
    EXPECT_THAT(Reader::open(box.directory)->parent(), IsOkAndHolds(std::nullopt));
  }
}

TEST(ForkedLog, OfAForkNamesTheNearestParent) {
  const LogBox box = make_log();
  const auto child = MemoryDirectory::create(), grandchild = MemoryDirectory::create();
  ASSERT_THAT(WalMaintenance::open(box.directory)->fork(child, EntryId{6}), IsOk());
  ASSERT_THAT(WalMaintenance::open(child)->fork(grandchild, EntryId{5}), IsOk());
  expect_entries(grandchild, 5);
  EXPECT_EQ(Reader::open(grandchild)->parent().value()->log, identity_of(child));
}

TEST(ForkedLog, BesideAWriterTakesWhatIsDurable) {
  LogBox box = make_log();
  box.open().append(1).flush(1);
  const auto care = box.wal->maintenance();
  EXPECT_THAT(care.fork(MemoryDirectory::create(), EntryId{9}), HasErrc(Errc::not_found));
  const auto target = MemoryDirectory::create();
  EXPECT_THAT(care.fork(target, EntryId{8}), IsOk());
  expect_entries(target, 8);
}

TEST(ForkedLog, OfWhatIsNotThereIsRefused) {
  LogBox box = make_log();
  const auto care = WalMaintenance::open(box.directory).value();
  EXPECT_THAT(care.fork(MemoryDirectory::create(), EntryId{8}), HasErrc(Errc::not_found));
  EXPECT_THAT(care.fork(MemoryDirectory::create(), EntryId{}), HasErrc(Errc::gap));
  EXPECT_THAT(care.fork(nullptr, EntryId{1}), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(care.fork(box.directory, EntryId{1}), HasErrc(Errc::already_exists));
  ASSERT_THAT(care.trim_before(EntryId{6}), IsOkAndHolds(EntryId{5}));
  EXPECT_THAT(care.fork(MemoryDirectory::create(), EntryId{4}), HasErrc(Errc::gap));
  const auto target = MemoryDirectory::create();
  EXPECT_THAT(care.fork(target, EntryId{6}), IsOk());
  EXPECT_EQ(Wal::open(target)->next_entry_id(), EntryId{7});
}

TEST(ForkedLog, OfADamagedLogStopsBeforeTheDamage) {
  LogBox box = make_log();
  box.flip(box.segment(0), 600);
  const auto care = WalMaintenance::open(box.directory).value();
  EXPECT_THAT(care.fork(MemoryDirectory::create(), EntryId{6}), HasErrc(Errc::corrupt));
  LogBox other = make_log();
  other.flip(other.newest(), 600);
  const auto target = MemoryDirectory::create();
  EXPECT_THAT(WalMaintenance::open(other.directory)->fork(target, EntryId{4}), IsOk());
  expect_entries(target, 4);
}

TEST(ForkedLog, ThatIsTrimmedMeanwhileIsAGapOrWhole) {
  int whole = 0, gaps = 0;
  for (int nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    LogBox box = make_log();
    box.open().append(3).close();
    int opens = 0;
    const auto busy =
        std::make_shared<BusyDirectory>(box.directory, BusyDirectory::Call::open, [&](auto) {
          if (++opens == nth) WalMaintenance::open(box.directory)->trim_before(EntryId{8}).value();
        });
    const auto target = MemoryDirectory::create();
    const auto report = WalMaintenance::open(busy)->fork(target, EntryId{9});
    if (report) {
      ++whole;
      EXPECT_THAT(Reader::open(target)->replay(ReplayMode::strict), IsOk());
      EXPECT_EQ(Wal::open(target)->next_entry_id(), EntryId{10});
    } else {
      ++gaps;
      EXPECT_THAT(report, HasErrc(Errc::gap));
    }
    if (opens < nth) break;
  }
  EXPECT_GT(whole, 1);
  EXPECT_GT(gaps, 0);
}

}  // namespace
}  // namespace walkit
