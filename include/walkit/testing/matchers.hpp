#pragma once

#include <gmock/gmock.h>

#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "walkit/base/result.hpp"

namespace walkit {

/// How GoogleTest shows a Result: the value, or the whole error.
template <class T>
void PrintTo(const Result<T>& result, std::ostream* out) {
  if (!result.has_value()) {
    *out << "error " << result.error();
  } else if constexpr (std::is_void_v<T>) {
    *out << "ok";
  } else {
    *out << "ok, holds " << ::testing::PrintToString(*result);
  }
}

inline void PrintTo(const Error& error, std::ostream* out) { *out << error; }

namespace testing {

/// EXPECT_THAT(wal.sync(), IsOk());
MATCHER(IsOk, negation ? "is an error" : "is ok") { return arg.has_value(); }

/// What IsOkAndHolds() makes: a matcher for every Result whose value fits `Inner`.
template <class Inner>
class HoldsMatcher {
 public:
  explicit HoldsMatcher(Inner inner) : inner_(std::move(inner)) {}

  template <class R>
  operator ::testing::Matcher<R>() const {
    return ::testing::Matcher<R>(new Typed<R>(inner_));
  }

 private:
  template <class R>
  class Typed final : public ::testing::MatcherInterface<R> {
   public:
    using Value = typename std::remove_cvref_t<R>::value_type;

    explicit Typed(const Inner& inner) : inner_(::testing::SafeMatcherCast<const Value&>(inner)) {}

    bool MatchAndExplain(R result, ::testing::MatchResultListener* listener) const override {
      return result.has_value() && inner_.MatchAndExplain(*result, listener);
    }
    void DescribeTo(std::ostream* out) const override {
      *out << "is ok and holds a value that ";
      inner_.DescribeTo(out);
    }
    void DescribeNegationTo(std::ostream* out) const override {
      *out << "is an error or holds a value that ";
      inner_.DescribeNegationTo(out);
    }

   private:
    ::testing::Matcher<const Value&> inner_;
  };

  Inner inner_;
};

/// EXPECT_THAT(file.size(), IsOkAndHolds(4096)); takes a matcher too.
template <class Inner>
[[nodiscard]] HoldsMatcher<Inner> IsOkAndHolds(Inner inner) {
  return HoldsMatcher<Inner>(std::move(inner));
}

/// EXPECT_THAT(dir.open("a", OpenMode::read), HasErrc(Errc::not_found));
MATCHER_P(HasErrc, code,
          std::string(negation ? "has not the code " : "has the code ") +
              std::string(to_string(code))) {
  return !arg.has_value() && arg.error().code == code;
}

}  // namespace testing
}  // namespace walkit
