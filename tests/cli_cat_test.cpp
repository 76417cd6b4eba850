#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "cli_harness.hpp"

// The ways of `walkit cat` to read: behind damage, and backward.

namespace walkit::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::vector<json> lines_of(const Outcome& run) {
  std::vector<json> lines;
  std::istringstream in(run.out);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

class CliCatTest : public CliTest {
 protected:
  // Two segments of three entries, of which the second does not read.
  void make_damaged() const {
    append("one\ntwo\nthree\n", {"--sync", "each"});
    const fs::path first = newest_segment();
    append("four\nfive\nsix\n", {"--sync", "each"});
    flip(first, read_file(first).find("two"));
  }
};

TEST_F(CliCatTest, KeepGoingPrintsWhatIsBehindDamage) {
  make_damaged();
  EXPECT_EQ(cat().out, "one\n");
  const Outcome run = cat({"--keep-going"});
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.out, "one\nthree\nfour\nfive\nsix\n");
  EXPECT_THAT(run.err, HasSubstr("walkit: corrupt: 00000000000000000001-"));
  EXPECT_THAT(run.err, HasSubstr("gone: 2..2"));
}

TEST_F(CliCatTest, KeepGoingListsTheGapsAsJson) {
  make_damaged();
  const std::vector<json> lines = lines_of(cat({"--keep-going", "--json"}));
  ASSERT_EQ(lines.size(), 7u);
  EXPECT_EQ(lines[5]["gap"]["lost"], json({{"first", 2}, {"last", 2}}));
  EXPECT_EQ(lines[5]["gap"]["code"], "corrupt");
  EXPECT_EQ(lines[6]["exit_code"], 2);
}

TEST_F(CliCatTest, KeepGoingTakesARange) {
  make_damaged();
  const Outcome behind = cat({"--keep-going", "--from", "3", "--to", "4"});
  EXPECT_EQ(behind.out, "three\nfour\n");
  EXPECT_EQ(behind.code, 0) << behind.err;
  const Outcome over = cat({"--keep-going", "--to", "3"});
  EXPECT_EQ(over.out, "one\nthree\n");
  EXPECT_EQ(over.code, 2);
  const Outcome some = cat({"--keep-going", "--limit", "2"});
  EXPECT_EQ(some.out, "one\nthree\n");
  EXPECT_EQ(some.code, 2);
  EXPECT_THAT(some.err, HasSubstr("gone: 2..2"));
}

TEST_F(CliCatTest, KeepGoingIsIntactWhereTheLogIs) {
  append("a\nb\n");
  const Outcome run = cat({"--keep-going"});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, "a\nb\n");
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(cat({"--keep-going", "--newest"}).code, 64);
}

TEST_F(CliCatTest, NewestComesFirst) {
  append("one\ntwo\n", {"--sync", "each"});
  append("three\n");
  EXPECT_EQ(cat({"--newest"}).out, "three\ntwo\none\n");
  EXPECT_EQ(cat({"--newest", "2"}).out, "three\ntwo\n");
  EXPECT_EQ(cat({"--newest", "0"}).out, "");
  EXPECT_EQ(cat({"--newest", "--to", "2"}).out, "two\none\n");
  EXPECT_EQ(cat({"--newest", "--from", "2"}).out, "three\ntwo\n");
  EXPECT_EQ(cat({"--newest", "2", "--limit", "1"}).out, "three\n");
  EXPECT_EQ(cat({"--newest"}).code, 0);
  EXPECT_EQ(cat({"--newest", "x"}).code, 64);
  EXPECT_EQ(lines_of(cat({"--newest", "--json"}))[0]["id"], 3);
}

TEST_F(CliCatTest, NewestStopsAtDamage) {
  make_damaged();
  const Outcome run = cat({"--newest"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.out, testing::StartsWith("six\nfive\nfour\n"));
  EXPECT_EQ(run.out.find("one"), std::string::npos);
}

TEST_F(CliCatTest, JsonSaysWhenAnEntryWasWritten) {
  append("a\n");
  const json line = lines_of(cat({"--json"})).at(0);
  const auto ns = line["time_ns"].get<std::uint64_t>();
  EXPECT_GT(ns, 1'500'000'000'000'000'000u);
  const std::string time = line["time"];
  EXPECT_TRUE(
      std::regex_match(time, std::regex("20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}Z")))
      << time;
  EXPECT_EQ(time.substr(20, 9), std::to_string(ns).substr(10));
}

}  // namespace
}  // namespace walkit::cli_test
