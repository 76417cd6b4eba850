#include "walkit/testing/crash_directory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>

#include "walkit/testing/matchers.hpp"

namespace walkit::testing {
namespace {

using ::testing::ElementsAre;

Status write(File& file, std::uint64_t offset, std::string_view text) {
  const BytesView part = as_bytes(text);
  return file.write_at(offset, {&part, 1});
}

std::string text_of(const CrashDirectory& directory, std::string_view path) {
  return std::string(as_text(directory.read_file(path).value()));
}

/// One file "a" that is durable with the bytes "old", open for more. Operations 1 to 4 did that.
class CrashDirectoryTest : public ::testing::Test {
 protected:
  CrashDirectoryTest() {
    EXPECT_THAT(write(*file_, 0, "old"), IsOk());
    EXPECT_THAT(file_->sync(), IsOk());
    EXPECT_THAT(directory_->sync(), IsOk());
  }

  /// Nothing of what is not durable is left.
  std::string after_worst_crash() {
    choice_ = 0;
    return text_of(*directory_->crash(), "a");
  }

  std::size_t choice_ = 0;  // the answer to every choice
  std::shared_ptr<CrashDirectory> directory_ =
      CrashDirectory::create({.pick = [this](std::size_t) { return choice_; }});
  std::unique_ptr<File> file_ = directory_->open("a", OpenMode::create).value();
};

TEST_F(CrashDirectoryTest, UnsyncedWriteIsLostOrKept) {
  ASSERT_THAT(write(*file_, 0, "new"), IsOk());
  EXPECT_EQ(text_of(*directory_->crash(), "a"), "old");
  choice_ = 1;
  EXPECT_EQ(text_of(*directory_->crash(), "a"), "new");
}

TEST_F(CrashDirectoryTest, SyncedWriteIsNeverLost) {
  ASSERT_THAT(write(*file_, 0, "new"), IsOk());
  ASSERT_THAT(file_->sync(), IsOk());
  EXPECT_EQ(after_worst_crash(), "new");
}

TEST_F(CrashDirectoryTest, CrashedDirectoryAnswersIoToEverything) {
  const auto lock = directory_->lock().value();
  const auto next = directory_->crash();
  std::byte byte{};
  EXPECT_THAT(file_->read_at(0, {&byte, 1}), HasErrc(Errc::io));
  EXPECT_THAT(write(*file_, 0, "x"), HasErrc(Errc::io));
  EXPECT_THAT(file_->size(), HasErrc(Errc::io));
  EXPECT_THAT(directory_->list(), HasErrc(Errc::io));
  EXPECT_THAT(directory_->is_locked(), HasErrc(Errc::io));
  EXPECT_THAT(lock->check(), HasErrc(Errc::io));
  EXPECT_THAT(next->list(), IsOkAndHolds(ElementsAre("a")));
}

TEST_F(CrashDirectoryTest, SyncAfterFailedSyncSavesNothing) {
  ASSERT_THAT(write(*file_, 0, "newer"), IsOk());
  directory_->fail_at(directory_->operation_count() + 1, Errc::io);
  EXPECT_THAT(file_->sync(), HasErrc(Errc::io));
  EXPECT_THAT(file_->sync(), IsOk());
  EXPECT_EQ(text_of(*directory_, "a"), "newer");
  EXPECT_EQ(after_worst_crash(), "old");
}

TEST_F(CrashDirectoryTest, RewriteAfterFailedSyncSavesTheBytes) {
  ASSERT_THAT(write(*file_, 0, "newer"), IsOk());
  directory_->fail_at(directory_->operation_count() + 1, Errc::io);
  EXPECT_THAT(file_->sync(), HasErrc(Errc::io));
  ASSERT_THAT(write(*file_, 0, "newer"), IsOk());
  EXPECT_THAT(file_->sync(), IsOk());
  EXPECT_EQ(after_worst_crash(), "newer");
}

TEST_F(CrashDirectoryTest, FailedSyncMayHaveLandedAll) {
  ASSERT_THAT(write(*file_, 0, "newer"), IsOk());
  directory_->fail_at(directory_->operation_count() + 1, Errc::io);
  choice_ = 1;
  EXPECT_THAT(file_->sync(), HasErrc(Errc::io));
  EXPECT_EQ(after_worst_crash(), "newer");
}

TEST_F(CrashDirectoryTest, FailedDirectorySyncMayHaveLandedAll) {
  ASSERT_THAT(directory_->rename({"a", "b"}), IsOk());
  directory_->fail_at(directory_->operation_count() + 1, Errc::io);
  choice_ = 1;
  EXPECT_THAT(directory_->sync(), HasErrc(Errc::io));
  choice_ = 0;
  EXPECT_THAT(directory_->crash()->list(), IsOkAndHolds(ElementsAre("b")));
}

TEST_F(CrashDirectoryTest, FailedDirectorySyncLeavesTheRestPending) {
  ASSERT_THAT(directory_->rename({"a", "b"}), IsOk());
  directory_->fail_at(directory_->operation_count() + 1, Errc::io);
  EXPECT_THAT(directory_->sync(), HasErrc(Errc::io));
  EXPECT_THAT(directory_->crash()->list(), IsOkAndHolds(ElementsAre("a")));
  choice_ = 1;
  EXPECT_THAT(directory_->crash()->list(), IsOkAndHolds(ElementsAre("b")));
}

TEST_F(CrashDirectoryTest, FailedWriteLeavesAPrefixOfItsParts) {
  directory_->fail_at(directory_->operation_count() + 1, Errc::no_space);
  choice_ = 2;  // half of it
  const BytesView parts[] = {as_bytes("AB"), as_bytes("CD"), as_bytes("EF")};
  const Status written = file_->write_at(0, parts);
  EXPECT_THAT(written, HasErrc(Errc::no_space));
  EXPECT_EQ(written.error().os_error, ENOSPC);
  EXPECT_EQ(text_of(*directory_, "a"), "ABC");
}

TEST_F(CrashDirectoryTest, FailedFillLeavesAPartFilled) {
  directory_->fail_at(directory_->operation_count() + 1, Errc::no_space);
  choice_ = 2;
  EXPECT_THAT(file_->fill_zeros(103), HasErrc(Errc::no_space));
  EXPECT_THAT(file_->size(), IsOkAndHolds(53U));
}

TEST_F(CrashDirectoryTest, ProcessKillKeepsAllThatWasWritten) {
  ASSERT_THAT(write(*file_, 0, "newer"), IsOk());
  ASSERT_THAT(directory_->rename({"a", "b"}), IsOk());
  const auto next = directory_->crash(Crash::process_kill);
  EXPECT_THAT(next->list(), IsOkAndHolds(ElementsAre("b")));
  EXPECT_EQ(text_of(*next, "b"), "newer");
}

TEST_F(CrashDirectoryTest, PowerCutAfterProcessKillMayLoseIt) {
  ASSERT_THAT(write(*file_, 0, "new"), IsOk());
  const auto next = directory_->crash(Crash::process_kill);
  EXPECT_EQ(text_of(*next->crash(), "a"), "old");
  choice_ = 1;
  EXPECT_EQ(text_of(*next->crash(), "a"), "new");
}

TEST_F(CrashDirectoryTest, SyncAfterProcessKillSavesWhatWasWrittenBefore) {
  ASSERT_THAT(write(*file_, 0, "new"), IsOk());
  const auto next = directory_->crash(Crash::process_kill);
  ASSERT_THAT(next->open("a", OpenMode::write).value()->sync(), IsOk());
  EXPECT_EQ(text_of(*next->crash(), "a"), "new");
}

TEST_F(CrashDirectoryTest, CutPowerStopsThatOperationAndAllLater) {
  directory_->cut_power_at(6);
  EXPECT_THAT(write(*file_, 0, "5th"), IsOk());
  EXPECT_THAT(write(*file_, 0, "6th"), HasErrc(Errc::io));
  EXPECT_THAT(directory_->sync(), HasErrc(Errc::io));
  EXPECT_THAT(directory_->list(), HasErrc(Errc::io));
  EXPECT_EQ(directory_->operation_count(), 6U);
  EXPECT_EQ(text_of(*directory_, "a"), "5th");
}

TEST_F(CrashDirectoryTest, FailAtFailsThatOperationAlone) {
  const auto sub = directory_->subdirectory("sub", OpenMode::create).value();  // 5, 6
  directory_->fail_at(7, Errc::no_space);
  directory_->fail_at(9, Errc::io);
  EXPECT_THAT(sub->open("x", OpenMode::create), HasErrc(Errc::no_space));
  EXPECT_TRUE(sub->open("x", OpenMode::create).has_value());
  EXPECT_THAT(directory_->remove("a"), HasErrc(Errc::io));
  EXPECT_THAT(directory_->remove("a"), IsOk());
}

TEST_F(CrashDirectoryTest, ReadsFailByTheirOwnNumber) {
  std::byte byte{};
  ASSERT_THAT(file_->read_at(0, {&byte, 1}), IsOk());
  const std::uint64_t operations = directory_->operation_count();
  directory_->fail_read_at(directory_->read_count() + 1, Errc::io);
  EXPECT_THAT(directory_->list(), HasErrc(Errc::io));
  EXPECT_THAT(directory_->list(), IsOk());
  directory_->fail_read_at(directory_->read_count() + 1, Errc::corrupt);
  EXPECT_THAT(directory_->open("a", OpenMode::read), HasErrc(Errc::corrupt));
  EXPECT_EQ(directory_->operation_count(), operations);
}

TEST_F(CrashDirectoryTest, OperationsSayWhatACallCosts) {
  const std::uint64_t mark = directory_->operation_count();
  const auto sub = directory_->subdirectory("wal", OpenMode::create).value();
  const auto file = sub->open("tmp", OpenMode::create).value();
  ASSERT_THAT(file->sync(), IsOk());
  ASSERT_THAT(sub->rename({"tmp", "MANIFEST"}), IsOk());
  ASSERT_THAT(write(*file, 0, "x"), IsOk());
  EXPECT_THAT(directory_->operations(mark),
              ElementsAre(Operation{OperationKind::create_subdirectory, "wal"},
                          Operation{OperationKind::sync_directory, ""},
                          Operation{OperationKind::create, "wal/tmp"},
                          Operation{OperationKind::sync_file, "wal/tmp"},
                          Operation{OperationKind::rename, "wal/MANIFEST"},
                          Operation{OperationKind::write_at, "wal/MANIFEST"}));
}

TEST_F(CrashDirectoryTest, EqualSeedsGiveEqualCrashes) {
  const auto hashes = [](std::uint64_t seed) {
    const auto directory = CrashDirectory::create({.seed = seed});
    const auto file = directory->open("a", OpenMode::create).value();
    std::vector<std::uint64_t> result;
    for (unsigned n = 0; n < 20; ++n) {
      EXPECT_THAT(write(*file, n * 300, std::string(600, 'x')), IsOk());
      result.push_back(directory->clone()->crash()->image_hash());
    }
    while (result.size() < 200) result.push_back(directory->crash()->image_hash());
    return result;
  };
  EXPECT_EQ(hashes(3), hashes(3));
  EXPECT_NE(hashes(3), hashes(4));
}

TEST_F(CrashDirectoryTest, RandomBytesFollowTheSeedAndGoOnAfterACrash) {
  const auto draw = [](Directory& directory) {
    std::uint64_t word = 0;
    directory.random_bytes(std::as_writable_bytes(std::span(&word, 1)));
    return word;
  };
  const auto same = CrashDirectory::create();
  const std::uint64_t first = draw(*directory_);
  EXPECT_EQ(draw(*same), first);
  const auto next = directory_->crash();
  EXPECT_NE(draw(*next), first);
}

TEST_F(CrashDirectoryTest, NowRisesAcrossCrashes) {
  const auto before = directory_->now();
  const auto after = directory_->now();
  EXPECT_LT(before, after);
  EXPECT_LT(after, directory_->crash()->now());
}

TEST_F(CrashDirectoryTest, LocksExcludeAndAreGoneAfterACrash) {
  const auto lock = directory_->lock().value();
  EXPECT_THAT(directory_->lock(), HasErrc(Errc::locked));
  EXPECT_THAT(directory_->clone()->is_locked(), IsOkAndHolds(false));
  choice_ = 1;
  const auto killed = directory_->crash(Crash::process_kill);
  EXPECT_THAT(killed->is_locked(), IsOkAndHolds(false));
  EXPECT_TRUE(killed->lock().has_value());
}

TEST_F(CrashDirectoryTest, ReplacedLockFileIsNoticed) {
  const auto lock = directory_->lock().value();
  EXPECT_THAT(lock->check(), IsOk());
  ASSERT_THAT(directory_->remove("LOCK"), IsOk());
  EXPECT_THAT(lock->check(), HasErrc(Errc::io));
}

TEST_F(CrashDirectoryTest, CloneIsIndependent) {
  ASSERT_THAT(write(*file_, 0, "new"), IsOk());
  const auto copy = directory_->clone();
  EXPECT_EQ(copy->image_hash(), directory_->image_hash());
  ASSERT_THAT(write(*file_, 0, "own"), IsOk());
  EXPECT_NE(copy->image_hash(), directory_->image_hash());
  EXPECT_EQ(text_of(*copy, "a"), "new");
  EXPECT_EQ(text_of(*copy->crash(), "a"), "old");
  EXPECT_THAT(file_->sync(), IsOk());
}

TEST_F(CrashDirectoryTest, ImageHashSeesContentsNamesAndWhatIsPending) {
  const std::uint64_t before = directory_->image_hash();
  ASSERT_THAT(write(*file_, 0, "new"), IsOk());
  const std::uint64_t pending = directory_->image_hash();
  ASSERT_THAT(file_->sync(), IsOk());
  const std::uint64_t synced = directory_->image_hash();
  ASSERT_THAT(write(*file_, 0, "old"), IsOk());
  ASSERT_THAT(file_->sync(), IsOk());
  EXPECT_NE(before, pending);
  EXPECT_NE(pending, synced);
  EXPECT_NE(before, synced);
  EXPECT_EQ(before, directory_->image_hash());
}

TEST_F(CrashDirectoryTest, ImageHashTellsDurableContentsApart) {
  ASSERT_THAT(write(*file_, 0, "new"), IsOk());
  const std::uint64_t old_hash = directory_->crash()->image_hash();
  choice_ = 1;
  EXPECT_NE(directory_->crash()->image_hash(), old_hash);
}

TEST_F(CrashDirectoryTest, DamageIsInCacheAndOnTheDevice) {
  ASSERT_THAT(directory_->flip_bit("a", 8), IsOk());
  EXPECT_EQ(text_of(*directory_, "a"), "omd");
  EXPECT_EQ(after_worst_crash(), "omd");
  ASSERT_THAT(directory_->truncate_file("a", 2), IsOk());
  EXPECT_EQ(after_worst_crash(), "om");
  ASSERT_THAT(directory_->overwrite_file("a", as_bytes("longer")), IsOk());
  EXPECT_EQ(after_worst_crash(), "longer");
  ASSERT_THAT(directory_->zero_sector("a", 0), IsOk());
  EXPECT_EQ(after_worst_crash(), std::string(6, '\0'));
  EXPECT_THAT(directory_->flip_bit("a", 6 * 8), HasErrc(Errc::invalid_argument));
}

TEST_F(CrashDirectoryTest, FilesCanBeRemovedAndSwapped) {
  const auto sub = directory_->subdirectory("sub", OpenMode::create).value();
  const auto other = sub->open("b", OpenMode::create).value();
  ASSERT_THAT(write(*other, 0, "other"), IsOk());
  ASSERT_THAT(other->sync(), IsOk());
  EXPECT_THAT(directory_->list_files(), ElementsAre("a", "sub/b"));
  ASSERT_THAT(directory_->swap_files("a", "sub/b"), IsOk());
  EXPECT_EQ(after_worst_crash(), "other");
  ASSERT_THAT(directory_->remove_file("sub/b"), IsOk());
  EXPECT_THAT(directory_->crash()->list_files(), ElementsAre("a"));
  EXPECT_THAT(directory_->read_file("sub/b"), HasErrc(Errc::not_found));
}

TEST_F(CrashDirectoryTest, ThreadsShareOneTree) {
  const auto work = [&](std::string name) {
    const auto file = directory_->open(name, OpenMode::create).value();
    for (unsigned n = 0; n < 200; ++n) {
      if (!write(*file, n * 100U, name) || !file->sync()) ADD_FAILURE() << name;
    }
  };
  std::thread one(work, "one"), two(work, "two");
  one.join();
  two.join();
  EXPECT_EQ(directory_->operation_count(), 4U + 2 * 401U);
}

}  // namespace
}  // namespace walkit::testing
