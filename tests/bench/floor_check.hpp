#pragma once

#include <string>
#include <string_view>

#include "raw_file.hpp"
#include "record.hpp"

namespace walkit::bench {

/// Where the next record of a file goes that begins anew when it is full. What is checked in the
/// end is its last lap.
struct Ring {
  std::uint64_t offset = 0;
  std::uint64_t first = 1, last = 0;  // ids of the last lap

  std::uint64_t next_id(std::size_t bytes) {
    if (offset + bytes > kRingBytes) begin_lap();
    return ++last;
  }
  void begin_lap() {
    offset = 0;
    first = last + 1;
  }
};

/// Walks records and demands the payload and ids without a hole.
class RecordCheck {
 public:
  RecordCheck(std::string_view payload, std::uint64_t first) : payload_(payload), next_(first) {}
  /// From the start to `end` or to where no record is.
  void file(const RawFile& file, std::uint64_t end = ~std::uint64_t{0});
  /// The same over batches that each begin on a block of their own.
  void file_of_blocks(const RawFile& file, std::uint64_t end);
  [[nodiscard]] std::uint64_t last() const { return next_ - 1; }

 private:
  std::size_t walk(const char* begin, std::size_t bytes);

  std::string_view payload_;
  std::uint64_t next_;
};

void check_ring(const RawFile& file, const Ring& ring, std::string_view payload);

}  // namespace walkit::bench
