#pragma once

#include <gtest/gtest.h>

#include <cstddef>

#include "walkit/base/bytes.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {

/// Cut short, and with any one byte changed: an error, or another record that is written in the
/// same way. `write` and `read` are the two halves of a codec.
template <class Records, class Write, class Read>
void expect_read_only_as_written(const Records& records, Write write, Read read) {
  for (const auto& record : records) {
    const Bytes bytes = write(record);
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      const auto cut = read(BytesView(bytes).first(n));
      if (cut) {
        EXPECT_EQ(write(*cut), Bytes(bytes.begin(), bytes.begin() + std::ptrdiff_t(n)));
      }
      for (unsigned value = 0; value < 256; ++value) {
        Bytes other = bytes;
        other[n] = std::byte(value);
        const auto changed = read(other);
        if (changed) {
          EXPECT_EQ(write(*changed), other);
        } else {
          EXPECT_THAT(changed, testing::HasErrc(Errc::decode));
        }
      }
    }
  }
}

/// Random bytes are an error, or a record that is written in the same way.
template <class Random, class Write, class Read>
void expect_random_bytes_read_as_written(Random random, Write write, Read read) {
  std::size_t records = 0;
  for (int n = 0; n < 200'000; ++n) {
    Bytes bytes(random() % 24);
    for (std::byte& byte : bytes) byte = std::byte(random() % (n % 2 == 0 ? 8 : 256));
    const auto record = read(bytes);
    if (!record) continue;
    ++records;
    ASSERT_EQ(write(*record), bytes);
  }
  EXPECT_GT(records, 1000u);
}

}  // namespace walkit
