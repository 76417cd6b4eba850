#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli_harness.hpp"
#include "walkit/checkpoint/checkpoint_store.hpp"
#include "walkit/io/fs_directory.hpp"
#include "walkit/testing/matchers.hpp"

// `walkit checkpoint`: what it says of the states beside a log, and that only prune --apply writes.

namespace walkit::cli_test {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Store = CheckpointStore<std::string, BytesCodec>;

class CliCheckpointTest : public CliTest {
 protected:
  void save(std::initializer_list<std::uint64_t> ids) const {
    auto store = Store::open(FsDirectory::open(log()).value(), {.keep = 9}).value();
    for (const std::uint64_t id : ids) {
      ASSERT_THAT(store.save(EntryId{id}, "state " + std::to_string(id), EntryId{id}),
                  walkit::testing::IsOk());
    }
  }
  [[nodiscard]] std::string folder() const { return log() + "/checkpoints"; }
  [[nodiscard]] fs::path file_of(std::uint64_t id) const {
    const std::string digits = std::to_string(id);
    return folder() + "/" + std::string(20 - digits.size(), '0') + digits + ".ckpt";
  }
  Outcome checkpoint(const std::string& verb, Arguments more = {}) const {
    more.insert(more.begin(), {"checkpoint", verb, log()});
    return run_tool(more);
  }
  [[nodiscard]] std::vector<std::uint64_t> ids() const {
    std::vector<std::uint64_t> ids;
    const json found = json::parse(checkpoint("ls", {"--json"}).out);
    for (const json& row : found["checkpoints"]) ids.push_back(row["entry_id"]);
    return ids;
  }
};

TEST_F(CliCheckpointTest, ListsThemOldestFirstFromEitherFolder) {
  save({20, 10});
  const Outcome run = checkpoint("ls");
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, StartsWith("ENTRY  BYTES  CREATED\n   10    "));
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(run_tool({"checkpoint", "ls", folder()}).out, run.out);
  EXPECT_THAT(ids(), ElementsAre(10, 20));
}

TEST_F(CliCheckpointTest, WhereThereAreNoneItSaysSo) {
  append("entry\n");
  for (const char* verb : {"ls", "verify"}) {
    const Outcome run = checkpoint(verb);
    EXPECT_EQ(run.code, 66);
    EXPECT_THAT(run.err, HasSubstr("there are no checkpoints here"));
  }
  EXPECT_EQ(run_tool({"checkpoint", "ls", path("nothing")}).code, 66);
  EXPECT_FALSE(fs::exists(folder())) << "looking made a folder";
}

TEST_F(CliCheckpointTest, VerifyReadsEachAndSaysWhereRecoveryBegins) {
  save({10, 20});
  Outcome run = checkpoint("verify");
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, HasSubstr("recovery begins at entry 20\n"));
  flip(file_of(20), 545);
  run = checkpoint("verify", {"--json"});
  EXPECT_EQ(run.code, 2);
  const json found = json::parse(run.out);
  EXPECT_EQ(found["recovery_begins_at"], 10);
  EXPECT_EQ(found["checkpoints"][1]["good"], false);
  EXPECT_EQ(found["error"]["code"], "corrupt");
  flip(file_of(10), 545);
  EXPECT_THAT(checkpoint("verify").out, HasSubstr("none verifies: recovery needs the whole log"));
}

TEST_F(CliCheckpointTest, PruneSaysWhatItWouldDoAndDoesItWhenTold) {
  save({10, 20, 30});
  const Outcome plan = checkpoint("prune");
  EXPECT_EQ(plan.code, 0);
  EXPECT_THAT(plan.out, StartsWith("would remove the checkpoint at entry 10, "));
  EXPECT_THAT(plan.out, HasSubstr("checkpoint prune " + log() + " --keep 2 --apply\n"));
  EXPECT_THAT(ids(), ElementsAre(10, 20, 30));
  EXPECT_THAT(checkpoint("prune", {"--keep", "3"}).out, StartsWith("nothing to remove"));
  const Outcome done = checkpoint("prune", {"--apply"});
  EXPECT_EQ(done.code, 0);
  EXPECT_THAT(done.out, StartsWith("removed the checkpoint at entry 10, "));
  EXPECT_THAT(ids(), ElementsAre(20, 30));
  EXPECT_EQ(checkpoint("prune", {"--keep", "1"}).code, 64);
}

TEST_F(CliCheckpointTest, LeftoversAndForeignFilesAreNamed) {
  save({10});
  write_file(folder() + "/00000000000000000020.ckpt.tmp", "half");
  write_file(folder() + "/notes.txt", "mine");
  const Outcome run = checkpoint("ls");
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.err, HasSubstr("no checkpoint: 00000000000000000020.ckpt.tmp\n"));
  EXPECT_THAT(run.err, HasSubstr("no checkpoint: notes.txt\n"));
}

}  // namespace
}  // namespace walkit::cli_test
