#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/cereal_codec.hpp"
#include "walkit/log/options.hpp"

namespace walkit::demo {

/// What the demonstration journals.
struct Line {
  static constexpr EntryType entry_type{"walkit.demo.line"};

  std::string source{};
  std::uint64_t number = 0;  // from 1
  std::string text{};
  std::uint32_t batch_size = 1, batch_index = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(source, number, text, batch_size, batch_index);
  }
};

inline constexpr std::uint32_t kThreads = 4;

/// A place in the work of one thread: its n-th line, counted from 0 and on through further rounds
/// over the file.
struct Task {
  std::uint32_t thread = 0;
  std::uint64_t index = 0;
  friend bool operator==(const Task&, const Task&) = default;
};

/// The lines of a file, dealt out to the threads in turn. Const calls from any thread.
class Input {
 public:
  /// Lines without their end; longer ones are cut into pieces. not_found, io; too_large.
  static Result<Input> read(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t lines() const { return lines_.size(); }
  [[nodiscard]] std::uint64_t bytes() const { return text_.size(); }
  /// Lines of one thread in one round.
  [[nodiscard]] std::uint64_t share(std::uint32_t thread) const {
    return (lines_.size() + kThreads - 1 - thread) / kThreads;
  }
  [[nodiscard]] Line entry(Task task) const;
  [[nodiscard]] static std::uint32_t thread_of(const Line& line) {
    return static_cast<std::uint32_t>((line.number - 1) % kThreads);
  }

 private:
  struct Piece {
    std::size_t begin = 0, bytes = 0;
  };
  std::string path_{}, text_{};
  std::vector<Piece> lines_{};
};

}  // namespace walkit::demo
