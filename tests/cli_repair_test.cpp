#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli_harness.hpp"

// `walkit repair`: what it says of a damaged log, and that it does no more than it was told.

namespace walkit::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class CliRepairTest : public CliTest {
 protected:
  // Three segments of three entries; "entry 5" is in the middle one.
  void make() const {
    append("entry 1\nentry 2\nentry 3\n", {"--sync", "each"});
    append("entry 4\nentry 5\nentry 6\n", {"--sync", "each"});
    append("entry 7\nentry 8\nentry 9\n", {"--sync", "each"});
  }
  void damage_entry(int number) const {
    const std::string words = "entry " + std::to_string(number);
    for (const auto& entry : fs::directory_iterator(log() + "/wal")) {
      const std::size_t at = read_file(entry.path()).find(words);
      if (at != std::string::npos) return flip(entry.path(), at);
    }
    FAIL() << words;
  }
  [[nodiscard]] std::string bytes() const {
    std::string all;
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(log())) files.push_back(entry);
    std::sort(files.begin(), files.end());
    for (const fs::path& path : files) {
      all += path.native() + (fs::is_regular_file(path) ? read_file(path) : "") + "\n";
    }
    return all;
  }
  Outcome repair(Arguments more = {}) const {
    more.insert(more.begin(), {"repair", log()});
    return run_tool(more);
  }
};

TEST_F(CliRepairTest, AHealthyLogNeedsNothing) {
  make();
  const std::string before = bytes();
  for (const Arguments& more : {Arguments{}, {"--apply"}, {"--apply", "--accept-loss", "1-9"}}) {
    const Outcome run = repair(more);
    EXPECT_EQ(run.code, 0);
    EXPECT_EQ(run.out, "nothing needs repair\n");
    EXPECT_EQ(run.err, "");
    EXPECT_EQ(bytes(), before);
  }
}

TEST_F(CliRepairTest, ThePlanSaysAllAndChangesNothing) {
  make();
  damage_entry(5);
  const std::string before = bytes();
  const Outcome run = repair();
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.out, HasSubstr("damage:\n  corrupt: 00000000000000000002-"));
  EXPECT_THAT(run.out, HasSubstr("plan:\n  gives up entries in 5..5\n"));
  EXPECT_THAT(run.out, HasSubstr("  move to quarantine/ 00000000000000000002-"));
  EXPECT_THAT(run.out, HasSubstr("next: walkit repair " + log() + " --apply --accept-loss 5\n"));
  EXPECT_THAT(run.err, HasSubstr("nothing was changed"));
  EXPECT_EQ(bytes(), before);
}

TEST_F(CliRepairTest, ALossThatIsNotAcceptedIsRefusedWithTheFlag) {
  make();
  damage_entry(5);
  damage_entry(6);
  const std::string before = bytes();
  for (const Arguments& more : {Arguments{"--apply"},
                                {"--apply", "--accept-loss", "none"},
                                {"--apply", "--accept-loss", "5"},
                                {"--apply", "--accept-loss", "6-9"}}) {
    const Outcome run = repair(more);
    EXPECT_EQ(run.code, 64);
    EXPECT_THAT(run.err, HasSubstr("say --accept-loss 5-6"));
    EXPECT_EQ(bytes(), before);
  }
}

TEST_F(CliRepairTest, AnAcceptedLossIsRecordedAndTheLogGoesOn) {
  make();
  damage_entry(5);
  const Outcome run = repair({"--apply", "--accept-loss", "5"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("done; the old files are in quarantine/\n"));
  EXPECT_THAT(run.err, HasSubstr("entries in 5..5 are recorded as lost"));
  EXPECT_EQ(cat().out, "entry 1\nentry 2\nentry 3\nentry 4\nentry 6\nentry 7\nentry 8\nentry 9\n");
  EXPECT_EQ(append("entry 10\n").out, "10..10\n");
  EXPECT_EQ(repair().out, "nothing needs repair\n");
  EXPECT_TRUE(fs::is_directory(file("quarantine")));
}

TEST_F(CliRepairTest, WhatLosesNothingIsDoneWithoutAFlag) {
  make();
  fs::remove(file("MANIFEST"));
  const Outcome plan = repair();
  EXPECT_EQ(plan.code, 2);
  EXPECT_THAT(plan.out, HasSubstr("no acknowledged entry is lost"));
  EXPECT_THAT(plan.out, HasSubstr("next: walkit repair " + log() + " --apply\n"));
  EXPECT_EQ(repair({"--apply"}).code, 0);
  EXPECT_EQ(verify().code, 0);
}

TEST_F(CliRepairTest, ItIsOneDocument) {
  make();
  damage_entry(5);
  const Outcome run = repair({"--json"});
  const json found = json::parse(run.out);
  EXPECT_EQ(found["schema"], "walkit.repair/1");
  EXPECT_EQ(found["exit_code"], 2);
  EXPECT_EQ(found["verdict"], "damaged");
  EXPECT_EQ(found["lost"], json({{"first", 5}, {"last", 5}}));
  EXPECT_EQ(found["applied"], false);
  EXPECT_EQ(found["error"]["code"], "corrupt");
  EXPECT_EQ(found["damage"][0]["lost"], json({{"first", 5}, {"last", 5}}));
  EXPECT_EQ(found["next_command"], "walkit repair " + log() + " --apply --accept-loss 5");
  std::set<std::string> actions;
  for (const json& step : found["steps"]) actions.insert(step["action"]);
  EXPECT_THAT(actions,
              testing::IsSupersetOf({"quarantine_file", "write_replacement", "record_loss"}));
  const json done = json::parse(repair({"--json", "--apply", "--accept-loss", "1-9"}).out);
  EXPECT_EQ(done["applied"], true);
  EXPECT_EQ(done["exit_code"], 0);
  EXPECT_EQ(done["next_command"], "walkit verify " + log());
}

TEST_F(CliRepairTest, ALiveLogIsInUse) {
  make();
  damage_entry(5);
  fs::copy(log(), path("other"), fs::copy_options::recursive);
  fs::remove_all(log());
  LiveAppend writer(log(), "each");
  writer.append("a");
  for (const Arguments& more : {Arguments{}, {"--apply"}}) {
    const Outcome run = repair(more);
    EXPECT_EQ(run.code, 4);
    EXPECT_THAT(run.err, HasSubstr("walkit: locked: "));
  }
  EXPECT_EQ(writer.finish(), 0);
}

TEST_F(CliRepairTest, ATornEndIsLeftToTheNextWriter) {
  make();
  std::string all = read_file(newest_segment());
  write_file(newest_segment(), all + "garbage");
  const Outcome run = repair();
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.out, "nothing needs repair\n");
  EXPECT_THAT(run.err, HasSubstr("open it for writing"));
}

TEST_F(CliRepairTest, AWrongCallIsSixtyFour) {
  make();
  for (const Arguments& more : {Arguments{"--accept-loss", "5"},
                                {"--apply", "--accept-loss", "x"},
                                {"--apply", "--accept-loss", "0-5"},
                                {"--apply", "--accept-loss", "6-5"},
                                {"--apply", "--accept-loss", "5-"},
                                {"--apply", "--accept-loss", "-5"}}) {
    EXPECT_EQ(repair(more).code, 64) << testing::PrintToString(more);
  }
  EXPECT_EQ(run_tool({"repair", path("nothing")}).code, 66);
}

TEST_F(CliRepairTest, TheNextCommandIsGoodForTheShell) {
  make();
  damage_entry(5);
  fs::rename(log(), path("it's here"));
  const Outcome run = run_tool({"repair", path("it's here"), "--json"});
  const std::string command = json::parse(run.out)["next_command"];
  EXPECT_THAT(command, HasSubstr("/it'\\''s here' --apply"));
}

}  // namespace
}  // namespace walkit::cli_test
