#include "log/file_window.hpp"

#include <algorithm>
#include <cstring>

#include "base/mutation.hpp"

namespace walkit::log {

Result<BytesView> FileWindow::at(std::uint64_t offset, std::size_t bytes) {
  const bool inside = offset >= begin_ && offset - begin_ <= bytes_;
  if (!inside || bytes_ - (offset - begin_) < bytes) {
    if (Status ok = read(offset, std::max(bytes, step_bytes_)); !ok) {
      bytes_ = 0;
      if (mutated(Mutation::read_error_ends_the_file)) return BytesView{};
      return ok.error();
    }
  }
  const BytesView view(buffer_.get() + (offset - begin_), bytes_ - (offset - begin_));
  return view.first(std::min(view.size(), bytes));
}

// Makes the buffer begin at `offset` and hold so many bytes, if the file does.
Status FileWindow::read(std::uint64_t offset, std::size_t bytes) {
  const bool inside = offset >= begin_ && offset - begin_ <= bytes_;
  const std::size_t keep = inside ? bytes_ - (offset - begin_) : 0;
  const std::byte* kept = buffer_.get() + (bytes_ - keep);
  if (bytes > capacity_) {
    auto larger = std::make_unique_for_overwrite<std::byte[]>(bytes);
    if (keep > 0) std::memcpy(larger.get(), kept, keep);
    buffer_ = std::move(larger);
    capacity_ = bytes;
  } else if (keep > 0) {
    std::memmove(buffer_.get(), kept, keep);
  }
  begin_ = offset;
  bytes_ = keep;
  const auto got = file_->read_at(offset + keep, {buffer_.get() + keep, bytes - keep});
  if (!got) return got.error();
  bytes_ += *got;
  return {};
}

}  // namespace walkit::log
