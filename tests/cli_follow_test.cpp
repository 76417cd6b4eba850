#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli_harness.hpp"

// `walkit cat` that waits for more, and that is stopped.

namespace walkit::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// The tool with a pipe to read from.
class LiveTool {
 public:
  explicit LiveTool(const Arguments& arguments) {
    std::array<int, 2> out{};
    EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    process_ = start_tool(arguments, {in_.fd(), out[1], words_.fd()});
    ::close(out[1]);
    output_ = ::fdopen(out[0], "r");
  }
  LiveTool(const LiveTool&) = delete;
  LiveTool& operator=(const LiveTool&) = delete;
  ~LiveTool() {
    if (output_ != nullptr) std::fclose(output_);
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      wait_for(process_);
    }
  }

  /// Waits for it.
  std::string line() {
    std::string text;
    for (int c = std::fgetc(output_); c != EOF; c = std::fgetc(output_)) {
      text += static_cast<char>(c);
      if (c == '\n') break;
    }
    return text;
  }
  void interrupt() const { ::kill(process_, SIGINT); }
  void close_output() { std::fclose(std::exchange(output_, nullptr)); }
  int finish() { return wait_for(std::exchange(process_, -1)); }
  [[nodiscard]] std::string words() const { return words_.text(); }

 private:
  Scratch in_{}, words_{};
  pid_t process_ = -1;
  std::FILE* output_ = nullptr;
};

class CliFollowTest : public CliTest {
 protected:
  [[nodiscard]] Arguments follow(Arguments more = {}) const {
    more.insert(more.begin(), {"cat", log(), "--follow"});
    return more;
  }
};

TEST_F(CliFollowTest, GivesEachEntryWhenItIsThere) {
  LiveAppend writer(log(), "each");
  writer.append("one");
  LiveTool reader(follow());
  EXPECT_EQ(reader.line(), "one\n");
  writer.append("two");
  EXPECT_EQ(reader.line(), "two\n");
  EXPECT_EQ(writer.finish(), 0);
  EXPECT_EQ(append("three\n").code, 0);  // another writer
  EXPECT_EQ(reader.line(), "three\n");
  reader.interrupt();
  EXPECT_EQ(reader.finish(), 0);
  EXPECT_EQ(reader.words(),
            "walkit: stopped after entry 3. Next: walkit cat " + log() + " --follow --from 4\n");
}

TEST_F(CliFollowTest, BeginsWhereItIsToldAndEndsThere) {
  LiveAppend writer(log(), "each");
  for (const char* line : {"one", "two", "three"}) writer.append(line);
  LiveTool range(follow({"--from", "2", "--to", "3"}));
  EXPECT_EQ(range.finish(), 0);
  EXPECT_EQ(range.line(), "two\n");
  EXPECT_EQ(range.line(), "three\n");
  EXPECT_EQ(range.line(), "");
  LiveTool some(follow({"--limit", "2", "--json"}));
  EXPECT_EQ(some.finish(), 0);
  EXPECT_EQ(json::parse(some.line())["id"], 1);
  EXPECT_EQ(json::parse(some.line())["id"], 2);
  EXPECT_EQ(some.line(), "");
}

TEST_F(CliFollowTest, WhatIsOnlyFlushedIsShownWhenAsked) {
  LiveAppend writer(log(), "none");
  writer.append("one");
  LiveTool durable(follow());
  LiveTool flushed(follow({"--flushed"}));
  EXPECT_EQ(flushed.line(), "one\n");
  flushed.interrupt();
  EXPECT_EQ(flushed.finish(), 0);
  EXPECT_THAT(flushed.words(), HasSubstr("--follow --flushed --from 2"));
  // Nothing was there for the other one, which looked at the same log for as long.
  EXPECT_EQ(writer.finish(), 0);
  EXPECT_EQ(durable.line(), "one\n");
}

TEST_F(CliFollowTest, EndsWhenNobodyReads) {
  LiveAppend writer(log(), "each");
  writer.append("one");
  LiveTool reader(follow());
  EXPECT_EQ(reader.line(), "one\n");
  reader.close_output();
  EXPECT_EQ(reader.finish(), 0);
  EXPECT_EQ(reader.words(), "");
}

TEST_F(CliFollowTest, AnInterruptedCatSaysHowToGoOn) {
  std::string lines;
  for (int n = 1; n <= 1000; ++n) lines += std::to_string(n) + std::string(1000, 'x') + "\n";
  append(lines);
  LiveTool reader({"cat", log()});  // more than the pipe holds
  std::string got = reader.line();
  reader.interrupt();
  for (std::string line = reader.line(); !line.empty(); line = reader.line()) got += line;
  EXPECT_EQ(reader.finish(), 130);
  EXPECT_LT(got.size(), lines.size());
  const std::string words = reader.words();
  const std::string next = "Next: walkit cat " + log() + " --from ";
  ASSERT_THAT(words, HasSubstr(next));
  const std::string from = words.substr(words.find(next) + next.size());
  EXPECT_EQ(got + cat({"--from", from.substr(0, from.size() - 1)}).out, lines);
}

TEST_F(CliFollowTest, AnInterruptedStreamSaysSoAtItsEnd) {
  std::string lines;
  for (int n = 1; n <= 1000; ++n) lines += std::string(1000, 'x') + "\n";
  append(lines);
  LiveTool reader({"cat", log(), "--json", "--decoder", "cat", "--to", "999"});
  std::string last = reader.line();
  reader.interrupt();
  for (std::string line = last; !line.empty(); line = reader.line()) last = line;
  EXPECT_EQ(reader.finish(), 130);
  const json ending = json::parse(last);
  EXPECT_EQ(ending["exit_code"], 130);
  EXPECT_THAT(ending["notes"][0], HasSubstr("--format jsonl --decoder cat --from "));
  EXPECT_THAT(ending["notes"][0], HasSubstr(" --to 999"));
}

TEST_F(CliFollowTest, AWrongCallIsSixtyFour) {
  append("a\n");
  for (const Arguments& more : {Arguments{"--newest"},
                                {"--keep-going"},
                                {"--decoder", "cat"},
                                {"--to", "2", "--from", "3"}}) {
    EXPECT_EQ(run_tool(follow(more)).code, 64) << testing::PrintToString(more);
  }
  EXPECT_EQ(cat({"--flushed"}).code, 64);
  EXPECT_EQ(run_tool({"cat", path("nothing"), "--follow"}).code, 66);
}

}  // namespace
}  // namespace walkit::cli_test
