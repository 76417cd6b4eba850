#include <gmock/gmock.h>

#include <random>

#include "cli/sizes.hpp"
#include "cli_harness.hpp"
#include "seed.hpp"

namespace walkit::cli_test {
namespace {

using cli::Json;
using cli::Sizes;
using testing::HasSubstr;

TEST(CliSizes, QuantilesAreRightToASixteenth) {
  const std::uint64_t seed = from_environment("WALKIT_SEED", 17);
  SCOPED_TRACE("WALKIT_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  Sizes sizes;
  std::vector<std::uint64_t> all;
  for (int i = 0; i < 5'000; ++i) {
    all.push_back(random() >> (random() % 64));
    sizes.add(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double part : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(part * 5'000)) - 1;
    const auto exact = static_cast<double>(all[rank]);
    const auto found = static_cast<double>(sizes.quantile(part));
    EXPECT_GE(found, exact) << part;
    EXPECT_LE(found, exact * (1 + 1.0 / 16) + 1) << part;
  }
  EXPECT_EQ(sizes.max(), all.back());
}

TEST(CliSizes, SmallSizesAreExactAndTheLargestHasItsPlace) {
  for (std::uint64_t size = 0; size < 32; ++size) {
    Sizes sizes;
    sizes.add(size);
    sizes.add(size + 100);
    EXPECT_EQ(sizes.quantile(0.5), size);
  }
  Sizes sizes;
  EXPECT_EQ(sizes.quantile(0.5), 0u);
  sizes.add(~std::uint64_t{0});
  EXPECT_EQ(sizes.quantile(0.5), ~std::uint64_t{0});
  EXPECT_EQ(
      sizes.histogram(),
      Json::array({{{"from", std::uint64_t{1} << 63}, {"to", ~std::uint64_t{0}}, {"count", 1}}}));
}

class CliStatTest : public CliTest {
 protected:
  [[nodiscard]] Outcome stat() const { return run_tool({"stat", log()}); }
  [[nodiscard]] Json document() const {
    return Json::parse(run_tool({"stat", log(), "--json"}).out);
  }
};

TEST_F(CliStatTest, CountsWhatIsThere) {
  append("a\nbb\n", {"--sync", "each"});
  append("cccc\ndddd\neeee\n");
  const Json found = document();
  EXPECT_EQ(found["schema"], "walkit.stat/1");
  EXPECT_EQ(found["entries"], Json({{"first", 1}, {"last", 5}}));
  EXPECT_EQ(found["count"], 5);
  EXPECT_EQ(found["segments_with_entries"], 2);
  EXPECT_EQ(found["frames"], 3);
  EXPECT_EQ(found["payload_bytes"], 15);
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(log() + "/wal")) {
    if (entry.path().extension() == ".wal") bytes += entry.file_size();
  }
  EXPECT_EQ(found["bytes"], bytes);
  // Two headers of 512, frames of 72, 72 and 64 + 15 on 8 bytes.
  EXPECT_EQ(found["used_bytes"], 512 + 72 + 72 + 512 + 80);
  EXPECT_NEAR(found["framing_percent"].get<double>(), 100 * (1 - 15.0 / 1248), 1e-9);
  EXPECT_NEAR(found["entries_per_frame"].get<double>(), 5.0 / 3, 1e-9);
  EXPECT_EQ(found["payload"]["p50"], 4);
  EXPECT_EQ(found["payload"]["max"], 4);
  EXPECT_EQ(found["payload"]["histogram"][2], Json({{"from", 4}, {"to", 7}, {"count", 3}}));
  EXPECT_EQ(found["codec"], "byte");
  EXPECT_EQ(found["type_schema"], 1);
  EXPECT_LE(found["first_time"], found["last_time"]);
  EXPECT_EQ(found["exit_code"], 0);
}

TEST_F(CliStatTest, SaysItInWords) {
  append("a\nbb\n");
  const Outcome run = stat();
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, HasSubstr("entries: 1..2 (2)\n"));
  EXPECT_THAT(run.out, HasSubstr("frames: 1, 2.0 entries each\n"));
  EXPECT_THAT(run.out, HasSubstr("codec: byte, type: not declared, schema 1\n"));
  EXPECT_THAT(run.out, HasSubstr("payload: p50 1, p99 2, max 2\n"));
  EXPECT_THAT(run.out, HasSubstr("2..3           1  ########"));
}

TEST_F(CliStatTest, ALogWithoutEntries) {
  append("");
  EXPECT_EQ(document()["count"], 0);
  EXPECT_EQ(document()["codec"], nullptr);
  EXPECT_EQ(stat().code, 0);
}

TEST_F(CliStatTest, CountsUpToDamageAndBesideAWriter) {
  append("first\nsecond\nthird\n", {"--sync", "each"});
  const std::string good = read_file(newest_segment());
  flip(newest_segment(), good.find("second"));
  EXPECT_EQ(stat().code, 2);
  EXPECT_EQ(document()["count"], 1);
  EXPECT_EQ(document()["error"]["code"], "corrupt");
  write_file(newest_segment(), good);
  LiveAppend writer(log(), "each");
  writer.append("fourth");
  EXPECT_EQ(document()["count"], 4);
  EXPECT_NE(document()["in_use_by"], nullptr);
}

}  // namespace
}  // namespace walkit::cli_test
