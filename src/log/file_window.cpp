#include "log/file_window.hpp"

#include <algorithm>
#include <cstring>

#include "log/mutation.hpp"

namespace walkit::log {

Result<BytesView> FileWindow::at(std::uint64_t offset, std::size_t bytes) {
  const bool inside = offset >= begin_ && offset - begin_ <= buffer_.size();
  if (!inside || buffer_.size() - (offset - begin_) < bytes) {
    const std::size_t keep = inside ? buffer_.size() - (offset - begin_) : 0;
    if (keep > 0) std::memmove(buffer_.data(), buffer_.data() + (buffer_.size() - keep), keep);
    buffer_.resize(std::max(bytes, step_bytes_));
    begin_ = offset;
    const auto got = file_->read_at(offset + keep, std::span(buffer_).subspan(keep));
    if (!got) {
      buffer_.clear();
      if (mutated(Mutation::read_error_ends_the_file)) return BytesView{};
      return got.error();
    }
    buffer_.resize(keep + *got);
  }
  const BytesView view = BytesView(buffer_).subspan(offset - begin_);
  return view.first(std::min(view.size(), bytes));
}

}  // namespace walkit::log
