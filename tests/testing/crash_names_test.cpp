// Which names a power cut can leave, enumerated: all that are legal and nothing else.

#include "testing/crash_states.hpp"

namespace walkit::testing {
namespace {

using CrashNames = CrashStates;

TEST_F(CrashNames, NameIsLostWithoutDirectorySync) {
  const auto states = states_after([](Directory& d) {
    const auto file = d.open("a", OpenMode::create).value();
    write(*file, 0, "text");
    EXPECT_THAT(file->sync(), IsOk());
  });
  EXPECT_EQ(states, (std::set<Files>{{}, {{"a", "text"}}}));
}

TEST_F(CrashNames, NameSyncedBeforeDataKeepsTheName) {
  const auto states = states_after([](Directory& d) {
    const auto file = d.open("a", OpenMode::create).value();
    write(*file, 0, "t");
    EXPECT_THAT(d.sync(), IsOk());
  });
  EXPECT_EQ(states, (std::set<Files>{{{"a", ""}}, {{"a", std::string(1, '\0')}}, {{"a", "t"}}}));
}

TEST_F(CrashNames, RenameOverAFileIsOldOrNew) {
  const auto states = states_after([](Directory& d) {
    make_durable(d, "a", "old");
    make_durable(d, "tmp", "new");
    EXPECT_THAT(d.rename({"tmp", "a"}), IsOk());
  });
  EXPECT_EQ(states, (std::set<Files>{{{"a", "old"}, {"tmp", "new"}}, {{"a", "new"}}}));
}

TEST_F(CrashNames, RenameIsKeptWithoutTheCreationItFollows) {
  const auto states = states_after([](Directory& d) {
    const auto file = d.open("tmp", OpenMode::create).value();
    write(*file, 0, "x");
    EXPECT_THAT(file->sync(), IsOk());
    EXPECT_THAT(d.rename({"tmp", "a"}), IsOk());
  });
  EXPECT_EQ(states, (std::set<Files>{{}, {{"tmp", "x"}}, {{"a", "x"}}}));
}

TEST_F(CrashNames, ChangesOfNamesAreLostInAnyCombination) {
  const auto states = states_after([](Directory& d) {
    make_durable(d, "a", "");
    EXPECT_THAT(d.remove("a"), IsOk());
    EXPECT_TRUE(d.open("b", OpenMode::create).has_value());
  });
  EXPECT_EQ(states, (std::set<Files>{{{"a", ""}}, {{"a", ""}, {"b", ""}}, {}, {{"b", ""}}}));
}

TEST_F(CrashNames, RenamedTwiceAFileHasOneName) {
  const auto states = states_after([](Directory& d) {
    make_durable(d, "a", "x");
    EXPECT_THAT(d.rename({"a", "b"}), IsOk());
    EXPECT_THAT(d.rename({"b", "c"}), IsOk());
  });
  EXPECT_EQ(states, (std::set<Files>{{{"a", "x"}}, {{"b", "x"}}, {{"c", "x"}}}));
}

TEST_F(CrashNames, RenameIntoSubdirectoryNeedsBothSynced) {
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

TEST_F(CrashNames, LaterChangeOfAHalfSyncedNameKeepsTheOrder) {
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

TEST_F(CrashNames, SubdirectoryIsDurableWhenItIsGiven) {
  const auto states = states_after([](Directory& d) {
    const auto sub = d.subdirectory("sub", OpenMode::create).value();
    make_durable(*sub, "a", "x");
  });
  EXPECT_EQ(states, (std::set<Files>{{{"sub/a", "x"}}}));
}

TEST_F(CrashNames, SubdirectoryNotYetSyncedIsLostWithAllThatIsInIt) {
  const auto states = states_after([](Directory& d) {
    auto& simulated = dynamic_cast<CrashDirectory&>(d);
    simulated.fail_at(2, Errc::io);  // the sync of the folder it is in
    EXPECT_THAT(d.subdirectory("sub", OpenMode::create), HasErrc(Errc::io));
    const auto sub = d.subdirectory("sub", OpenMode::write).value();
    make_durable(*sub, "a", "x");
  });
  EXPECT_EQ(states, (std::set<Files>{{}, {{"sub/a", "x"}}}));
}

TEST_F(CrashNames, PowerCutBetweenASubdirectoryAndItsSyncLeavesItOrNot) {
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

TEST_F(CrashNames, FailedDirectorySyncMakesSomeNamesDurable) {
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

}  // namespace
}  // namespace walkit::testing
