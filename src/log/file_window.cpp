#include "log/file_window.hpp"

#include <algorithm>
#include <cstring>

#include "base/mutation.hpp"
#include "log/format.hpp"

namespace walkit::log {

void FileWindow::map() {
  if (const auto whole = file_->map()) mapped_ = *whole;
}

Result<BytesView> FileWindow::at(std::uint64_t offset, std::size_t bytes) {
  if (mapped_) {
    const BytesView rest = mapped_->subspan(std::min<std::uint64_t>(offset, mapped_->size()));
    return rest.first(std::min(rest.size(), bytes));
  }
  const bool inside = offset >= begin_ && offset - begin_ <= bytes_;
  if (!inside || bytes_ - (offset - begin_) < bytes) {
    if (Status ok = read(offset, bytes); !ok) {
      bytes_ = 0;
      if (mutated(Mutation::read_error_ends_the_file)) return BytesView{};
      return ok.error();
    }
  }
  const BytesView view(buffer_.get() + (offset - begin_), bytes_ - (offset - begin_));
  return view.first(std::min(view.size(), bytes));
}

// Makes the buffer hold so many bytes at `offset`, if the file does. What is large is read without
// the beginning of what follows, but for a frame's header: else that would be moved, to go on with
// it from the front of the buffer.
Status FileWindow::read(std::uint64_t offset, std::size_t bytes) {
  const bool inside = offset >= begin_ && offset - begin_ <= bytes_;
  const std::size_t held = inside ? bytes_ - (offset - begin_) : 0;
  const std::size_t wanted = bytes < step_bytes_ / 2 ? step_bytes_ : bytes + kFrameHeaderBytes;
  const bool fits = held > 0 && offset - begin_ + wanted <= capacity_;
  if (!fits) {
    make_front(held, wanted);
    begin_ = offset;
    bytes_ = held;
  }
  const std::size_t missing = wanted - held;
  const auto got = file_->read_at(begin_ + bytes_, {buffer_.get() + bytes_, missing});
  if (!got) return got.error();
  bytes_ += *got;
  return {};
}

// Moves the last bytes that are held to the front of a buffer that has room for what is wanted.
void FileWindow::make_front(std::size_t held, std::size_t wanted) {
  const std::byte* from = buffer_.get() + (bytes_ - held);
  if (wanted <= capacity_) {
    if (held > 0) std::memmove(buffer_.get(), from, held);
    return;
  }
  // With room for as much behind it: what is not at the front when more is wanted stays there.
  auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted + step_bytes_);
  if (held > 0) std::memcpy(larger.get(), from, held);
  buffer_ = std::move(larger);
  capacity_ = wanted + step_bytes_;
}

}  // namespace walkit::log
