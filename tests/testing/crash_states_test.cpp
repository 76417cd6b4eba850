// Which contents a power cut can leave, enumerated: all that are legal and nothing else.

#include "testing/crash_states.hpp"

namespace walkit::testing {
namespace {

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
