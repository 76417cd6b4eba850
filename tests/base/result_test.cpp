#include "walkit/base/result.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>
#include <sstream>
#include <vector>

namespace walkit {
namespace {

Error full_error() {
  return {.code = Errc::corrupt,
          .message = "checksum 1 found, 2 expected",
          .file = "00000003.wal",
          .offset = 4096,
          .lost = {EntryId{5}, EntryId{9}},
          .os_error = EIO,
          .next_step = "walkit repair"};
}

Result<int> half(int n) {
  if (n % 2 != 0) return Error{.code = Errc::invalid_argument, .message = "odd"};
  return n / 2;
}

TEST(Errc, EveryCodeHasAWordOfItsOwn) {
  std::set<std::string_view> words;
  for (int code = 1; code <= static_cast<int>(Errc::closed); ++code) {
    words.insert(to_string(static_cast<Errc>(code)));
  }
  EXPECT_EQ(words.size(), static_cast<std::size_t>(Errc::closed));
  EXPECT_FALSE(words.contains(""));
  EXPECT_FALSE(words.contains("unknown"));
}

TEST(Errc, OutOfRangeIsUnknown) { EXPECT_EQ(to_string(static_cast<Errc>(200)), "unknown"); }

TEST(Error, TextTellsAllOfIt) {
  EXPECT_EQ(to_string(full_error()),
            "corrupt: 00000003.wal at byte 4096: checksum 1 found, 2 expected "
            "(Input/output error); gone: 5..9. Next: walkit repair");
}

TEST(Error, TextLeavesOutWhatIsNotThere) {
  EXPECT_EQ(to_string(Error{.code = Errc::closed}), "closed");
  EXPECT_EQ(to_string(Error{.code = Errc::io, .message = "short read"}), "io: short read");
}

TEST(Error, OffsetIsToldWithoutAFileToo) {
  EXPECT_EQ(to_string(Error{.code = Errc::decode, .message = "no frame", .offset = 512}),
            "decode: at byte 512: no frame");
}

TEST(Error, TextIsOneLineWithoutDoubledSpacesOrPeriods) {
  const Error error{.code = Errc::decode,
                    .message = " a codec\n\tsaid  this. ",
                    .file = "two  spaces\nand a line",
                    .next_step = "look\r\nthere..."};
  EXPECT_EQ(to_string(error),
            "decode: two  spaces?and a line: a codec said this. Next: look there");
  EXPECT_EQ(to_string(Error{.code = Errc::io, .message = " \n", .next_step = "."}), "io");
}

TEST(Error, ReasonOfTheSystemIsToldOnce) {
  const Error cause{.code = Errc::io, .message = "sync failed", .os_error = EIO};
  const Error error{.code = Errc::poisoned, .message = to_string(cause), .os_error = EIO};
  EXPECT_EQ(to_string(error), "poisoned: io: sync failed (Input/output error)");
}

TEST(Error, LossIsNamedByItsKind) {
  Error error{.lost = {EntryId{1}, EntryId{2}}};
  error.code = Errc::poisoned;
  EXPECT_EQ(to_string(error), "poisoned; in doubt: 1..2");
  error.code = Errc::gap;
  EXPECT_EQ(to_string(error), "gap; trimmed: 1..2");
  error.code = Errc::invalid_argument;
  EXPECT_EQ(to_string(error), "invalid_argument; at stake: 1..2");
}

TEST(Error, PrintsAsItsText) {
  std::ostringstream out;
  out << Errc::torn << ' ' << full_error();
  EXPECT_EQ(out.str(), "torn " + to_string(full_error()));
}

TEST(Result, HoldsAValueOrAnError) {
  ASSERT_TRUE(half(4).has_value());
  EXPECT_EQ(half(4).value(), 2);
  ASSERT_FALSE(half(3).has_value());
  EXPECT_EQ(half(3).error().message, "odd");
}

TEST(Result, ValueOfAnErrorThrowsTheWholeText) {
  const Result<int> result = full_error();
  try {
    (void)result.value();
    FAIL() << "no exception";
  } catch (const BadResult& bad) {
    EXPECT_EQ(bad.what(), to_string(full_error()));
    EXPECT_EQ(bad.error().code, Errc::corrupt);
  }
}

TEST(Result, BadResultIsTheExceptionOfTheBase) {
  EXPECT_THROW((void)half(1).value(), tl::bad_expected_access<Error>);
}

TEST(Result, StatusHasAVoidValue) {
  Status fine;
  EXPECT_NO_THROW(fine.value());
  const Status bad = Error{.code = Errc::no_space};
  EXPECT_THROW(bad.value(), BadResult);
}

TEST(Result, ValueOfATemporaryIsMovedOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> owned = std::move(result).value();
  EXPECT_EQ(*owned, 7);
}

TEST(Result, RangeForOverATemporaryIsSafe) {
  const auto list = [] { return Result<std::vector<int>>(std::vector<int>{1, 2, 3}); };
  int sum = 0;
  for (const int n : list().value()) sum += n;
  EXPECT_EQ(sum, 6);
}

TEST(Result, AndThenTakesAContinuationThatReturnsResult) {
  const auto quarter = [](int n) { return half(n).and_then(half); };
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "odd");
}

TEST(Result, IgnoreDropsAnErrorOnPurpose) { half(1).ignore("this test wants no answer"); }

}  // namespace
}  // namespace walkit
