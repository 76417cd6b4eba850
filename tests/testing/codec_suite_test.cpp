#include "walkit/testing/codec_suite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/variant.hpp>
#include <memory>
#include <thread>

#include "walkit/testing/matchers.hpp"
#include "walkit/walkit.hpp"

namespace walkit::testing {
namespace {

using ::testing::HasSubstr;

struct Note {
  std::uint64_t id = 0;
  std::vector<std::string> words{};
  std::map<std::string, std::optional<std::int32_t>> marks{};
  std::variant<std::monostate, bool, std::string> choice{};
  friend bool operator==(const Note&, const Note&) = default;
  template <class A>
  void serialize(A& a) {
    a(id, words, marks, choice);
  }
};

struct Point {
  std::int32_t x = 0, y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

TEST(CodecSuite, CodecsOfTheLibraryPass) {
  const std::vector<Note> notes{
      {}, {1, {"a", ""}, {{"k", 5}, {"l", {}}}, true}, {2, {}, {}, std::string(700, 'x')}};
  EXPECT_THAT(codec_suite<Note>(notes), IsOk());
  const std::vector<Point> points{{}, {1, -1}};
  EXPECT_THAT((codec_suite<Point, PodCodec<Point>>(points)), IsOk());
  const std::vector<std::string> texts{"", "a", std::string(9000, 'b')};
  EXPECT_THAT((codec_suite<std::string, BytesCodec>(texts)), IsOk());
}

TEST(CodecSuite, NoSamplesProveNothing) {
  EXPECT_THAT(codec_suite<Note>({}), HasErrc(Errc::invalid_argument));
}

/// Does all right: a count, then the bytes. Each codec below does one thing wrong.
struct Good {
  static constexpr CodecId id{"good"};
  Status encode(const std::string& text, ByteSink& out) const {
    out.write(std::string(1, static_cast<char>(text.size())) + text);
    return {};
  }
  Result<std::string> decode(BytesView bytes) const {
    if (bytes.empty() || bytes.size() - 1 != std::to_integer<std::size_t>(bytes[0])) {
      return Error{.code = Errc::decode, .message = "the count is wrong"};
    }
    return std::string(as_text(bytes.subspan(1)));
  }
};

template <class C>
std::string complaint() {
  const std::vector<std::string> samples{"one", "three", ""};
  const Status found = codec_suite<std::string, C>(samples);
  if (found) return "none";
  EXPECT_EQ(found.error().code, Errc::not_supported);
  return found.error().message;
}

struct Forgets : Good {
  Result<std::string> decode(BytesView bytes) const {
    auto text = Good::decode(bytes);
    if (text && text->size() == 5) text->back() = 'x';
    return text;
  }
};

struct Refuses : Good {
  Result<std::string> decode(BytesView) const { return Error{Errc::decode, "never"}; }
};

struct Counts : Good {  // its bytes depend on the entries before
  std::shared_ptr<int> calls = std::make_shared<int>(0);
  Counts() = default;
  Counts(const Counts& other) : Good(other) {}  // a fresh copy begins anew
  Status encode(const std::string& text, ByteSink& out) const {
    if (++*calls > 1 && text == "three") out.write("again");
    return Good::encode(text, out);
  }
};

struct Random : Good {
  Status encode(const std::string& text, ByteSink& out) const {
    static int calls = 0;
    return Good::encode(text + std::to_string(++calls), out);
  }
};

struct Shortens : Good {
  Status encode(const std::string& text, ByteSink& out) const {
    if (out.bytes_max() < text.size() + 1) return {};
    return Good::encode(text, out);
  }
};

struct AnswersIo : Good {
  Result<std::string> decode(BytesView bytes) const {
    if (bytes.empty()) return Error{Errc::io, "nothing to read"};
    return Good::decode(bytes);
  }
};

struct Trusts : Good {  // reserves what the bytes say
  Result<std::string> decode(BytesView bytes) const {
    if (!bytes.empty() && bytes[0] > std::byte{100}) throw std::bad_alloc();
    return Good::decode(bytes);
  }
};

struct OneThread : Good {
  std::thread::id home = std::this_thread::get_id();
  Status encode(const std::string& text, ByteSink& out) const {
    if (std::this_thread::get_id() != home) out.write("x");
    return Good::encode(text, out);
  }
};

TEST(CodecSuite, EachMistakeIsNamed) {
  EXPECT_EQ(complaint<Good>(), "none");
  EXPECT_EQ(complaint<Forgets>(), "sample 1: it comes back as another value");
  EXPECT_EQ(complaint<Refuses>(), "sample 0: its own bytes are refused: decode (never)");
  EXPECT_EQ(complaint<Random>(), "sample 0: encode by another copy of the codec gives other bytes");
  EXPECT_THAT(complaint<Counts>(), HasSubstr("sample 1: encode after"));
  EXPECT_EQ(complaint<Shortens>(), "sample 0: encode of 4 bytes into 0 answered ok, not too_large");
  EXPECT_EQ(complaint<AnswersIo>(),
            "sample 0: cut to 0 of 4 bytes, decode answered io (nothing to read), "
            "not a value or decode");
  EXPECT_EQ(complaint<Trusts>(),
            "sample 0: bit 7 of byte 0 flipped, decode answered no_memory (out of memory), "
            "not a value or decode");
  EXPECT_EQ(complaint<OneThread>(),
            "sample 0: encode by several threads at once gives other bytes");
}

}  // namespace
}  // namespace walkit::testing
