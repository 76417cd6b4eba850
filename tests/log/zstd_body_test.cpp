// Frames of zstd, byte by byte, as the packed part of a compressed body.

#include <gtest/gtest.h>

#include "base/little_endian.hpp"
#include "log/frames_by_hand.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::log {
namespace {

using testing::HasErrc;
using testing::IsOk;

/// Zeros are empty entries, as many as there are bytes.
Status unpacks(BytesView body, std::uint64_t count) {
  return check_body({.count = static_cast<std::uint32_t>(count), .flags = kFlagCompressed}, body);
}

/// One frame of zstd by hand: blocks of one repeated zero.
struct ZstdByHand {
  std::uint32_t content = 0;  // as it says
  std::uint32_t block = 0, blocks = 1;
  int window = -1;     // the descriptor; -1: a single segment, which has none
  unsigned flags = 0;  // more of the frame header's descriptor

  [[nodiscard]] Bytes bytes() const {
    Bytes frame(5);
    store_le<std::uint32_t>(frame.data(), 0xFD2FB528u);
    frame[4] = static_cast<std::byte>(0x80u | flags | (window < 0 ? 0x20u : 0u));
    if (window >= 0) frame.push_back(static_cast<std::byte>(window));
    frame.resize(frame.size() + 4);
    store_le(&frame[frame.size() - 4], content);
    for (std::uint32_t n = 1; n <= blocks; ++n) {
      const std::uint32_t head = (n == blocks ? 1u : 0u) | 1u << 1 | block << 3;
      for (int i = 0; i < 3; ++i) frame.push_back(static_cast<std::byte>(head >> (8 * i)));
      frame.push_back(std::byte{0});
    }
    return frame;
  }
};

Status zstd_unpacks(const ZstdByHand& frame, std::uint64_t says, BytesView behind = {}) {
  Bytes bytes = frame.bytes();
  bytes.insert(bytes.end(), behind.begin(), behind.end());
  return unpacks(body_saying(Compression::zstd, says, bytes), says);
}

TEST(CompressedBody, ZstdFrameMustStateItsSize) {
  EXPECT_THAT(zstd_unpacks({.content = 500, .block = 500}, 500), IsOk());
  EXPECT_THAT(zstd_unpacks({.content = 500, .block = 500}, 499), HasErrc(Errc::decode));
  EXPECT_THAT(zstd_unpacks({.content = 501, .block = 500}, 500), HasErrc(Errc::decode));
  EXPECT_THAT(zstd_unpacks({.content = 501, .block = 500}, 501), HasErrc(Errc::decode));
  EXPECT_THAT(zstd_unpacks({.content = 499, .block = 500}, 499), HasErrc(Errc::decode));
  Bytes sizeless = ZstdByHand{.block = 500, .window = 0}.bytes();
  sizeless[4] = std::byte{0};
  sizeless.erase(sizeless.begin() + 6, sizeless.begin() + 10);
  EXPECT_THAT(unpacks(body_saying(Compression::zstd, 500, sizeless), 500), HasErrc(Errc::decode));
}

TEST(CompressedBody, ZstdWindowIsAtMost128MiB) {
  const auto with = [](int exponent, int eighths) {
    return zstd_unpacks({.content = 500, .block = 500, .window = exponent << 3 | eighths}, 500);
  };
  EXPECT_THAT(with(0, 0), IsOk());
  EXPECT_THAT(with(16, 7), IsOk());
  EXPECT_THAT(with(17, 0), IsOk());
  EXPECT_THAT(with(17, 1), HasErrc(Errc::decode));
  EXPECT_THAT(with(18, 0), HasErrc(Errc::decode));
  EXPECT_THAT(with(31, 7), HasErrc(Errc::decode));
}

TEST(CompressedBody, ZstdIsOneFrameWithoutADictionary) {
  const ZstdByHand good{.content = 500, .block = 500};
  EXPECT_THAT(zstd_unpacks(good, 500, ZstdByHand{}.bytes()), HasErrc(Errc::decode));
  const Bytes skippable{std::byte{0x50}, std::byte{0x2A}, std::byte{0x4D}, std::byte{0x18},
                        std::byte{},     std::byte{},     std::byte{},     std::byte{}};
  EXPECT_THAT(zstd_unpacks(good, 500, skippable), HasErrc(Errc::decode));
  Bytes behind = skippable;
  const Bytes frame = good.bytes();
  behind.insert(behind.end(), frame.begin(), frame.end());
  EXPECT_THAT(unpacks(body_saying(Compression::zstd, 500, behind), 500), HasErrc(Errc::decode));
  Bytes dictionary = frame;
  dictionary[4] |= std::byte{1};
  dictionary.insert(dictionary.begin() + 5, std::byte{9});
  EXPECT_THAT(unpacks(body_saying(Compression::zstd, 500, dictionary), 500), HasErrc(Errc::decode));
}

// As zstd 0.7 wrote it: the libraries may still read that, other readers need not.
TEST(CompressedBody, ZstdFrameOfAnOldFormIsRefused) {
  Bytes old(4);
  store_le<std::uint32_t>(old.data(), 0xFD2FB527u);
  for (const int byte : {0xA0, 500 % 256, 1, 0, 0, 0x80, 1, 500 % 256, 0, 0xC0, 0, 0}) {
    old.push_back(static_cast<std::byte>(byte));
  }
  EXPECT_THAT(unpacks(body_saying(Compression::zstd, 500, old), 500), HasErrc(Errc::decode));
}

}  // namespace
}  // namespace walkit::log
