#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli_harness.hpp"

namespace walkit::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// A segment with an entry in each of five frames, a close and a seal.
class CliInspectTest : public CliTest {
 protected:
  CliInspectTest() { append("one\ntwo\nthree\nfour\nfive\n", {"--sync", "each"}); }

  [[nodiscard]] static Outcome inspect_file(const fs::path& file, Arguments more = {}) {
    more.insert(more.begin(), {"inspect", file.native()});
    return run_tool(more);
  }
  [[nodiscard]] Outcome inspect(Arguments more = {}) const {
    return inspect_file(newest_segment(), std::move(more));
  }
  [[nodiscard]] json frames() const { return json::parse(inspect({"--json"}).out)["frames"]; }
};

TEST_F(CliInspectTest, ASegmentIsItsHeaderAndItsFrames) {
  const Outcome shown = inspect();
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("  segment             1\n"));
  EXPECT_THAT(shown.out, HasSubstr("  codec               byte\n"));
  EXPECT_THAT(shown.out, HasSubstr("entries  2..2                     1 "));
  EXPECT_THAT(shown.out, HasSubstr("seal     (6)"));
  EXPECT_THAT(shown.out, HasSubstr("7 frames, 0 bad places; "));
  const json found = json::parse(inspect({"--json"}).out);
  EXPECT_EQ(found["schema"], "walkit.inspect/1");
  EXPECT_EQ(found["header"]["first_entry"], 1);
  ASSERT_EQ(found["frames"].size(), 7u);
  EXPECT_EQ(found["frames"][0]["offset"], 512);
  EXPECT_EQ(found["frames"][4]["entries"], json({{"first", 5}, {"last", 5}}));
  EXPECT_EQ(found["frames"][4]["watermark"], 4);
  EXPECT_EQ(found["frames"][5]["kind"], "close");
  EXPECT_EQ(found["frame_count"], 7);
  EXPECT_EQ(found["exit_code"], 0);
}

TEST_F(CliInspectTest, BehindABadHeaderStandsTheNextFrame) {
  const json before = frames();
  flip(newest_segment(), before[1]["offset"].get<std::size_t>() + 20);
  const Outcome shown = inspect();
  EXPECT_EQ(shown.code, 2);
  const std::string next = std::to_string(before[2]["offset"].get<int>());
  EXPECT_THAT(shown.out, HasSubstr("header checksum MISMATCH: expected "));
  EXPECT_THAT(shown.out, HasSubstr("72 bytes skipped; next valid frame: " + next +
                                   " (entry 3), 1 ids missing: 2..2\n"));
  EXPECT_THAT(shown.err, HasSubstr("gone: 2..2"));
  const json bad = frames()[1];
  EXPECT_EQ(bad["kind"], "bad_place");
  EXPECT_EQ(bad["missing"], json({{"first", 2}, {"last", 2}}));
  EXPECT_EQ(bad["next_frame"], before[2]["offset"]);
}

TEST_F(CliInspectTest, ABadBodyIsNamedWithBothChecksums) {
  flip(newest_segment(), read_file(newest_segment()).find("three"));
  const Outcome shown = inspect();
  EXPECT_EQ(shown.code, 2);
  EXPECT_THAT(shown.out, HasSubstr("body checksum MISMATCH: expected "));
  EXPECT_THAT(shown.out, HasSubstr("7 frames, 1 bad places"));
}

TEST_F(CliInspectTest, EveryFlipIsNoticed) {
  const std::string good = read_file(newest_segment());
  const std::size_t offset = 512;
  for (std::size_t at = 0; at < good.size(); at += at < offset ? 61 : 11) {
    flip(newest_segment(), at);
    const Outcome shown = inspect();
    EXPECT_TRUE(shown.code == 1 || shown.code == 2) << "byte " << at << ": " << shown.code;
    write_file(newest_segment(), good);
  }
}

TEST_F(CliInspectTest, EveryCutIsShown) {
  const std::string good = read_file(newest_segment());
  for (std::size_t bytes = 0; bytes < good.size(); bytes += 37) {
    write_file(newest_segment(), good.substr(0, bytes));
    const Outcome shown = inspect();
    EXPECT_TRUE(shown.code >= 0 && shown.code <= 2) << bytes << ": " << shown.code << shown.err;
  }
}

TEST_F(CliInspectTest, TheFramesBehindADamagedHeaderAreFoundAllTheSame) {
  flip(newest_segment(), 90);
  const Outcome shown = inspect();
  EXPECT_EQ(shown.code, 2);
  EXPECT_THAT(shown.out, HasSubstr("its header does not hold"));
  EXPECT_THAT(shown.out, HasSubstr("7 frames, 0 bad places"));
  EXPECT_THAT(shown.err, HasSubstr("header checksum differs"));
}

TEST_F(CliInspectTest, OneFrameFieldByField) {
  const std::string offset = std::to_string(frames()[1]["offset"].get<int>());
  const Outcome shown = inspect({"--offset", offset});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("+16  first_id      02 00 00 00 00 00 00 00  2\n"));
  EXPECT_THAT(shown.out, HasSubstr("03 74 77 6f "));
  EXPECT_THAT(shown.out, HasSubstr("0 bytes skipped, 0 ids missing"));
  flip(newest_segment(), read_file(newest_segment()).find("two"));
  const Outcome bad = inspect({"--offset", offset});
  EXPECT_EQ(bad.code, 2);
  EXPECT_THAT(bad.out, HasSubstr("MISMATCH"));
  const json found = json::parse(inspect({"--offset", offset, "--json"}).out);
  EXPECT_EQ(found["fields"].size(), 14u);
  EXPECT_EQ(found["fields"][4]["value"], 2);
  EXPECT_EQ(found["holds"], true);
}

TEST_F(CliInspectTest, AnOffsetWithoutAFrameIsAWrongCall) {
  const Outcome inside = inspect({"--offset", "520"});
  EXPECT_EQ(inside.code, 64);
  EXPECT_THAT(inside.err, HasSubstr("begins at byte 512"));
  EXPECT_EQ(inspect({"--offset", "99999999"}).code, 64);
  EXPECT_EQ(inspect({"--offset", "18446744073709551615"}).code, 64);
  EXPECT_EQ(inspect({"--offset", "x"}).code, 64);
  EXPECT_EQ(inspect_file(file("MANIFEST"), {"--offset", "0"}).code, 64);
}

TEST_F(CliInspectTest, ManifestAndLock) {
  const Outcome manifest = inspect_file(file("MANIFEST"));
  EXPECT_EQ(manifest.code, 0);
  EXPECT_THAT(manifest.out, HasSubstr("  durable_through     5\n"));
  EXPECT_THAT(manifest.out, HasSubstr("  closed              true\n"));
  flip(file("MANIFEST"), 20);
  EXPECT_EQ(inspect_file(file("MANIFEST")).code, 0);
  EXPECT_THAT(inspect_file(file("MANIFEST")).err, HasSubstr("header checksum differs"));
  flip(file("MANIFEST"), 4096 + 20);
  EXPECT_EQ(inspect_file(file("MANIFEST")).code, 2);
  EXPECT_THAT(inspect_file(file("LOCK")).out, HasSubstr("LOCK: lock, free\n"));
  flip(file("LOCK"), 60);
  EXPECT_EQ(inspect_file(file("LOCK")).code, 0);
  EXPECT_THAT(inspect_file(file("LOCK")).err, HasSubstr("no evidence"));
}

TEST_F(CliInspectTest, AFileOfALiveLog) {
  LiveAppend writer(log(), "each");
  writer.append("six");
  const Outcome shown = inspect();
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("entries  6..6 "));
  EXPECT_THAT(inspect_file(file("LOCK")).out,
              HasSubstr("held by process " + std::to_string(writer.process())));
}

TEST_F(CliInspectTest, WhatIsNoFileOfALogIsSixtySix) {
  write_file(path("note"), "text");
  for (const char* name : {"note", "nothing", "no/where"}) {
    EXPECT_EQ(inspect_file(path(name)).code, 66) << name;
  }
  const Outcome folder = inspect_file(log());
  EXPECT_EQ(folder.code, 64);
  EXPECT_THAT(folder.err, HasSubstr("Next: `walkit ls` names the files of a log"));
}

}  // namespace
}  // namespace walkit::cli_test
