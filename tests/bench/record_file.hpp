#pragma once

#include <cstring>
#include <string_view>

#include "raw_file.hpp"
#include "record.hpp"

namespace walkit::bench {

/// Records behind one another through a buffer of 1 MiB that is written when it is full, always
/// whole, so that each write but the last begins and ends on a page.
class RecordWriter {
 public:
  enum class Writeback { later, at_once };
  RecordWriter(const RawFile& file, std::size_t payload_max, Writeback writeback = Writeback::later)
      : file_(file),
        starts_writeback_(writeback == Writeback::at_once),
        buffer_(make_blocks(kMiB + record_bytes(payload_max))) {}

  void put(std::string_view payload) {
    put_record(buffer_.get() + used_, ++last_, payload);
    used_ += record_bytes(payload.size());
    if (used_ < kMiB) return;
    file_.write(buffer_.get(), kMiB);
    if (starts_writeback_) file_.start_writeback();
    used_ -= kMiB;
    std::memmove(buffer_.get(), buffer_.get() + kMiB, used_);
  }
  void finish() {
    file_.write(buffer_.get(), used_);
    used_ = 0;
  }
  [[nodiscard]] std::uint64_t last() const { return last_; }

 private:
  const RawFile& file_;
  bool starts_writeback_;
  Blocks buffer_;
  std::size_t used_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace walkit::bench
