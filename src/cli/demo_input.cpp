#include "cli/demo_input.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace walkit::demo {
namespace {

constexpr std::size_t kLineBytesMax = 64 << 10;
constexpr std::uintmax_t kFileBytesMax = 256u << 20;

}  // namespace

Result<Input> Input::read(const std::string& path) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) return Error{.code = Errc::not_found, .message = path + ": " + error.message()};
  if (bytes > kFileBytesMax) {
    return Error{.code = Errc::too_large, .message = path + ": 256 MiB is the most it takes"};
  }
  std::ifstream in(path, std::ios::binary);
  Input input;
  input.path_ = path;
  input.text_.assign(std::istreambuf_iterator<char>(in), {});
  if (!in.is_open() || in.bad()) {
    return Error{.code = Errc::io, .message = path + ": cannot be read"};
  }
  const std::string_view text = input.text_;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::size_t piece = std::min(end - begin, kLineBytesMax);
    input.lines_.push_back({begin, piece});
    begin += piece;
    if (begin == end) ++begin;
  }
  if (input.lines_.empty()) {
    return Error{.code = Errc::invalid_argument, .message = path + ": is empty"};
  }
  return input;
}

Line Input::entry(Task task) const {
  const std::uint64_t round = task.index / share(task.thread) + 1;
  const std::uint64_t line = task.index % share(task.thread) * kThreads + task.thread;
  const Piece piece = lines_[line];
  return {.source = round == 1 ? path_ : path_ + ", round " + std::to_string(round),
          .number = line + 1,
          .text = text_.substr(piece.begin, piece.bytes)};
}

}  // namespace walkit::demo
