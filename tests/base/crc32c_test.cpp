#include "base/crc32c.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>

namespace walkit {

std::uint32_t crc32c_portable(BytesView bytes, std::uint32_t seed) noexcept;

namespace {

/// Both implementations under one suite.
class Crc32c : public ::testing::TestWithParam<std::uint32_t (*)(BytesView, std::uint32_t)> {
 protected:
  static std::uint32_t crc(BytesView bytes, std::uint32_t seed = 0) {
    return GetParam()(bytes, seed);
  }
  static std::uint32_t crc(std::string_view text) { return crc(as_bytes(text)); }
};

INSTANTIATE_TEST_SUITE_P(, Crc32c, ::testing::Values(&crc32c, &crc32c_portable),
                         [](const auto& which) {
                           return which.index == 0 ? "Linked" : "Portable";
                         });

Bytes counting(int first, int step) {
  Bytes bytes;
  for (int i = 0; i < 32; ++i) bytes.push_back(static_cast<std::byte>(first + i * step));
  return bytes;
}

TEST_P(Crc32c, PublishedVectors) {  // RFC 3720, appendix B.4
  EXPECT_EQ(crc(Bytes(32, std::byte{0})), 0x8a9136aau);
  EXPECT_EQ(crc(Bytes(32, std::byte{0xff})), 0x62a8ab43u);
  EXPECT_EQ(crc(counting(0, 1)), 0x46dd794eu);
  EXPECT_EQ(crc(counting(31, -1)), 0x113fdb5cu);
}

TEST_P(Crc32c, CheckValue) { EXPECT_EQ(crc("123456789"), 0xe3069283u); }

TEST_P(Crc32c, NothingLeavesTheSeed) {
  EXPECT_EQ(crc(""), 0u);
  EXPECT_EQ(crc(BytesView{}, 0x12345678u), 0x12345678u);
}

TEST_P(Crc32c, ChainsAtEverySplit) {
  const BytesView whole = as_bytes("write ahead, then answer");
  for (std::size_t split = 0; split <= whole.size(); ++split) {
    EXPECT_EQ(crc(whole.subspan(split), crc(whole.first(split))), crc(whole)) << split;
  }
}

TEST_P(Crc32c, EverySingleBitFlipIsSeen) {
  Bytes bytes = counting(7, 3);
  const std::uint32_t before = crc(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_NE(crc(bytes), before) << bit;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

TEST(Crc32cVariants, AgreeOnAllLengthsAndSeeds) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same bytes in every run
  Bytes bytes;
  for (int length = 0; length < 600; ++length) {
    const std::uint32_t seed = random();
    EXPECT_EQ(crc32c(bytes, seed), crc32c_portable(bytes, seed)) << length;
    bytes.push_back(static_cast<std::byte>(random()));
  }
}

}  // namespace
}  // namespace walkit
