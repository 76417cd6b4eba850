// Which states a power cut can leave, enumerated: all that are legal and nothing else.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/crash_test.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::testing {
namespace {

constexpr std::uint32_t kSectorBytes = 16;

using Files = std::map<std::string, std::string>;

Files files_of(const CrashDirectory& directory) {
  Files files;
  for (const std::string& path : directory.list_files()) {
    files[path] = std::string(as_text(directory.read_file(path).value()));
  }
  return files;
}

/// All states that a power cut after `work` can leave, and the small language to write `work` in.
class CrashStates : public ::testing::Test {
 protected:
  using Work = std::function<void(Directory&)>;

  static std::set<Files> states_after(const Work& work, std::size_t tear_cuts = 0) {
    Odometer odometer;
    const auto directory =
        CrashDirectory::create({.sector_bytes = kSectorBytes,
                                .pick = [&](std::size_t n) { return odometer.pick(n); },
                                .tear_cuts = tear_cuts});
    work(*directory);
    std::set<Files> states;
    do {
      states.insert(files_of(*directory->crash()));
    } while (odometer.next());
    return states;
  }

  static std::set<std::string> contents_after(const Work& work, std::size_t tear_cuts = 0) {
    std::set<std::string> contents;
    for (const Files& files : states_after(work, tear_cuts)) contents.insert(files.at("a"));
    return contents;
  }

  static void write(File& file, std::uint64_t offset, std::string_view text) {
    const BytesView part = as_bytes(text);
    ASSERT_THAT(file.write_at(offset, {&part, 1}), IsOk());
  }

  /// A file that is durable, name and all.
  static std::unique_ptr<File> make_durable(Directory& directory, std::string_view name,
                                            std::string_view text) {
    auto file = directory.open(name, OpenMode::create).value();
    write(*file, 0, text);
    EXPECT_THAT(file->sync(), IsOk());
    EXPECT_THAT(directory.sync(), IsOk());
    return file;
  }

  static std::string sectors(std::string_view letters) {
    std::string text;
    for (const char letter : letters) text += std::string(kSectorBytes, letter);
    return text;
  }
};

TEST_F(CrashStates, SyncedFileHasOneState) {
  const auto states = states_after([](Directory& d) { make_durable(d, "a", "text"); }, SIZE_MAX);
  EXPECT_EQ(states, (std::set<Files>{{{"a", "text"}}}));
}

TEST_F(CrashStates, UnsyncedSectorIsOldOrNewOrTorn) {
  const auto contents = contents_after(
      [](Directory& d) {
        const auto file = make_durable(d, "a", "0123");
        write(*file, 0, "abcd");
      },
      SIZE_MAX);
  EXPECT_EQ(contents, (std::set<std::string>{"0123", "a123", "ab23", "abc3", "abcd"}));
}

TEST_F(CrashStates, TearsLieInsideTheBytesThatDiffer) {
  const auto contents = contents_after(
      [](Directory& d) {
        const auto file = make_durable(d, "a", "0123456789");
        write(*file, 0, "01xx4xx789");
      },
      SIZE_MAX);
  EXPECT_EQ(contents, (std::set<std::string>{"0123456789", "01x3456789", "01xx456789", "01xx4x6789",
                                             "01xx4xx789"}));
}

TEST_F(CrashStates, TearCutsBoundWhatIsOffered) {
  const auto contents = contents_after(
      [](Directory& d) {
        const auto file = make_durable(d, "a", "0123456789");
        write(*file, 0, "abcdefghij");
      },
      3);
  EXPECT_EQ(contents, (std::set<std::string>{"0123456789", "a123456789", "abcde56789", "abcdefghi9",
                                             "abcdefghij"}));
}

TEST_F(CrashStates, EachVersionOfASectorMayBeFound) {
  const auto contents = contents_after([](Directory& d) {
    const auto file = make_durable(d, "a", "0");
    for (const std::string_view text : {"1", "2", "3"}) write(*file, 0, text);
  });
  EXPECT_EQ(contents, (std::set<std::string>{"0", "1", "2", "3"}));
}

TEST_F(CrashStates, TwoSectorsPersistInAnyOrder) {
  const auto contents = contents_after([](Directory& d) {
    const auto file = make_durable(d, "a", sectors("00"));
    write(*file, 0, sectors("1"));
    write(*file, kSectorBytes, sectors("2"));
  });
  EXPECT_EQ(contents,
            (std::set<std::string>{sectors("00"), sectors("10"), sectors("02"), sectors("12")}));
}

TEST_F(CrashStates, SizeIsIndependentOfData) {
  const auto contents = contents_after([](Directory& d) {
    const auto file = make_durable(d, "a", "x");
    write(*file, 0, "yy");
  });
  EXPECT_EQ(contents, (std::set<std::string>{"x", "y", std::string("x\0", 2), "yy"}));
}

TEST_F(CrashStates, SyncOfFileSavesEarlierSizes) {
  const auto contents = contents_after([](Directory& d) {
    const auto file = make_durable(d, "a", "1");
    write(*file, 1, "2");
    EXPECT_THAT(file->sync(), IsOk());
    write(*file, 2, "3");
  });
  EXPECT_EQ(contents, (std::set<std::string>{"12", std::string("12\0", 3), "123"}));
}

TEST_F(CrashStates, FillWithZerosHasOnlyItsSizeToLose) {
  const auto contents = contents_after([](Directory& d) {
    const auto file = make_durable(d, "a", "x");
    EXPECT_THAT(file->fill_zeros(100), IsOk());
  });
  EXPECT_EQ(contents, (std::set<std::string>{"x", "x" + std::string(99, '\0')}));
}

TEST_F(CrashStates, CutBytesDoNotComeBackWhenTheFileGrows) {
  const auto contents = contents_after([](Directory& d) {
    const auto file = make_durable(d, "a", sectors("12"));
    EXPECT_THAT(file->truncate(4), IsOk());
    EXPECT_THAT(file->fill_zeros(2 * kSectorBytes), IsOk());
  });
  const std::string zeros(2 * kSectorBytes - 4, '\0');
  EXPECT_EQ(contents, (std::set<std::string>{sectors("12"), "1111", "1111" + zeros}));
}

TEST_F(CrashStates, RewriteOfCutBytesIsSaved) {
  const auto contents = contents_after([](Directory& d) {
    const auto file = make_durable(d, "a", sectors("12"));
    EXPECT_THAT(file->truncate(0), IsOk());
    write(*file, 0, sectors("12"));
    EXPECT_THAT(file->sync(), IsOk());
  });
  EXPECT_EQ(contents, std::set<std::string>{sectors("12")});
}

TEST_F(CrashStates, SyncedCutIsDurableWhateverWasThereBefore) {
  const auto contents = contents_after([](Directory& d) {
    const auto file = make_durable(d, "a", sectors("12"));
    write(*file, kSectorBytes, sectors("3"));
    EXPECT_THAT(file->truncate(4), IsOk());
    EXPECT_THAT(file->fill_zeros(3 * kSectorBytes), IsOk());
    EXPECT_THAT(file->sync(), IsOk());
  });
  const std::string zeros(3 * kSectorBytes - 4, '\0');
  EXPECT_EQ(contents, std::set<std::string>{"1111" + zeros});
}

TEST_F(CrashStates, BytesBeyondTheSizeFoundAreGone) {
  Odometer odometer;
  const auto d = CrashDirectory::create({.pick = [&](std::size_t n) { return odometer.pick(n); }});
  write(*make_durable(*d, "a", "x"), 1, "yz");
  std::set<std::string> grown;
  do {
    const auto next = d->crash();
    if (files_of(*next).at("a").size() > 1) continue;
    EXPECT_THAT(next->open("a", OpenMode::write).value()->fill_zeros(3), IsOk());
    grown.insert(files_of(*next).at("a"));
  } while (odometer.next());
  EXPECT_EQ(grown, (std::set<std::string>{{"x\0\0", 3}}));
}

TEST_F(CrashStates, NameIsLostWithoutDirectorySync) {
  const auto states = states_after([](Directory& d) {
    const auto file = d.open("a", OpenMode::create).value();
    write(*file, 0, "text");
    EXPECT_THAT(file->sync(), IsOk());
  });
  EXPECT_EQ(states, (std::set<Files>{{}, {{"a", "text"}}}));
}

TEST_F(CrashStates, NameSyncedBeforeDataKeepsTheName) {
  const auto states = states_after([](Directory& d) {
    const auto file = d.open("a", OpenMode::create).value();
    write(*file, 0, "t");
    EXPECT_THAT(d.sync(), IsOk());
  });
  EXPECT_EQ(states, (std::set<Files>{{{"a", ""}}, {{"a", std::string(1, '\0')}}, {{"a", "t"}}}));
}

TEST_F(CrashStates, RenameOverAFileIsOldOrNew) {
  const auto states = states_after([](Directory& d) {
    make_durable(d, "a", "old");
    make_durable(d, "tmp", "new");
    EXPECT_THAT(d.rename({"tmp", "a"}), IsOk());
  });
  EXPECT_EQ(states, (std::set<Files>{{{"a", "old"}, {"tmp", "new"}}, {{"a", "new"}}}));
}

TEST_F(CrashStates, RenameIsKeptWithoutTheCreationItFollows) {
  const auto states = states_after([](Directory& d) {
    const auto file = d.open("tmp", OpenMode::create).value();
    write(*file, 0, "x");
    EXPECT_THAT(file->sync(), IsOk());
    EXPECT_THAT(d.rename({"tmp", "a"}), IsOk());
  });
  EXPECT_EQ(states, (std::set<Files>{{}, {{"tmp", "x"}}, {{"a", "x"}}}));
}

TEST_F(CrashStates, ChangesOfNamesAreLostInAnyCombination) {
  const auto states = states_after([](Directory& d) {
    make_durable(d, "a", "");
    EXPECT_THAT(d.remove("a"), IsOk());
    EXPECT_TRUE(d.open("b", OpenMode::create).has_value());
  });
  EXPECT_EQ(states, (std::set<Files>{{{"a", ""}}, {{"a", ""}, {"b", ""}}, {}, {{"b", ""}}}));
}

TEST_F(CrashStates, RenamedTwiceAFileHasOneName) {
  const auto states = states_after([](Directory& d) {
    make_durable(d, "a", "x");
    EXPECT_THAT(d.rename({"a", "b"}), IsOk());
    EXPECT_THAT(d.rename({"b", "c"}), IsOk());
  });
  EXPECT_EQ(states, (std::set<Files>{{{"a", "x"}}, {{"b", "x"}}, {{"c", "x"}}}));
}

TEST_F(CrashStates, RenameIntoSubdirectoryNeedsBothSynced) {
  for (const bool sync_both : {false, true}) {
    const auto states = states_after([&](Directory& d) {
      make_durable(d, "a", "x");
      const auto sub = d.subdirectory("sub", OpenMode::create).value();
      EXPECT_THAT(d.rename({"a", "a", sub.get()}), IsOk());
      EXPECT_THAT(d.sync(), IsOk());
      if (sync_both) {
        EXPECT_THAT(sub->sync(), IsOk());
      }
    });
    std::set<Files> expected{{{"sub/a", "x"}}};
    if (!sync_both) expected.insert(Files{{"a", "x"}});
    EXPECT_EQ(states, expected);
  }
}

TEST_F(CrashStates, LaterChangeOfAHalfSyncedNameKeepsTheOrder) {
  const auto states = states_after([](Directory& d) {
    make_durable(d, "a", "1");
    make_durable(d, "b", "2");
    const auto sub = d.subdirectory("sub", OpenMode::create).value();
    EXPECT_THAT(d.rename({"a", "x", sub.get()}), IsOk());
    EXPECT_THAT(d.rename({"b", "a"}), IsOk());
    EXPECT_THAT(d.sync(), IsOk());
  });
  EXPECT_EQ(states, (std::set<Files>{{{"a", "2"}, {"sub/x", "1"}}}));
}

TEST_F(CrashStates, SubdirectoryIsDurableWhenItIsGiven) {
  const auto states = states_after([](Directory& d) {
    const auto sub = d.subdirectory("sub", OpenMode::create).value();
    make_durable(*sub, "a", "x");
  });
  EXPECT_EQ(states, (std::set<Files>{{{"sub/a", "x"}}}));
}

TEST_F(CrashStates, SubdirectoryNotYetSyncedIsLostWithAllThatIsInIt) {
  const auto states = states_after([](Directory& d) {
    auto& simulated = dynamic_cast<CrashDirectory&>(d);
    simulated.fail_at(2, Errc::io);  // the sync of the folder it is in
    EXPECT_THAT(d.subdirectory("sub", OpenMode::create), HasErrc(Errc::io));
    const auto sub = d.subdirectory("sub", OpenMode::write).value();
    make_durable(*sub, "a", "x");
  });
  EXPECT_EQ(states, (std::set<Files>{{}, {{"sub/a", "x"}}}));
}

TEST_F(CrashStates, PowerCutBetweenASubdirectoryAndItsSyncLeavesItOrNot) {
  Odometer odometer;
  std::set<std::vector<std::string>> states;
  do {
    const auto d =
        CrashDirectory::create({.pick = [&](std::size_t n) { return odometer.pick(n); }});
    d->cut_power_at(2);
    EXPECT_THAT(d->subdirectory("sub", OpenMode::create), HasErrc(Errc::io));
    states.insert(d->crash()->list().value());
  } while (odometer.next());
  EXPECT_EQ(states, (std::set<std::vector<std::string>>{{}, {"sub"}}));
}

TEST_F(CrashStates, FailedDirectorySyncMakesSomeNamesDurable) {
  Odometer odometer;
  std::set<Files> states;
  do {
    const auto d =
        CrashDirectory::create({.pick = [&](std::size_t n) { return odometer.pick(n); }});
    d->fail_at(2, Errc::io);
    EXPECT_TRUE(d->open("a", OpenMode::create).has_value());
    EXPECT_THAT(d->sync(), HasErrc(Errc::io));
    states.insert(files_of(*d->crash()));
  } while (odometer.next());
  EXPECT_EQ(states, (std::set<Files>{{}, {{"a", ""}}}));
}

TEST_F(CrashStates, SeedMeetsAllStatesOfTwoSectorsAndNoOther) {
  const auto d = CrashDirectory::create({.seed = 7, .sector_bytes = kSectorBytes});
  const auto file = make_durable(*d, "a", sectors("00"));
  write(*file, 0, sectors("12"));
  std::set<std::string> seen;
  for (int n = 0; n < 20'000; ++n) seen.insert(files_of(*d->crash()).at("a"));
  EXPECT_EQ(seen.size(), 17U * 17U);  // each sector: old, new, 15 tears
}

TEST_F(CrashStates, SeedOftenLandsNothingOrEverything) {
  const auto d = CrashDirectory::create({.seed = 7, .sector_bytes = kSectorBytes});
  const auto file = make_durable(*d, "a", std::string(64 * kSectorBytes, 'o'));
  write(*file, 0, std::string(64 * kSectorBytes, 'n'));
  std::map<std::string, int> seen;
  for (int n = 0; n < 200; ++n) ++seen[files_of(*d->crash()).at("a")];
  EXPECT_GE(seen[std::string(64 * kSectorBytes, 'o')], 10);
  EXPECT_GE(seen[std::string(64 * kSectorBytes, 'n')], 10);
}

TEST_F(CrashStates, OdometerGoesThroughDependentChoices) {
  Odometer odometer;
  std::set<std::vector<std::size_t>> seen;
  do {
    std::vector<std::size_t> picks{odometer.pick(2)};
    if (picks[0] == 1) picks.push_back(odometer.pick(3));
    EXPECT_TRUE(seen.insert(picks).second);
  } while (odometer.next());
  EXPECT_EQ(seen.size(), 4U);
}

}  // namespace
}  // namespace walkit::testing
