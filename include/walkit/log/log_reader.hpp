#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "walkit/base/bytes.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/log_writer.hpp"
#include "walkit/log/options.hpp"
#include "walkit/log/reports.hpp"

namespace walkit {

/// One entry as it stands in the log; borrowed for the callback.
struct EntryView {
  EntryId entry_id{};
  BytesView payload{};
  std::uint32_t schema = 1;
  std::string_view file{};   // the segment and
  std::uint64_t offset = 0;  // the frame in it
};

/// Which entries a replay gives.
struct ReplayRange {
  EntryId first{};                // EntryId{}: from the oldest; gap: older than that
  std::optional<EntryId> last{};  // none: to the end; not_found: the log ends before
};

/// WalReader's compiled half: entries are bytes. Takes no lock, changes nothing; each call looks
/// anew. Any thread.
class LogReader {
 public:
  using Apply = std::function<Result<Step>(const EntryView&)>;

  /// not_found: no log. incompatible: another codec or type, or a newer format. contents: none
  /// reads any codec and type, as a tool does.
  static Result<LogReader> open(std::shared_ptr<Directory> directory, ReadOptions options,
                                std::optional<LogWriter::Contents> contents);

  /// Gives the entries in order until the end, `last`, Step::stop or an error of apply, which is
  /// handed on. Constant memory.
  Result<ReplaySummary> replay(ReplayMode mode, ReplayRange range, const Apply& apply) const;
  /// The files, oldest first. `entries` of the newest is what replay would give.
  Result<std::vector<SegmentInfo>> segments() const;

 private:
  LogReader(std::shared_ptr<Directory> directory, ReadOptions options,
            std::optional<LogWriter::Contents> contents)
      : directory_(std::move(directory)), options_(std::move(options)), contents_(contents) {}

  std::shared_ptr<Directory> directory_;  // of the log itself
  ReadOptions options_;
  std::optional<LogWriter::Contents> contents_;
};

}  // namespace walkit
