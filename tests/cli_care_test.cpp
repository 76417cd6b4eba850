#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli_harness.hpp"
#include "walkit/checkpoint/checkpoint_store.hpp"
#include "walkit/io/fs_directory.hpp"
#include "walkit/testing/matchers.hpp"

// `walkit trim` and `walkit backup`: what they say, and that only --apply changes a log.

namespace walkit::cli_test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using walkit::testing::IsOk;
using Store = CheckpointStore<std::string, BytesCodec>;

class CliCareTest : public CliTest {
 protected:
  /// Each append is a life, and so a segment.
  void three_segments() const {
    append("1\n2\n");
    append("3\n4\n");
    append("5\n6\n");
  }
  void save(std::uint64_t id) const {
    auto store = Store::open(FsDirectory::open(log()).value()).value();
    ASSERT_THAT(store.save(EntryId{id}, "state", EntryId{id}), IsOk());
  }
  Outcome trim(Arguments more) const {
    more.insert(more.begin(), {"trim", log()});
    return run_tool(more);
  }
  Outcome backup(Arguments more = {}) const {
    more.insert(more.begin(), {"backup", log(), "-o", path("out")});
    return run_tool(more);
  }
  Outcome verify_backup(Arguments more = {}) const {
    more.insert(more.begin(), {"backup", path("out"), "--verify"});
    return run_tool(more);
  }
};

TEST_F(CliCareTest, TrimSaysWhatWouldGoAndWhatKeepsTheNext) {
  three_segments();
  const Outcome plan = trim({"--before", "4"});
  EXPECT_EQ(plan.code, 0);
  EXPECT_THAT(plan.out, StartsWith("would remove 00000000000000000001-"));
  EXPECT_THAT(plan.out, HasSubstr("the next stays because it has entries from 4 on\n"
                                  "oldest entry left: 3\n"));
  EXPECT_THAT(plan.out, HasSubstr("next: walkit trim " + log() + " --before 4 --apply\n"));
  EXPECT_EQ(run_tool({"cat", log()}).out, "1\n2\n3\n4\n5\n6\n");
}

TEST_F(CliCareTest, TrimAppliesWhatItSaid) {
  three_segments();
  const json found = json::parse(trim({"--before", "100", "--apply", "--json"}).out);
  EXPECT_EQ(found["schema"], "walkit.trim/1");
  EXPECT_EQ(found["segments"].size(), 2u);
  EXPECT_EQ(found["held_by"][0]["by"], "newest_segment");
  EXPECT_EQ(found["oldest"], 5);
  EXPECT_EQ(found["applied"], true);
  EXPECT_EQ(run_tool({"cat", log()}).out, "5\n6\n");
  EXPECT_EQ(trim({"--before", "100", "--apply"}).out,
            "nothing to remove\nthe next stays because it is the newest segment\n"
            "oldest entry left: 5\n");
}

TEST_F(CliCareTest, TrimKeepsWhatItIsTold) {
  three_segments();
  for (const char* keep : {"--keep-bytes", "--keep-age"}) {
    const Outcome run = trim({"--before", "100", keep, "1000000", "--apply"});
    EXPECT_THAT(run.out, HasSubstr("nothing to remove\nthe next stays because of --keep-bytes"));
  }
  EXPECT_EQ(trim({}).code, 64);
  EXPECT_EQ(trim({"--before", "0"}).code, 64);
  EXPECT_EQ(run_tool({"trim", path("nothing"), "--before", "1"}).code, 66);
}

TEST_F(CliCareTest, TrimLeavesALogThatIsWritten) {
  three_segments();
  LiveAppend live(log(), "each");
  EXPECT_EQ(live.append("7"), "7..7\n");
  EXPECT_EQ(trim({"--before", "4"}).code, 0) << "to look is allowed";
  EXPECT_EQ(trim({"--before", "4", "--apply"}).code, 4);
  EXPECT_EQ(live.finish(), 0);
}

TEST_F(CliCareTest, BackupIsALogWithItsCheckpoints) {
  three_segments();
  save(2);
  const Outcome run = backup();
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith("entries: 1..6\n"));
  EXPECT_THAT(run.out, HasSubstr("segments: 3 linked, 0 copied\ncheckpoints: 1\n"));
  append("7\n");
  EXPECT_EQ(run_tool({"cat", path("out")}).out, "1\n2\n3\n4\n5\n6\n");
  EXPECT_EQ(run_tool({"checkpoint", "verify", path("out")}).code, 0);
  EXPECT_EQ(verify_backup().out, "a whole backup\n");
  EXPECT_EQ(run_tool({"append", path("out")}, "other\n").out, "7..7\n");
  EXPECT_EQ(run_tool({"cat", path("out")}).out, "1\n2\n3\n4\n5\n6\nother\n");
  EXPECT_EQ(run_tool({"cat", log()}).out, "1\n2\n3\n4\n5\n6\n7\n");
  EXPECT_EQ(verify_backup().code, 2) << "it was opened for writing";
}

TEST_F(CliCareTest, BackupBesideAWriterHoldsWhatIsDurable) {
  append("1\n");
  LiveAppend live(log(), "each");
  EXPECT_EQ(live.append("2"), "2..2\n");
  const json found = json::parse(backup({"--json"}).out);
  EXPECT_EQ(found["schema"], "walkit.backup/1");
  EXPECT_EQ(found["entries"]["last"], 2);
  EXPECT_EQ(found["linked_segments"], 1);
  EXPECT_EQ(found["copied_segments"], 1);
  EXPECT_THAT(found["damage"], IsEmpty());
  EXPECT_FALSE(found["in_use_by"].is_null());
  EXPECT_EQ(live.finish(), 0);
  EXPECT_EQ(run_tool({"cat", path("out")}).out, "1\n2\n");
}

TEST_F(CliCareTest, BackupThatIsNotWholeIsSaid) {
  append("1\n2\n");
  ASSERT_EQ(backup().code, 0);
  flip(path("out") + "/wal/MANIFEST", 100);
  const json found = json::parse(verify_backup({"--json"}).out);
  EXPECT_EQ(found["exit_code"], 2);
  EXPECT_EQ(found["damage"][0]["file"], "MANIFEST");
  fs::remove(path("out") + "/wal/BACKUP");
  EXPECT_EQ(verify_backup().code, 66);
}

TEST_F(CliCareTest, BackupOfADamagedLogIsNotCalledVerified) {
  three_segments();
  for (const auto& entry : fs::directory_iterator(log() + "/wal")) {
    if (entry.path().filename().native().starts_with("00000000000000000001-")) {
      flip(entry.path(), 580);
    }
  }
  const Outcome run = backup();
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.out, HasSubstr("NOT whole\n"));
  EXPECT_THAT(run.err, HasSubstr("corrupt"));
}

TEST_F(CliCareTest, BackupNeedsAPlaceOfItsOwn) {
  append("1\n");
  EXPECT_EQ(run_tool({"backup", log()}).code, 64);
  EXPECT_EQ(run_tool({"backup", log(), "-o", log() + "/inside"}).code, 64);
  EXPECT_EQ(run_tool({"backup", log(), "-o", path("out"), "--verify"}).code, 64);
  EXPECT_EQ(run_tool({"backup", path("nothing"), "-o", path("out")}).code, 66);
  EXPECT_FALSE(fs::exists(path("out")));
  ASSERT_EQ(backup().code, 0);
  EXPECT_EQ(backup().code, 64) << "is not empty";
}

}  // namespace
}  // namespace walkit::cli_test
