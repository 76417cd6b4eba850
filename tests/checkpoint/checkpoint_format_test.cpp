#include "checkpoint/checkpoint_format.hpp"

#include <string>

#include "base/crc32c.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::checkpoint {
namespace {

using testing::HasErrc;
using testing::IsOk;

CheckpointHeader header() {
  CheckpointHeader h;
  for (std::size_t i = 0; i < h.log.size(); ++i) h.log[i] = static_cast<std::byte>(0xA0 + i);
  h.entry_id = EntryId{0x0102030405060708};
  h.created_ns = 11;
  h.codec = 12;
  h.schema = 13;
  h.piece_bytes = 4096;
  h.type_name = "bank";
  return h;
}

PieceHeader piece() {
  return {.stored_bytes = 21,
          .plain_bytes = 22,
          .index = 23,
          .body_crc = 24,
          .kind = PieceHeader::Kind::state,
          .compression = Compression::zstd};
}

template <class T, std::size_t N>
T number_at(const std::array<std::byte, N>& bytes, std::size_t at) {
  return load_le<T>(bytes.data() + at);
}

/// After a change that its maker vouches for.
void make_checksum_fit(CheckpointHeaderBytes& bytes) {
  const BytesView all = bytes;
  store_le(bytes.data() + 28, crc32c(all.subspan(32), crc32c(all.first(28))));
}

TEST(CheckpointFormat, HeaderRoundTrips) {
  const auto read = decode_checkpoint_header(encode(header()));
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->log, header().log);
  EXPECT_EQ(read->entry_id, header().entry_id);
  EXPECT_EQ(read->created_ns, 11u);
  EXPECT_EQ(read->codec, 12u);
  EXPECT_EQ(read->schema, 13u);
  EXPECT_EQ(read->piece_bytes, 4096u);
  EXPECT_EQ(read->type_name, "bank");
}

TEST(CheckpointFormat, FieldsStandWhereTheDescriptionSays) {
  const CheckpointHeaderBytes bytes = encode(header());
  EXPECT_EQ(as_text(BytesView(bytes).subspan(1, 7)), "WALKCKP");
  EXPECT_EQ(bytes[32], std::byte{0xA0});
  EXPECT_EQ(number_at<std::uint64_t>(bytes, 48), 0x0102030405060708u);
  EXPECT_EQ(number_at<std::uint64_t>(bytes, 56), 11u);
  EXPECT_EQ(number_at<std::uint32_t>(bytes, 64), 12u);
  EXPECT_EQ(number_at<std::uint32_t>(bytes, 68), 13u);
  EXPECT_EQ(number_at<std::uint32_t>(bytes, 72), 4096u);
  EXPECT_EQ(bytes[76], std::byte{4});
  EXPECT_EQ(as_text(BytesView(bytes).subspan(80, 5)), std::string_view("bank\0", 5));

  const PieceHeaderBytes head = encode(piece(), 7);
  EXPECT_EQ(as_text(BytesView(head).first(4)), "\xF7Wck");
  EXPECT_EQ(number_at<std::uint32_t>(head, 8), 21u);
  EXPECT_EQ(number_at<std::uint32_t>(head, 12), 22u);
  EXPECT_EQ(number_at<std::uint64_t>(head, 16), 23u);
  EXPECT_EQ(number_at<std::uint32_t>(head, 24), 24u);
  EXPECT_EQ(number_at<std::uint32_t>(head, 28), 0xA5000201u);
}

TEST(CheckpointFormat, EveryFlippedBitOfAHeaderIsRefused) {
  const CheckpointHeaderBytes good = encode(header());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    CheckpointHeaderBytes bytes = good;
    bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    ASSERT_THAT(decode_checkpoint_header(bytes), HasErrc(Errc::corrupt)) << bit;
  }
}

TEST(CheckpointFormat, EveryLengthOfAHeaderIsTakenOrRefused) {
  const CheckpointHeaderBytes good = encode(header());
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_THAT(decode_checkpoint_header(BytesView(good).first(size)), HasErrc(Errc::corrupt));
  }
}

TEST(CheckpointFormat, NewerVersionsAndFeaturesAreIncompatible) {
  for (const std::size_t at : {12u, 16u}) {
    CheckpointHeaderBytes bytes = encode(header());
    bytes[at] = std::byte{1};
    make_checksum_fit(bytes);
    EXPECT_THAT(decode_checkpoint_header(bytes), HasErrc(Errc::incompatible)) << at;
  }
}

TEST(CheckpointFormat, FieldsOutOfRangeAreDamage) {
  for (const std::uint32_t piece_bytes : {0u, kPieceBytesMax + 1}) {
    CheckpointHeader h = header();
    h.piece_bytes = piece_bytes;
    EXPECT_THAT(decode_checkpoint_header(encode(h)), HasErrc(Errc::corrupt)) << piece_bytes;
  }
  CheckpointHeaderBytes bytes = encode(header());
  bytes[76] = std::byte{129};
  make_checksum_fit(bytes);
  EXPECT_THAT(decode_checkpoint_header(bytes), HasErrc(Errc::corrupt));
}

TEST(CheckpointFormat, PiecesRoundTripAndEveryFlippedBitIsRefused) {
  const PieceHeaderBytes good = encode(piece(), 7);
  const auto read = decode_piece_header(good, 7);
  ASSERT_TRUE(read);
  EXPECT_EQ(encode(*read, 7), good);
  EXPECT_FALSE(decode_piece_header(good, 8)) << "of another checkpoint";
  EXPECT_FALSE(decode_piece_header(BytesView(good).first(31), 7));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    PieceHeaderBytes bytes = good;
    bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    ASSERT_FALSE(decode_piece_header(bytes, 7)) << bit;
  }
}

TEST(CheckpointFormat, PiecesWithWrongLengthsKindsAndCompressionAreRefused) {
  const auto with = [](auto change) {
    PieceHeader p = piece();
    change(p);
    return decode_piece_header(encode(p, 7), 7).has_value();
  };
  EXPECT_TRUE(with([](PieceHeader&) {}));
  EXPECT_FALSE(with([](PieceHeader& p) { p.stored_bytes = 0; }));
  EXPECT_FALSE(with([](PieceHeader& p) { p.stored_bytes = 22; })) << "compressed and not smaller";
  EXPECT_FALSE(with([](PieceHeader& p) { p.compression = Compression::none; })) << "not so large";
  EXPECT_FALSE(with([](PieceHeader& p) { p.compression = static_cast<Compression>(3); }));
  EXPECT_FALSE(with([](PieceHeader& p) { p.kind = static_cast<PieceHeader::Kind>(0); }));
  EXPECT_FALSE(with([](PieceHeader& p) { p.kind = static_cast<PieceHeader::Kind>(3); }));
  EXPECT_FALSE(with([](PieceHeader& p) { p.kind = PieceHeader::Kind::end; })) << "compressed end";
}

TEST(CheckpointFormat, TheEndRoundTrips) {
  const CheckpointEnd end{.state_bytes = 1, .pieces = 2, .state_crc = 3};
  EXPECT_EQ(decode_end(encode(end)), end);
  EXPECT_FALSE(decode_end(BytesView(encode(end)).first(kEndBytes - 1)));
}

TEST(CheckpointFormat, SeedsDifferByLogAndEntry) {
  CheckpointHeader other_log = header(), other_entry = header(), same = header();
  other_log.log[0] = std::byte{1};
  ++other_entry.entry_id;
  same.created_ns = 99;
  EXPECT_NE(other_log.seed(), header().seed());
  EXPECT_NE(other_entry.seed(), header().seed());
  EXPECT_EQ(same.seed(), header().seed()) << "equal states give equal bytes behind the header";
}

TEST(CheckpointFormat, NamesRoundTripAndNothingElseIsOne) {
  for (const std::uint64_t id : {std::uint64_t{0}, std::uint64_t{17}, ~std::uint64_t{0}}) {
    const std::string name = checkpoint_name(EntryId{id});
    EXPECT_EQ(parse_checkpoint_name(name), EntryId{id});
    EXPECT_FALSE(is_temporary_name(name));
    EXPECT_TRUE(is_temporary_name(temporary_name(EntryId{id})));
    EXPECT_FALSE(parse_checkpoint_name(temporary_name(EntryId{id})));
  }
  EXPECT_EQ(checkpoint_name(EntryId{17}), "00000000000000000017.ckpt");
  for (const char* name : {"17.ckpt", "0000000000000000001x.ckpt", "99999999999999999999.ckpt",
                           "00000000000000000017.ckp", "-0000000000000000017.ckpt", ".ckpt", ""}) {
    EXPECT_FALSE(parse_checkpoint_name(name)) << name;
  }
  EXPECT_FALSE(is_temporary_name("a.tmp"));
}

}  // namespace
}  // namespace walkit::checkpoint
