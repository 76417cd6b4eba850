#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli_harness.hpp"

namespace walkit::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json document(const Outcome& run) {
  json parsed = json::parse(run.out, nullptr, false);
  EXPECT_TRUE(parsed.is_object()) << run.out << run.err;
  EXPECT_EQ(parsed.value("exit_code", -1), run.code) << run.out;
  for (const char* member : {"schema", "verdict", "error", "warnings", "notes"}) {
    EXPECT_TRUE(parsed.contains(member)) << member << run.out;
  }
  return parsed;
}

class CliJsonTest : public CliTest {
 protected:
  json ask(const char* command) const { return document(run_tool({command, log(), "--json"})); }
};

TEST_F(CliJsonTest, VerifyIsOneDocument) {
  append("a\nbc\n");
  const json found = ask("verify");
  EXPECT_EQ(found["schema"], "walkit.verify/1");
  EXPECT_EQ(found["directory"], log());
  EXPECT_EQ(found["verdict"], "intact");
  EXPECT_EQ(found["entries"], json({{"first", 1}, {"last", 2}}));
  EXPECT_EQ(found["count"], 2);
  EXPECT_EQ(found["payload_bytes"], 3);
  EXPECT_EQ(found["proven_through"], 2);
  EXPECT_EQ(found["closed"], true);
  EXPECT_EQ(found["in_use_by"], nullptr);
  EXPECT_EQ(found["error"], nullptr);
  EXPECT_EQ(found["notes"], json::array());
}

TEST_F(CliJsonTest, LsListsTheFiles) {
  append("a\nb\n");
  const json found = ask("ls");
  EXPECT_EQ(found["schema"], "walkit.ls/1");
  ASSERT_EQ(found["files"].size(), 3u);
  EXPECT_EQ(found["files"][0]["file"], newest_segment().filename().native());
  EXPECT_EQ(found["files"][0]["entries"], json({{"first", 1}, {"last", 2}}));
  EXPECT_EQ(found["files"][0]["bytes"], fs::file_size(newest_segment()));
  EXPECT_EQ(found["files"][0]["state"], "sealed");
  EXPECT_EQ(found["files"][1]["file"], "MANIFEST");
  EXPECT_EQ(found["files"][2]["file"], "LOCK");
}

TEST_F(CliJsonTest, AppendAnswersWithIdsAndRecovery) {
  const json first = document(append("a\nb\n", {"--json"}));
  EXPECT_EQ(first["schema"], "walkit.append/1");
  EXPECT_EQ(first["entries"], json({{"first", 1}, {"last", 2}}));
  EXPECT_EQ(first["recovery"]["origin"], "created");
  const json none = document(append("", {"--json"}));
  EXPECT_EQ(none["entries"], nullptr);
  EXPECT_EQ(none["recovery"]["origin"], "clean_close");
  const Outcome acks = append("c\n", {"--json", "--acks"});
  EXPECT_THAT(acks.out, testing::StartsWith("{\"acknowledged\":{\"first\":3,\"last\":3}}\n{"));
}

TEST_F(CliJsonTest, AnErrorStandsInTheDocument) {
  append("first\nsecond\n", {"--sync", "each"});
  flip(newest_segment(), read_file(newest_segment()).find("second"));
  const Outcome run = run_tool({"verify", log(), "--json"});
  const json found = document(run);
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("walkit: corrupt: "));
  EXPECT_EQ(found["verdict"], "damaged");
  EXPECT_EQ(found["entries"], json({{"first", 1}, {"last", 1}}));
  const json error = found["error"];
  EXPECT_EQ(error["code"], "corrupt");
  EXPECT_EQ(error["file"], newest_segment().filename().native());
  EXPECT_GT(error["offset"], 512);
  EXPECT_EQ(error["lost"], json({{"first", 2}, {"last", 2}}));
  EXPECT_NE(error["next_step"], nullptr);
  EXPECT_NE(error["message"], "");
}

TEST_F(CliJsonTest, NoLogIsADocumentToo) {
  for (const char* command : {"verify", "ls"}) {
    const json found = ask(command);
    EXPECT_EQ(found["exit_code"], 66) << command;
    EXPECT_EQ(found["error"]["code"], "not_found") << command;
  }
}

TEST_F(CliJsonTest, AStreamThatEndsBadlySaysSoInItsLastLine) {
  append("first\nsecond\n", {"--sync", "each"});
  flip(newest_segment(), read_file(newest_segment()).find("second"));
  const Outcome run = cat({"--json"});
  EXPECT_EQ(run.code, 2);
  const std::size_t second = run.out.find('\n') + 1;
  EXPECT_EQ(json::parse(run.out.substr(0, second))["text"], "first");
  const json last = json::parse(run.out.substr(second));
  EXPECT_EQ(last["exit_code"], 2);
  EXPECT_EQ(last["error"]["code"], "corrupt");
}

TEST_F(CliJsonTest, NamesThatAreNoTextDoNotBreakTheDocument) {
  const std::string odd = path("\xff\x1b[31m");
  const Outcome run = run_tool({"ls", odd, "--json"});
  EXPECT_EQ(document(run)["exit_code"], 66);
  EXPECT_THAT(run.out, testing::Not(HasSubstr("\x1b")));
}

// ---- A segment that is missing -----------------------------------------------------------------

class CliHoleTest : public CliJsonTest {
 protected:
  // Three segments with an entry each.
  void three_segments() const {
    for (const char* line : {"one\n", "two\n", "three\n"}) append(line);
  }
  void remove_segment(int n) const {
    fs::remove(file("0000000000000000000" + std::to_string(n) + "-0000000000000000000" +
                    std::to_string(n) + ".wal"));
  }
};

TEST_F(CliHoleTest, LsShowsWhatIsThereAndTheHole) {
  three_segments();
  remove_segment(2);
  const Outcome listed = ls();
  EXPECT_EQ(listed.code, 2);
  EXPECT_THAT(listed.out, HasSubstr("00000000000000000001-00000000000000000001.wal  1..1 "));
  EXPECT_THAT(listed.out, HasSubstr("(segment 2) "));
  EXPECT_THAT(listed.out, HasSubstr("MISSING\n"));
  EXPECT_THAT(listed.out, HasSubstr("00000000000000000003-00000000000000000003.wal  3..3 "));
  EXPECT_THAT(listed.err, HasSubstr("are missing"));
  EXPECT_EQ(ask("ls")["files"][1]["state"], "MISSING");
}

TEST_F(CliHoleTest, CatAndVerifyGiveWhatIsBeforeTheHole) {
  three_segments();
  remove_segment(2);
  const Outcome read = cat();
  EXPECT_EQ(read.code, 2);
  EXPECT_EQ(read.out, "one\n");
  EXPECT_EQ(cat({"--from", "2"}).out, "");
  EXPECT_EQ(ask("verify")["entries"], json({{"first", 1}, {"last", 1}}));
}

TEST_F(CliHoleTest, NothingIsShownBehindAMissingFirstSegment) {
  three_segments();
  remove_segment(1);
  EXPECT_EQ(cat().code, 2);
  EXPECT_EQ(cat().out, "");
  EXPECT_THAT(ls().out, HasSubstr("(segment 1) "));
}

TEST_F(CliHoleTest, AllIsShownBeforeAMissingLastSegment) {
  three_segments();
  remove_segment(3);
  EXPECT_EQ(cat().code, 2);
  EXPECT_EQ(cat().out, "one\ntwo\n");
  EXPECT_THAT(ls().out, HasSubstr("(segment 3) "));
}

TEST_F(CliHoleTest, ABadHeaderIsAHoleToo) {
  three_segments();
  flip(file("00000000000000000002-00000000000000000002.wal"), 60);
  EXPECT_EQ(cat().out, "one\n");
  EXPECT_EQ(verify().code, 2);
}

}  // namespace
}  // namespace walkit::cli_test
