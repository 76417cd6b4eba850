#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>

#include "cli_harness.hpp"

// `walkit salvage`: what it saves, what it says is lost, and that it leaves the log alone.

namespace walkit::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class CliSalvageTest : public CliTest {
 protected:
  // Three segments of three entries, of which the fifth does not read.
  void make_damaged() const {
    append("entry 1\nentry 2\nentry 3\n", {"--sync", "each"});
    append("entry 4\nentry 5\nentry 6\n", {"--sync", "each"});
    const fs::path middle = newest_segment();
    append("entry 7\nentry 8\nentry 9\n", {"--sync", "each"});
    flip(middle, read_file(middle).find("entry 5"));
  }
  [[nodiscard]] std::map<std::string, std::string> bytes() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(log())) {
      const std::string text = entry.is_regular_file() ? read_file(entry.path()) : "";
      const auto time = fs::last_write_time(entry.path()).time_since_epoch().count();
      all[entry.path().native()] = std::to_string(time) + text;
    }
    return all;
  }
  Outcome salvage(Arguments more = {}) const {
    more.insert(more.begin(), {"salvage", log(), "-o", path("out")});
    return run_tool(more);
  }
};

TEST_F(CliSalvageTest, SavesWhatReadsWithAMapOfTheLosses) {
  make_damaged();
  const auto before = bytes();
  const Outcome run = salvage();
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.out, HasSubstr("entries: 1..9\ncount: 8\nlosses: 1\n  corrupt: 000000000000"));
  EXPECT_THAT(run.out, HasSubstr("00004.wal at byte 584"));
  EXPECT_THAT(run.out, HasSubstr("gone: 5..5"));
  EXPECT_THAT(run.out, HasSubstr("map of the losses: " + path("out/losses.json") + "\n"));
  EXPECT_THAT(run.err, HasSubstr("one place"));
  const json map = json::parse(read_file(path("out/losses.json")));
  EXPECT_EQ(map["schema"], "walkit.losses/1");
  EXPECT_EQ(map["count"], 8);
  ASSERT_EQ(map["losses"].size(), 1u);
  EXPECT_EQ(map["losses"][0]["lost"], json({{"first", 5}, {"last", 5}}));
  EXPECT_EQ(map["losses"][0]["offset"], 584);
  EXPECT_EQ(run_tool({"cat", path("out")}).out,
            "entry 1\nentry 2\nentry 3\nentry 4\nentry 6\nentry 7\nentry 8\nentry 9\n");
  EXPECT_EQ(run_tool({"append", path("out")}, "entry 10\n").out, "10..10\n");
  EXPECT_EQ(bytes(), before);
}

TEST_F(CliSalvageTest, AHealthyLogIsCopiedWhole) {
  append("a\nb\n");
  const Outcome run = salvage({"--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  const json found = json::parse(run.out);
  EXPECT_EQ(found["schema"], "walkit.salvage/1");
  EXPECT_EQ(found["exit_code"], 0);
  EXPECT_EQ(found["target"], path("out"));
  EXPECT_EQ(found["entries"], json({{"first", 1}, {"last", 2}}));
  EXPECT_EQ(found["count"], 2);
  EXPECT_EQ(found["losses"], json::array());
  EXPECT_EQ(run_tool({"cat", path("out")}).out, "a\nb\n");
  EXPECT_EQ(run_tool({"verify", path("out")}).code, 0);
  EXPECT_EQ(json::parse(read_file(path("out/losses.json")))["losses"], json::array());
}

TEST_F(CliSalvageTest, TheDocumentHasTheLosses) {
  make_damaged();
  const json found = json::parse(salvage({"--json"}).out);
  EXPECT_EQ(found["exit_code"], 2);
  EXPECT_EQ(found["error"]["code"], "corrupt");
  EXPECT_EQ(found["losses"][0]["lost"], json({{"first", 5}, {"last", 5}}));
}

TEST_F(CliSalvageTest, NoPlaceIsTakenThatHoldsSomething) {
  make_damaged();
  write_file(path("file"), "mine");
  fs::create_directory(path("full"));
  write_file(path("full/notes"), "mine");
  fs::create_directory_symlink(log(), path("link"));
  const auto before = bytes();
  for (const std::string& target : {log(), log() + "/wal", log() + "/wal/new", log() + "/new",
                                    path("link/new"), path("file"), path("full")}) {
    const Outcome run = run_tool({"salvage", log(), "-o", target});
    EXPECT_EQ(run.code, 64) << target << run.err;
    EXPECT_THAT(run.err, HasSubstr("name a directory that is not there yet"));
    EXPECT_EQ(bytes(), before) << target;
  }
  EXPECT_EQ(read_file(path("full/notes")), "mine");
  fs::create_directory(path("out"));
  EXPECT_EQ(salvage().code, 2);
  EXPECT_EQ(salvage().code, 64);
}

TEST_F(CliSalvageTest, TheFolderItselfMayBeNamed) {
  append("a\n");
  fs::rename(log() + "/wal", path("journal"));
  EXPECT_EQ(run_tool({"salvage", path("journal"), "-o", path("out")}).code, 0);
  EXPECT_EQ(run_tool({"cat", path("out/journal")}).out, "a\n");
}

TEST_F(CliSalvageTest, BesideAWriterItSavesWhatIsDurable) {
  LiveAppend writer(log(), "each");
  writer.append("a");
  const Outcome run = salvage({"--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(json::parse(run.out)["in_use_by"], "process " + std::to_string(writer.process()));
  EXPECT_EQ(run_tool({"cat", path("out")}).out, "a\n");
  EXPECT_EQ(writer.finish(), 0);
}

TEST_F(CliSalvageTest, NoLogIsSixtySixAndNothingIsMade) {
  EXPECT_EQ(salvage().code, 66);
  EXPECT_FALSE(fs::exists(path("out")));
  EXPECT_EQ(run_tool({"salvage", log()}).code, 64);
}

}  // namespace
}  // namespace walkit::cli_test
