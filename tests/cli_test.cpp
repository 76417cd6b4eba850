#include "cli_harness.hpp"

#include <gmock/gmock.h>

#include <regex>

namespace walkit::cli_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// ---- Each command on a good log ----------------------------------------------------------------

TEST_F(CliTest, AppendAnswersWithTheIds) {
  EXPECT_EQ(append("a\nb\nc\n").out, "1..3\n");
  const Outcome more = append("d\nwithout an end");
  EXPECT_EQ(more.code, 0);
  EXPECT_EQ(more.out, "4..5\n");
  EXPECT_EQ(more.err, "");
  EXPECT_EQ(append("").out, "none\n");
  EXPECT_EQ(cat().out, "a\nb\nc\nd\nwithout an end\n");
}

TEST_F(CliTest, EverySyncKeepsEveryLine) {
  for (const char* sync : {"each", "batch", "none"}) {
    EXPECT_EQ(append("a\n\nb\n", {"--sync", sync}).code, 0) << sync;
  }
  EXPECT_EQ(cat().out, "a\n\nb\na\n\nb\na\n\nb\n");
  EXPECT_EQ(verify().code, 0);
}

TEST_F(CliTest, AcksSayWhatIsSafeGroupByGroup) {
  EXPECT_EQ(append("a\nb\n", {"--sync", "each", "--acks"}).out, "1..1\n2..2\n");
}

TEST_F(CliTest, ManyLinesComeBackInOrder) {
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += "line " + std::to_string(i) + "\n";
  EXPECT_EQ(append(lines).out, "1..20000\n");
  EXPECT_EQ(cat({"--format", "text"}).out, lines);
}

TEST_F(CliTest, CatGivesARange) {
  append("a\nb\nc\nd\n");
  EXPECT_EQ(cat({"--from", "2", "--to", "3"}).out, "b\nc\n");
  EXPECT_EQ(cat({"--from", "4"}).out, "d\n");
  EXPECT_EQ(cat({"--to", "1"}).out, "a\n");
}

TEST_F(CliTest, CatSaysWhereTheRangeIsNotThere) {
  append("a\nb\n");
  const Outcome above = cat({"--to", "9"});
  EXPECT_EQ(above.code, 0);
  EXPECT_EQ(above.out, "a\nb\n");
  EXPECT_THAT(above.err, HasSubstr("ends with entry 2, before 9"));
  const Outcome behind = cat({"--from", "3"});
  EXPECT_EQ(behind.code, 0);
  EXPECT_EQ(behind.out, "");
  EXPECT_THAT(behind.err, HasSubstr("no entry in this range"));
}

TEST_F(CliTest, TextIsEscapedForTheTerminal) {
  const std::string line("\x1b[31m\t\\ \x7f \xc2\x9b \xe2\x80\xae \xff \xc3\xbc \0", 23);
  append(line + "\n");
  EXPECT_EQ(cat().out, "\\x1b[31m\\t\\\\ \\x7f \\xc2\\x9b \\xe2\\x80\\xae \\xff \xc3\xbc \\x00\n");
}

TEST_F(CliTest, JsonLinesSayTextOrHexAndThePlace) {
  append("say \"hi\"\x1b \xc3\xbc\n\xff\xfe\n\xc0\xaf\n\xed\xa0\x80\n");
  const std::string place =
      ",\"schema\":1,\"file\":\"" + newest_segment().filename().native() + "\",\"offset\":512,";
  const std::string all = cat({"--format", "jsonl"}).out;
  const std::regex time("\"time\":\"[^\"]*\",\"time_ns\":[0-9]*,");
  const std::string lines = std::regex_replace(all, time, "");
  EXPECT_EQ(lines, "{\"id\":1" + place + "\"text\":\"say \\\"hi\\\"\\u001b \\u00fc\"}\n" +
                       "{\"id\":2" + place + "\"hex\":\"fffe\"}\n" + "{\"id\":3" + place +
                       "\"hex\":\"c0af\"}\n" + "{\"id\":4" + place + "\"hex\":\"eda080\"}\n");
  EXPECT_EQ(cat({"--json"}).out, all);
  append(std::string("a\0b\n", 4));
  EXPECT_THAT(cat({"--json", "--from", "5"}).out, HasSubstr("\"hex\":\"610062\"}\n"));
}

TEST_F(CliTest, HexIsADumpWithTheId) {
  append("0123456789abcdef\x1b\n");
  EXPECT_EQ(cat({"--format", "hex"}).out,
            "entry 1, 17 bytes\n"
            "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
            "00000010  1b                                               |.|\n");
}

TEST_F(CliTest, RawIsTheBytes) {
  append("a\x1b\nb\xff");
  EXPECT_EQ(cat({"--format", "raw"}).out,
            "a\x1b"
            "b\xff");
}

TEST_F(CliTest, LsNamesEveryFile) {
  append("a\nb\n");
  const Outcome listed = ls();
  EXPECT_EQ(listed.code, 0);
  EXPECT_THAT(listed.out, HasSubstr(newest_segment().filename().native() + "  1..2 "));
  EXPECT_THAT(listed.out, HasSubstr("sealed\n"));
  EXPECT_THAT(listed.out, HasSubstr("whole\n"));
  EXPECT_THAT(listed.out, HasSubstr("free\n"));
  EXPECT_EQ(listed.err, "");
}

TEST_F(CliTest, VerifySumsUp) {
  append("a\nbc\n");
  const Outcome verified = verify();
  EXPECT_EQ(verified.code, 0);
  EXPECT_EQ(verified.out,
            "verdict: intact\nentries: 1..2\ncount: 2\npayload bytes: 3\n"
            "segments with entries: 1\nproven through: 2\n");
  EXPECT_EQ(verified.err, "");
}

TEST_F(CliTest, TheLogsOwnFolderIsAsGood) {
  append("a\n");
  EXPECT_EQ(run_tool({"append", log() + "/wal"}, "b\n").out, "2..2\n");
  EXPECT_EQ(run_tool({"cat", log() + "/wal/"}).out, "a\nb\n");
  EXPECT_FALSE(fs::exists(log() + "/wal/wal"));
}

TEST_F(CliTest, ReadingChangesNothing) {
  append("a\n");
  const std::string before = read_file(file("LOCK")) + read_file(newest_segment());
  for (const char* command : {"cat", "ls", "verify"}) run_tool({command, log()});
  EXPECT_EQ(read_file(file("LOCK")) + read_file(newest_segment()), before);
  EXPECT_EQ(run_tool({"ls", path("nothing")}).code, 66);
  EXPECT_FALSE(fs::exists(path("nothing")));
}

TEST_F(CliTest, HelpAndVersionAreData) {
  EXPECT_THAT(run_tool({"--version"}).out, StartsWith("walkit "));
  for (const Arguments& arguments : {Arguments{"--help"}, Arguments{"cat", "--help"}}) {
    const Outcome help = run_tool(arguments);
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, HasSubstr("Exit codes: 0 intact"));
    EXPECT_EQ(help.err, "");
  }
}

// ---- Beside others -----------------------------------------------------------------------------

TEST_F(CliTest, ReadersWorkBesideALiveAppend) {
  LiveAppend writer(log(), "each");
  writer.append("a");
  writer.append("b");
  EXPECT_EQ(cat().out, "a\nb\n");
  const std::string who = "process " + std::to_string(writer.process());
  const Outcome listed = ls(), verified = verify();
  EXPECT_THAT(listed.out, HasSubstr("held by " + who));
  EXPECT_THAT(verified.err, HasSubstr("in use by " + who));
  EXPECT_THAT(verified.out, HasSubstr("entries: 1..2\n"));
  for (const Outcome& run : {listed, verified}) EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(writer.finish(), 0);
}

TEST_F(CliTest, AKilledAppendKeepsWhatItAcknowledged) {
  for (const char* sync : {"each", "batch", "none"}) {
    std::string expected = cat().out;
    LiveAppend writer(log(), sync);
    for (int i = 0; i < 20; ++i) {
      const std::string line = std::string(sync) + " " + std::to_string(i);
      EXPECT_THAT(writer.append(line), Not(IsEmpty()));
      expected += line + "\n";
    }
    writer.kill();
    EXPECT_EQ(cat().out, expected);
  }
  EXPECT_THAT(append("more\n").err, HasSubstr("walkit: "));
  EXPECT_EQ(verify().code, 0);
}

TEST_F(CliTest, AClosedPipeEndsCatQuietly) {
  std::string lines;
  for (int i = 0; i < 50'000; ++i) lines += "some line of a log\n";
  append(lines);
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const Scratch in, err;
  const pid_t process = start_tool({"cat", log()}, {in.fd(), pipe[1], err.fd()});
  ::close(pipe[1]);
  ::close(pipe[0]);
  EXPECT_EQ(wait_for(process), 0);
  EXPECT_EQ(err.text(), "");
}

}  // namespace
}  // namespace walkit::cli_test
