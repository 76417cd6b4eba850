// What each field of a CrashModel allows and forbids, and what holds of the presets.

#include "testing/crash_states.hpp"

namespace walkit::testing {
namespace {

using ::testing::ElementsAre;

class CrashModels : public CrashStates {
 protected:
  static std::shared_ptr<CrashDirectory> make(const CrashModel& model, std::size_t answer = 0) {
    return CrashDirectory::create({.model = model,
                                   .sector_bytes = kSectorBytes,
                                   .pick = [answer](std::size_t) { return answer; }});
  }
  static std::string text_of(const CrashDirectory& directory, std::string_view path) {
    return std::string(as_text(directory.read_file(path).value()));
  }
  static void fail_next(CrashDirectory& directory, Errc code = Errc::io) {
    directory.fail_at(directory.operation_count() + 1, code);
  }

  static constexpr CrashModel kOrderedNames{.names = CrashModel::Names::ordered_prefix};
  static constexpr CrashModel kOrderedSizes{.sizes = CrashModel::Sizes::ordered};
};

TEST_F(CrashModels, OrderedNamesAreKeptAsAPrefix) {
  const auto work = [](Directory& d) {
    for (const char* name : {"a", "b", "c"}) {
      EXPECT_TRUE(d.open(name, OpenMode::create).has_value());
    }
  };
  EXPECT_EQ(states_after(work, 0, kOrderedNames),
            (std::set<Files>{
                {}, {{"a", ""}}, {{"a", ""}, {"b", ""}}, {{"a", ""}, {"b", ""}, {"c", ""}}}));
  EXPECT_EQ(states_after(work).size(), 8U);
}

TEST_F(CrashModels, OneJournalMakesTheNamesOfAllDirectoriesDurable) {
  const auto work = [](Directory& d) {
    const auto sub = d.subdirectory("sub", OpenMode::create).value();
    EXPECT_TRUE(d.open("a", OpenMode::create).has_value());
    EXPECT_THAT(sub->sync(), IsOk());
  };
  EXPECT_EQ(states_after(work, 0, kOrderedNames), (std::set<Files>{{{"a", ""}}}));
  EXPECT_EQ(states_after(work), (std::set<Files>{{}, {{"a", ""}}}));
}

TEST_F(CrashModels, FailedSyncOfOrderedNamesKeepsAPrefix) {
  const auto work = [](Directory& d) {
    EXPECT_TRUE(d.open("a", OpenMode::create).has_value());
    EXPECT_TRUE(d.open("b", OpenMode::create).has_value());
    fail_next(dynamic_cast<CrashDirectory&>(d));
    EXPECT_THAT(d.sync(), HasErrc(Errc::io));
  };
  EXPECT_EQ(states_after(work, 0, kOrderedNames),
            (std::set<Files>{{}, {{"a", ""}}, {{"a", ""}, {"b", ""}}}));
}

TEST_F(CrashModels, SyncOfAFileKeepsItsNameOrAllNames) {
  const auto work = [](Directory& d) {
    EXPECT_TRUE(d.open("a", OpenMode::create).has_value());
    EXPECT_THAT(d.open("b", OpenMode::create).value()->sync(), IsOk());
  };
  EXPECT_EQ(states_after(work, 0, {.sync_keeps_name = true}),
            (std::set<Files>{{{"b", ""}}, {{"a", ""}, {"b", ""}}}));
  EXPECT_EQ(states_after(work, 0, CrashModel::ext4()), (std::set<Files>{{{"a", ""}, {"b", ""}}}));
}

TEST_F(CrashModels, OrderedSizeComesWithItsData) {
  const auto work = [](Directory& d) {
    const auto file = make_durable(d, "a", "x");
    write(*file, 0, "yy");
    write(*file, 2, "zz");
  };
  EXPECT_EQ(contents_after(work, 0, kOrderedSizes),
            (std::set<std::string>{"x", "y", "yy", "yyzz"}));
  EXPECT_TRUE(contents_after(work).contains(std::string("x\0\0\0", 4)));
}

TEST_F(CrashModels, OrderedSizeSaysNothingOfBytesWrittenOver) {
  const auto work = [](Directory& d) {
    const auto file = make_durable(d, "a", sectors("00"));
    write(*file, 0, sectors("1"));
    write(*file, 2 * kSectorBytes, sectors("3"));
  };
  EXPECT_EQ(contents_after(work, 0, kOrderedSizes),
            (std::set<std::string>{sectors("00"), sectors("10"), sectors("003"), sectors("103")}));
}

TEST_F(CrashModels, SectorsMayBeWhole) {
  const auto work = [](Directory& d) { write(*make_durable(d, "a", "0123"), 0, "abcd"); };
  EXPECT_EQ(contents_after(work, SIZE_MAX, {.sectors = CrashModel::Sectors::whole}),
            (std::set<std::string>{"0123", "abcd"}));
}

TEST_F(CrashModels, GarbageIsWhereASectorWasOnItsWayOnly) {
  const auto contents = contents_after(
      [](Directory& d) {
        const auto file = make_durable(d, "a", sectors("00"));
        write(*file, kSectorBytes, sectors("1"));
      },
      0, CrashModel::garbage_in_flight());
  EXPECT_EQ(contents.size(), 3U);
  EXPECT_TRUE(contents.contains(sectors("00")) && contents.contains(sectors("01")));
  for (const std::string& text : contents) EXPECT_EQ(text.substr(0, kSectorBytes), sectors("0"));
}

TEST_F(CrashModels, StaleBlocksShowOtherFilesWhereAFileGrew) {
  const auto work = [](Directory& d) {
    make_durable(d, "b", sectors("07"));
    EXPECT_THAT(d.remove("b"), IsOk());
    EXPECT_THAT(d.sync(), IsOk());
    const auto file = make_durable(d, "a", sectors("1"));
    EXPECT_THAT(file->fill_zeros(2 * kSectorBytes), IsOk());
  };
  const auto contents = contents_after(work, 0, CrashModel::stale_blocks());
  EXPECT_EQ(contents.size(), 4U);  // short; or behind it zeros, what "b" had, garbage
  EXPECT_TRUE(contents.contains(sectors("17")));
  for (const std::string& text : contents) EXPECT_EQ(text.substr(0, kSectorBytes), sectors("1"));
  EXPECT_EQ(contents_after(work).size(), 2U);
}

TEST_F(CrashModels, StaleBlocksNeverShowUnderAFinishedSync) {
  const auto work = [](Directory& d) {
    make_durable(d, "b", sectors("7"));
    make_durable(d, "a", sectors("1"));
  };
  EXPECT_EQ(contents_after(work, 0, CrashModel::stale_blocks()), (std::set{sectors("1")}));
}

TEST_F(CrashModels, SyncThatLiesAnswersSuccess) {
  const auto work = [](Directory& d) { write(*make_durable(d, "a", "0"), 0, "1"); };
  EXPECT_EQ(states_after(work, 0, CrashModel::lying_disk()),
            (std::set<Files>{
                {}, {{"a", ""}}, {{"a", std::string(1, '\0')}}, {{"a", "0"}}, {{"a", "1"}}}));
}

TEST_F(CrashModels, FileSystemShutDownByAFailedSyncChangesNothingMore) {
  const auto d = make(CrashModel::xfs(), 1);
  const auto file = make_durable(*d, "a", "old");
  fail_next(*d);
  EXPECT_THAT(file->sync(), HasErrc(Errc::io));
  const BytesView part = as_bytes("new");
  const Status written = file->write_at(0, {&part, 1});
  EXPECT_THAT(written, HasErrc(Errc::io));
  EXPECT_EQ(written.error().os_error, EROFS);
  EXPECT_THAT(d->rename({"a", "b"}), HasErrc(Errc::io));
  EXPECT_EQ(text_of(*d, "a"), "old");
  EXPECT_THAT(d->crash(Crash::process_kill)->remove("a"), HasErrc(Errc::io));
  EXPECT_THAT(d->crash()->remove("a"), IsOk());
}

TEST_F(CrashModels, EachHandleIsToldOfAFailedSyncOnce) {
  const auto d = make({});
  const auto file = make_durable(*d, "a", "old");
  const auto other = d->open("a", OpenMode::write).value();
  fail_next(*d);
  EXPECT_THAT(file->sync(), HasErrc(Errc::io));
  EXPECT_THAT(d->open("a", OpenMode::write).value()->sync(), IsOk());
  EXPECT_THAT(other->sync(), HasErrc(Errc::io));
  EXPECT_THAT(other->sync(), IsOk());
  EXPECT_THAT(file->sync(), IsOk());
}

TEST_F(CrashModels, FullDiskTakesWhatFitsAndRoomComesBack) {
  const auto d = make({});
  const auto file = make_durable(*d, "a", "old");
  const auto other = make_durable(*d, "b", "1234");
  d->set_free_bytes(2);
  const BytesView part = as_bytes("newest");
  const Status written = file->write_at(0, {&part, 1});
  EXPECT_THAT(written, HasErrc(Errc::no_space));
  EXPECT_EQ(written.error().os_error, ENOSPC);
  EXPECT_EQ(text_of(*d, "a"), "newes");
  write(*file, 0, "older");  // in place
  EXPECT_THAT(file->fill_zeros(6), HasErrc(Errc::no_space));
  EXPECT_THAT(d->remove("b"), IsOk());
  EXPECT_THAT(file->fill_zeros(9), IsOk());
  EXPECT_THAT(file->fill_zeros(10), HasErrc(Errc::no_space));
  EXPECT_THAT(file->truncate(0), IsOk());
  write(*file, 0, "from anew");
}

TEST_F(CrashModels, OverwritingMayNeedRoomUntilTheSync) {
  const auto d = make(CrashModel::btrfs());
  const auto file = make_durable(*d, "a", sectors("12"));
  d->set_free_bytes(kSectorBytes);
  write(*file, 0, sectors("3"));
  const std::string more = sectors("4");
  const BytesView part = as_bytes(more);
  EXPECT_THAT(file->write_at(kSectorBytes, {&part, 1}), HasErrc(Errc::no_space));
  EXPECT_THAT(file->sync(), IsOk());
  write(*file, kSectorBytes, sectors("4"));
}

TEST_F(CrashModels, FilesCanBeAddedAndSectorsSwapped) {
  const auto d = make({});
  make_durable(*d, "a", sectors("12"));
  EXPECT_THAT(d->add_file("b", d->read_file("a").value()), IsOk());
  EXPECT_THAT(d->add_file("b", {}), HasErrc(Errc::already_exists));
  EXPECT_THAT(d->add_file("sub/b", {}), HasErrc(Errc::not_found));
  for (const char* name : {"", ".", ".."}) {
    EXPECT_THAT(d->add_file(name, {}), HasErrc(Errc::invalid_argument)) << name;
  }
  EXPECT_THAT(d->swap_sectors({"a", 0}, {"a", 1}), IsOk());
  EXPECT_THAT(d->swap_sectors({"a", 0}, {"b", 0}), IsOk());
  EXPECT_THAT(d->swap_sectors({"a", 2}, {"b", 0}), HasErrc(Errc::invalid_argument));
  const auto next = d->crash();
  EXPECT_THAT(next->list(), IsOkAndHolds(ElementsAre("a", "b")));
  EXPECT_EQ(text_of(*next, "a"), sectors("11"));
  EXPECT_EQ(text_of(*next, "b"), sectors("22"));
}

// Whatever a file system's model leaves, the weakest leaves too, or surviving that were no proof.
TEST_F(CrashModels, StatesOfFileSystemsAreStatesOfTheWeakest) {
  const auto work = [](Directory& d) {
    const auto file = make_durable(d, "a", sectors("0"));
    write(*file, kSectorBytes / 2, sectors("1"));
    const auto next = d.open("tmp", OpenMode::create).value();
    write(*next, 0, "x");
    EXPECT_THAT(next->sync(), IsOk());
    EXPECT_THAT(d.rename({"tmp", "b"}), IsOk());
  };
  const auto weakest = states_after(work, 1);
  for (const CrashModel& model : {CrashModel::ext4(), CrashModel::xfs(), CrashModel::btrfs()}) {
    EXPECT_TRUE(model.is_legal());
    const auto states = states_after(work, 1, model);
    EXPECT_LT(states.size(), weakest.size()) << model.name;
    for (const Files& files : states) EXPECT_TRUE(weakest.contains(files)) << model.name;
  }
  EXPECT_FALSE(CrashModel::garbage_in_flight().is_legal());
  EXPECT_FALSE(CrashModel::stale_blocks().is_legal());
  EXPECT_FALSE(CrashModel::lying_disk().is_legal());
}

}  // namespace
}  // namespace walkit::testing
