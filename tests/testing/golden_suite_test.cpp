#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <vector>

#include "io/temp_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/testing/suites.hpp"
#include "walkit/walkit.hpp"

namespace walkit::testing {
namespace {

using ::testing::HasSubstr;

struct PutV1 {
  std::string key{};
  std::uint16_t n = 0;
  static constexpr EntryType entry_type{"put", 1};
  friend bool operator==(const PutV1&, const PutV1&) = default;
  template <class A>
  void serialize(A& a) {
    a(key, n);
  }
};
struct PutV2 : PutV1 {  // grown at its end
  std::uint8_t more = 7;
  static constexpr EntryType entry_type{"put", 2};
  friend bool operator==(const PutV2&, const PutV2&) = default;
  template <class A>
  void serialize(A& a) {
    a(key, n, more);
  }
};
struct Swapped : PutV1 {  // a change that the schema number does not tell of
  template <class A>
  void serialize(A& a) {
    a(n, key);
  }
};
struct Doubled : PutV1 {  // reads the old bytes, writes others
  template <class A>
  void serialize(A& a) {
    auto written = static_cast<std::uint16_t>(A::is_saving::value ? n * 2 : 0);
    if (A::is_saving::value) return static_cast<void>(a(key, written));
    a(key, n);
  }
};

class Golden : public ::testing::Test {
 protected:
  ~Golden() override { ::unsetenv("WALKIT_GOLDEN"); }
  static void may_create() { ::setenv("WALKIT_GOLDEN", "create", 1); }
  template <class E>
  [[nodiscard]] Status check(const std::vector<E>& samples) const {
    return golden<E>(file_, samples);
  }
  void create() const {
    may_create();
    ASSERT_THAT(check(samples_), IsOk());
    ::unsetenv("WALKIT_GOLDEN");
  }

  TempDirectory folder_;
  std::string file_ = folder_ / "put_v1.txt";
  std::vector<PutV1> samples_{{"a", 1}, {std::string(10, 'b'), 2}};
};

TEST_F(Golden, MissingFileIsNotFoundAndNotWritten) {
  const Status missing = check(samples_);
  ASSERT_THAT(missing, HasErrc(Errc::not_found));
  EXPECT_THAT(missing.error().next_step, HasSubstr("WALKIT_GOLDEN=create"));
  EXPECT_EQ(missing.error().file, file_);
  ::setenv("WALKIT_GOLDEN", "1", 1);
  EXPECT_THAT(check(samples_), HasErrc(Errc::not_found));
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(Golden, IsWrittenOnceAsTextAndThenHolds) {
  create();
  EXPECT_EQ(folder_.get("put_v1.txt"),
            "walkit golden entries 1\n"
            "codec cere\n"
            "type put\n"
            "schema 1\n"
            "\n"
            "entry 1\n"
            "01 00 00 00 00 00 00 00 61 01 00\n"
            "\n"
            "entry 2\n"
            "0a 00 00 00 00 00 00 00 62 62 62 62 62 62 62 62\n"
            "62 62 02 00\n");
  EXPECT_THAT(check(samples_), IsOk());
}

TEST_F(Golden, IsNeverWrittenAgain) {
  create();
  const std::string text = folder_.get("put_v1.txt");
  may_create();
  EXPECT_THAT(check(std::vector<PutV1>{{"a", 1}, {"c", 3}}), HasErrc(Errc::incompatible));
  EXPECT_EQ(folder_.get("put_v1.txt"), text);
}

TEST_F(Golden, NewerSchemaStillReadsIt) {
  create();
  const std::vector<PutV2> samples{{{"a", 1}, 7}, {{std::string(10, 'b'), 2}, 7}};
  EXPECT_THAT(check(samples), IsOk());
  const std::vector<PutV2> other{{{"a", 1}, 8}, {{std::string(10, 'b'), 2}, 7}};
  EXPECT_EQ(check(other).error().message, "entry 1 is read as another value than the sample");
}

TEST_F(Golden, UndeclaredChangesAreFound) {
  create();
  const std::vector<Swapped> swapped{{{"a", 1}}, {{std::string(10, 'b'), 2}}};
  EXPECT_THAT(check(swapped).error().message, HasSubstr("entry 1 is not read"));
  const std::vector<Doubled> doubled{{{"a", 1}}, {{std::string(10, 'b'), 2}}};
  const Status other = check(doubled);
  ASSERT_THAT(other, HasErrc(Errc::incompatible));
  EXPECT_EQ(other.error().message,
            "entry 1 is now written as other bytes: at byte 9 02, in the file 01");
}

TEST_F(Golden, AnotherKindOfFileIsIncompatible) {
  create();
  samples_.push_back({});
  EXPECT_THAT(check(samples_), HasErrc(Errc::incompatible));
  const std::vector<std::string> texts{"a", "b"};
  const Status codec = golden<std::string, BytesCodec>(file_, texts);
  ASSERT_THAT(codec, HasErrc(Errc::incompatible));
  EXPECT_EQ(codec.error().message, "was written by codec cere; the test has byte");
  EXPECT_THAT(check(texts).error().message, HasSubstr("of type put; the test has"));
  folder_.put("put_v1.txt", golden_text({"cere", "put", 2, {Bytes(11), Bytes(11)}}));
  samples_.pop_back();
  EXPECT_EQ(check(samples_).error().message, "holds entries of schema 2; the test has 1");
}

TEST_F(Golden, BadLinesAreDecodeWithTheirPlace) {
  for (const char* line : {"entry 2", "entry x", "6", "zz", "61  62", "schema -1", "colour red"}) {
    const std::string text = "walkit golden entries 1\nschema 1\n\nentry 1\n" + std::string(line);
    const auto parsed = parse_golden(text);
    if (std::string_view(line) == "entry 2") {
      EXPECT_EQ(parsed->payloads.size(), 2u);
      continue;
    }
    ASSERT_THAT(parsed, HasErrc(Errc::decode)) << line;
    EXPECT_EQ(parsed.error().offset, text.size() - std::string_view(line).size());
  }
  EXPECT_THAT(parse_golden(""), HasErrc(Errc::decode));
  EXPECT_THAT(parse_golden("61\n"), HasErrc(Errc::decode));
}

}  // namespace
}  // namespace walkit::testing
