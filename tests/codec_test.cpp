#include "walkit/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

namespace walkit {
namespace {

struct Mine {
  int n = 0;
  static constexpr EntryType entry_type{"mine", 3};
};
struct Theirs {};
struct Silent {};

}  // namespace
}  // namespace walkit

template <>
inline constexpr walkit::EntryType walkit::entry_type<walkit::Theirs>{"theirs", 2};

namespace walkit {
namespace {

template <class C, class E>
Result<Bytes> encoded(const C& codec, const E& entry, std::size_t bytes_max = 1024) {
  Bytes bytes;
  ByteSink sink(bytes, bytes_max);
  const Status done = encode_entry(codec, entry, sink);
  if (!done) return done.error();
  return bytes;
}

TEST(EntryTypeOf, MemberSpecializationAndNeither) {
  EXPECT_EQ(entry_type<Mine>.name, "mine");
  EXPECT_EQ(entry_type<Mine>.schema, 3u);
  EXPECT_EQ(entry_type<Theirs>.name, "theirs");
  EXPECT_EQ(entry_type<Theirs>.schema, 2u);
  EXPECT_EQ(entry_type<Silent>.name, "");
  EXPECT_EQ(entry_type<Silent>.schema, 1u);
  EXPECT_EQ(entry_type<int>.schema, 1u);
}

TEST(CodecId, FourCharactersAreItsValue) {
  static_assert(CodecId{"byte"}.value == 0x62797465u);
  static_assert(CodecId{"byte"} == BytesCodec::id);
  static_assert(CodecId{"pod "} != CodecId{"pods"});
}

struct PlainCodec {
  static constexpr CodecId id{"plai"};
  Status encode(const Mine&, ByteSink& out) const {
    out.write("m");
    return {};
  }
  Result<Mine> decode(BytesView bytes) const { return Mine{static_cast<int>(bytes.size())}; }
};

struct SchemaCodec : PlainCodec {
  Result<Mine> decode(BytesView, std::uint32_t schema) const {
    return Mine{static_cast<int>(schema)};
  }
};

struct NoId {
  Status encode(const Mine&, ByteSink&) const;
  Result<Mine> decode(BytesView) const;
};

struct NoDecode {
  static constexpr CodecId id{"none"};
  Status encode(const Mine&, ByteSink&) const;
};

TEST(CodecConcept, TakesThreeFormsOfDecode) {
  static_assert(Codec<PlainCodec, Mine>);
  static_assert(Codec<SchemaCodec, Mine>);
  static_assert(Codec<BytesCodec, std::string>);
  static_assert(Codec<BytesCodec, Bytes>);
  static_assert(Codec<BytesCodec, std::string_view>);
  static_assert(Codec<BytesCodec, BytesView>);
}

TEST(CodecConcept, RefusesOtherTypes) {
  static_assert(!Codec<NoId, Mine>);
  static_assert(!Codec<NoDecode, Mine>);
  static_assert(!Codec<PlainCodec, Theirs>);
  static_assert(!Codec<BytesCodec, int>);
  static_assert(!Codec<int, Mine>);
}

TEST(DecodeEntry, PassesTheSchemaToWhoTakesIt) {
  EXPECT_EQ(decode_entry<Mine>(PlainCodec{}, as_bytes("12345"), 7)->n, 5);
  EXPECT_EQ(decode_entry<Mine>(SchemaCodec{}, as_bytes("12345"), 7)->n, 7);
}

TEST(BytesCodec, TextAndBytesComeBack) {
  const std::string text("a\0b", 3);
  const auto bytes = encoded(BytesCodec{}, text);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes), text);
  EXPECT_EQ(decode_entry<std::string>(BytesCodec{}, *bytes, 1).value(), text);
  EXPECT_EQ(decode_entry<Bytes>(BytesCodec{}, *bytes, 1).value(), *bytes);
  EXPECT_EQ(encoded(BytesCodec{}, *bytes).value(), *bytes);
}

TEST(BytesCodec, EmptyEntryComesBack) {
  EXPECT_TRUE(encoded(BytesCodec{}, std::string{})->empty());
  EXPECT_EQ(decode_entry<std::string>(BytesCodec{}, BytesView{}, 1).value(), "");
  EXPECT_TRUE(decode_entry<Bytes>(BytesCodec{}, BytesView{}, 1)->empty());
}

TEST(BytesCodec, ViewsBorrow) {
  const Bytes bytes(5, std::byte{'x'});
  EXPECT_EQ(encoded(BytesCodec{}, BytesView(bytes)).value(), bytes);
  EXPECT_EQ(encoded(BytesCodec{}, std::string_view("xxxxx")).value(), bytes);
  const auto view = decode_entry<BytesView>(BytesCodec{}, bytes, 1);
  const auto text = decode_entry<std::string_view>(BytesCodec{}, bytes, 1);
  EXPECT_EQ(view->data(), bytes.data());
  EXPECT_EQ(*text, "xxxxx");
  EXPECT_EQ(static_cast<const void*>(text->data()), bytes.data());
}

TEST(EncodeEntry, ExactlyTheLimitFits) {
  EXPECT_EQ(encoded(BytesCodec{}, std::string(10, 'x'), 10)->size(), 10u);
}

TEST(EncodeEntry, OneByteMoreNamesTheLimit) {
  const auto bytes = encoded(BytesCodec{}, std::string(11, 'x'), 10);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, Errc::too_large);
  EXPECT_THAT(bytes.error().message, testing::HasSubstr("max_entry_bytes = 10"));
  EXPECT_THAT(bytes.error().next_step, testing::HasSubstr("WalOptions::max_entry_bytes"));
}

struct Move {
  std::uint32_t from = 0, to = 0;
  std::int64_t amount = 0;
  friend bool operator==(const Move&, const Move&) = default;
};

class NoDefault {  // decode makes it from its bytes
 public:
  explicit NoDefault(std::uint16_t n) : n_(n) {}
  [[nodiscard]] std::uint16_t n() const { return n_; }

 private:
  std::uint16_t n_;
};

TEST(PodCodec, BytesAreThoseInMemoryLittleEndian) {
  const auto bytes = encoded(PodCodec<Move>{}, Move{1, 0x0203, -1});
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes),
            std::string_view("\1\0\0\0\3\2\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16));
  EXPECT_EQ(decode_entry<Move>(PodCodec<Move>{}, *bytes, 1).value(), (Move{1, 0x0203, -1}));
  EXPECT_EQ(PodCodec<Move>::id, CodecId{"pod "});
}

TEST(PodCodec, AnotherSizeIsDecode) {
  const Bytes bytes(17);
  for (const std::size_t size : {0u, 15u, 17u}) {
    const auto move = decode_entry<Move>(PodCodec<Move>{}, BytesView(bytes).first(size), 1);
    ASSERT_FALSE(move);
    EXPECT_EQ(move.error().code, Errc::decode);
    EXPECT_EQ(move.error().message,
              "the payload has " + std::to_string(size) + " bytes, the entry type has 16");
  }
}

TEST(PodCodec, NeedsNoDefaultConstructorAndNoAlignment) {
  Bytes bytes(1);
  ByteSink sink(bytes, 2);
  ASSERT_TRUE(encode_entry(PodCodec<NoDefault>{}, NoDefault(517), sink));
  const auto back = decode_entry<NoDefault>(PodCodec<NoDefault>{}, BytesView(bytes).subspan(1), 1);
  EXPECT_EQ(back->n(), 517);
}

TEST(PodCodec, FullSinkIsTooLarge) {
  EXPECT_TRUE(encoded(PodCodec<Move>{}, Move{}, 16));
  EXPECT_EQ(encoded(PodCodec<Move>{}, Move{}, 15).error().code, Errc::too_large);
}

template <class Thrown>
struct ThrowingCodec {
  static constexpr CodecId id{"thro"};
  Status encode(const Mine&, ByteSink&) const { throw Thrown(); }
  Result<Mine> decode(BytesView) const { throw Thrown(); }
};

struct Complaint : std::runtime_error {
  Complaint() : std::runtime_error("no such colour") {}
};

TEST(EncodeEntry, ThrowingCodecIsAValue) {
  const auto error = encoded(ThrowingCodec<Complaint>{}, Mine{}).error();
  EXPECT_EQ(error.code, Errc::encode);
  EXPECT_EQ(error.message, "no such colour");
  EXPECT_EQ(encoded(ThrowingCodec<int>{}, Mine{}).error().code, Errc::encode);
  EXPECT_EQ(encoded(ThrowingCodec<std::bad_alloc>{}, Mine{}).error().code, Errc::no_memory);
}

TEST(DecodeEntry, ThrowingCodecIsAValue) {
  const auto error = decode_entry<Mine>(ThrowingCodec<Complaint>{}, {}, 1).error();
  EXPECT_EQ(error.code, Errc::decode);
  EXPECT_EQ(error.message, "no such colour");
  EXPECT_EQ(decode_entry<Mine>(ThrowingCodec<int>{}, {}, 1).error().code, Errc::decode);
  EXPECT_EQ(decode_entry<Mine>(ThrowingCodec<std::bad_alloc>{}, {}, 1).error().code,
            Errc::no_memory);
}

struct RefusingCodec {
  static constexpr CodecId id{"refu"};
  Status encode(const Mine&, ByteSink&) const { return Error{Errc::encode, "odd"}; }
  Result<Mine> decode(BytesView) const { return Error{Errc::decode, "even"}; }
};

TEST(EncodeEntry, ErrorOfTheCodecIsHandedOn) {
  EXPECT_EQ(encoded(RefusingCodec{}, Mine{}).error().message, "odd");
  EXPECT_EQ(decode_entry<Mine>(RefusingCodec{}, {}, 1).error().message, "even");
}

TEST(ByteSink, AppendsBehindWhatIsThere) {
  Bytes bytes(2, std::byte{'a'});
  ByteSink sink(bytes, 3);
  sink.write("b");
  sink.write("");
  sink.write("cd");
  EXPECT_EQ(as_text(bytes), "aabcd");
  EXPECT_FALSE(sink.overflowed());
  EXPECT_EQ(sink.bytes_max(), 3u);
}

TEST(ByteSink, TakesNothingAfterAnOverflow) {
  Bytes bytes;
  ByteSink sink(bytes, 3);
  sink.write("abcd");
  sink.write("a");
  EXPECT_TRUE(sink.overflowed());
  EXPECT_TRUE(bytes.empty());
}

}  // namespace
}  // namespace walkit
