#pragma once

#include <memory>
#include <optional>

#include "log/entry_source.hpp"
#include "log/read_ahead.hpp"
#include "log/reading.hpp"
#include "log/snapshot.hpp"

namespace walkit::log {

/// The entries of a snapshot from the oldest to the newest, each checked, none after a hole.
class Replay : public EntrySource {
 public:
  /// mode: strict or best_effort. type: none reads any. gap, not_found: the range is not there.
  static Result<std::unique_ptr<EntrySource>> open(std::shared_ptr<Directory> directory,
                                                   const ReadOptions& options,
                                                   std::optional<StoredType> type, ReplayMode mode,
                                                   ReplayRange range);

 private:
  enum class Flow { on, end, done };

  Replay(std::shared_ptr<Directory> directory, const ReadOptions& options,
         std::optional<StoredType> type, ReplayMode mode, ReplayRange range);

  Result<bool> next_entries(std::chrono::milliseconds timeout) override;
  Status look();
  Status check_range() const;
  Status begin();
  Status enter_first();
  Result<OpenSegment> open(std::size_t index) const;
  Status open_next();
  Result<std::optional<FrameView>> scan();
  [[nodiscard]] bool shows_flushed() const;
  Result<Flow> next_frame();
  Result<Flow> enter_next();
  Result<Flow> read_fault();
  Status check_end();
  Flow take_entries(const FrameView& frame);
  Status note_loss(const FrameView& frame);
  Status judge_end();
  [[nodiscard]] const std::string& file() const { return snapshot_.listing.segments[index_].file; }

  const std::shared_ptr<Directory> directory_;
  const ReadOptions options_;
  const std::optional<StoredType> type_;
  Snapshot snapshot_{};
  const ReplayMode mode_;
  const ReplayRange range_;
  EntryId from_;  // the first that is wanted; EntryId{}: whatever is the oldest

  bool started_ = false, ended_ = false;
  std::size_t index_ = 0;  // of the segment being read
  std::optional<OpenSegment> segment_{}, next_{};
  std::optional<SegmentEnd> end_{};  // of segment_, as its successor or its close says
  std::optional<FrameScanner> scanner_{};
  std::unique_ptr<ReadAhead> ahead_{};  // if threads were asked for
  bool reread_ = false;                 // the place of a fault, since the evidence
  EntryId seen_{};                      // the last id that was passed
};

}  // namespace walkit::log
