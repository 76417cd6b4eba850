#include <gmock/gmock.h>

#include "cli_harness.hpp"

// `cat --decoder CMD`, and what else a look at entries has.

namespace walkit::cli_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class CliDecoderTest : public CliTest {
 protected:
  [[nodiscard]] Outcome decode(const std::string& command, Arguments more = {}) const {
    more.insert(more.end(), {"--decoder", command});
    return cat(more);
  }
  // Enough to fill every pipe and buffer on the way, both ways.
  void many() const {
    std::string lines;
    for (int i = 0; i < 30'000; ++i) lines += "entry " + std::to_string(i) + "\n";
    append(lines);
  }
};

TEST_F(CliDecoderTest, ItsLinesStandInPlaceOfThePayloads) {
  append("one\n\xff\n");
  const Outcome run = decode("cat");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out,
            "{\"id\":1,\"schema\":1,\"text\":\"one\"}\n{\"id\":2,\"schema\":1,\"hex\":\"ff\"}\n");
  EXPECT_EQ(decode("sed 's/.*/\x1b[31m/'").out, "\\x1b[31m\n\\x1b[31m\n");
}

TEST_F(CliDecoderTest, InJsonLinesAnAnswerIsAValueOrAText) {
  append("one\n");
  EXPECT_THAT(decode("sed 's/.*/{\"a\":[1]}/'", {"--json"}).out,
              HasSubstr(",\"entry\":{\"a\":[1]}}\n"));
  EXPECT_THAT(decode("sed 's/.*/plain/'", {"--json"}).out, HasSubstr("\"entry\":\"plain\"}\n"));
}

TEST_F(CliDecoderTest, NeitherSideWaitsForTheOther) {
  many();
  const std::string all = decode("cat").out;
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 30'000);
  // One that answers only when it has read everything, and one that is far behind.
  for (const char* command : {"sort -s -k1,1", "sed -u ''", "dd bs=7 2>/dev/null"}) {
    const Outcome run = decode(command);
    EXPECT_EQ(run.code, 0) << command << run.err;
    EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 30'000) << command;
  }
}

TEST_F(CliDecoderTest, ACommandThatFailsIsNamed) {
  many();
  const struct {
    const char *command, *words;
  } cases[] = {{"false", "printed 0 lines for "},
               {"head -n 5", "printed 5 lines for "},
               {"kill -9 $$", "ended by signal 9"},
               {"no-such-command-here 2>/dev/null", "ended with status 127"},
               {"cat; exit 3", "ended with status 3"},
               {"cat; echo more", "printed more than 30000 lines"},
               {"yes", "printed more than "},
               {"cat >/dev/null; printf x", "in the middle of a line"},
               {"exec >&-; cat >/dev/null", "printed 0 lines"}};
  for (const auto& c : cases) {
    const Outcome run = decode(c.command);
    EXPECT_EQ(run.code, 74) << c.command;
    EXPECT_THAT(run.err, HasSubstr(c.words)) << c.command;
    EXPECT_THAT(run.err, HasSubstr("the decoder ")) << c.command;
  }
}

TEST_F(CliDecoderTest, DamageStillComesAfterTheEntriesBeforeIt) {
  append("first\nsecond\n", {"--sync", "each"});
  flip(newest_segment(), read_file(newest_segment()).find("second"));
  const Outcome run = decode("sed 's/.*/line/'");
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.out, "line\n");
}

TEST_F(CliDecoderTest, ItIsForLines) {
  append("a\n");
  EXPECT_EQ(decode("cat", {"--format", "raw"}).code, 64);
  EXPECT_EQ(decode("cat", {"--format", "hex"}).code, 64);
}

TEST_F(CliDecoderTest, ALimitEndsIt) {
  append("a\nb\nc\n");
  EXPECT_EQ(cat({"--limit", "2"}).out, "a\nb\n");
  EXPECT_EQ(cat({"--limit", "0"}).out, "");
  EXPECT_EQ(cat({"--limit", "9"}).out, "a\nb\nc\n");
  EXPECT_EQ(cat({"--limit", "1", "--from", "3"}).out, "c\n");
  EXPECT_EQ(decode("sed 's/.*/line/'", {"--limit", "2"}).out, "line\nline\n");
  EXPECT_EQ(cat({"--limit", "-1"}).code, 64);
}

// ---- Progress ----------------------------------------------------------------------------------

TEST_F(CliDecoderTest, ProgressIsForTerminalsUnlessAskedFor) {
  many();
  for (const char* command : {"verify", "stat", "cat"}) {
    const Outcome quiet = run_tool({command, log()});
    EXPECT_EQ(quiet.err, "") << command;
    EXPECT_EQ(run_tool({command, log(), "--progress", "never"}).err, "") << command;
    const Outcome shown = run_tool({command, log(), "--progress", "always"});
    EXPECT_THAT(shown.err, StartsWith(std::string("\rwalkit ") + command + ": entry 1, 0.0 MiB"));
    EXPECT_TRUE(shown.err.ends_with(" \r")) << command;
    EXPECT_EQ(shown.out, quiet.out) << command;
  }
}

}  // namespace
}  // namespace walkit::cli_test
