#pragma once

#include <deque>
#include <optional>
#include <string_view>

#include "cli/cli.hpp"
#include "cli/decoder.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "walkit/log/log_reader.hpp"

namespace walkit::cli {

/// Prints entries in one of the formats. One thread.
class Printer {
 public:
  Printer(const CatOptions& options, const Entries& entries)
      : options_(options), entries_(entries) {}

  /// Starts the decoder.
  Status start();
  Status print(const EntryView& entry);
  /// A line of JSON between the entries.
  void print(const Json& line) { out_.write(line_of(line)); }
  /// Waits for the decoder's last answers.
  Status finish();
  Output& output() { return out_; }
  /// The last entry that was written, which a decoder may be behind of; EntryId{}: none yet.
  [[nodiscard]] EntryId last() const { return last_; }

 private:
  struct Waiting {
    EntryId id{};
    Json line{};  // of JSON Lines
  };
  Status print_described(const EntryView& entry);
  Status decode(const EntryView& entry);
  void take_answer(std::string_view line);

  const CatOptions& options_;
  const Entries& entries_;
  Output out_{};
  EntryId last_{};
  std::optional<Decoder> decoder_{};
  std::deque<Waiting> waiting_{};  // for the decoder
};

}  // namespace walkit::cli
