#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "walkit/base/bytes.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/frame_entries.hpp"
#include "walkit/log/log_writer.hpp"
#include "walkit/log/marker.hpp"
#include "walkit/log/options.hpp"
#include "walkit/log/reports.hpp"

namespace walkit {

/// One entry in memory of its own.
struct OwnedEntry {
  EntryId entry_id{};
  Bytes payload{};
  std::uint32_t schema = 1;
  std::uint64_t time_ns = 0;
  std::string file{};
  std::uint64_t offset = 0;  // of the frame
};

/// How a follower waits. stop: ends it, from any thread. poll: how long a new entry may stay
/// unseen; the log is looked at more often while it is busy.
struct FollowOptions {
  std::stop_token stop{};
  std::chrono::milliseconds poll = std::chrono::milliseconds(50);
};

/// Which entries a replay gives.
struct ReplayRange {
  EntryId first{};                // EntryId{}: from the oldest; gap: older than that
  std::optional<EntryId> last{};  // none: to the end; not_found: the log ends before
};

namespace log {
class EntrySource;
class RandomReader;
}  // namespace log

/// A place in a log that moves from entry to entry. Holds what it reads from, so it outlives the
/// reader. One thread.
class LogCursor {
 public:
  LogCursor(LogCursor&&) noexcept;
  LogCursor& operator=(LogCursor&&) noexcept;
  ~LogCursor();

  /// Moves to the next entry; false: the end. A follower waits for more, `timeout` at most, and
  /// answers false then and when it was stopped. The first error is the answer for ever.
  Result<bool> advance(std::chrono::milliseconds timeout = std::chrono::milliseconds::max());
  /// Where advance() moved to. Its views live until the next call.
  [[nodiscard]] const EntryView& entry() const;
  /// The same, a frame at a time: the entries that advance() would give next, for the caller to
  /// take. nullptr: the end.
  Result<FrameEntries*> advance_frame();
  /// Of what was given so far.
  [[nodiscard]] const ReplaySummary& summary() const;

 private:
  friend class LogReader;
  explicit LogCursor(std::unique_ptr<log::EntrySource> source);
  Result<bool> advance_source(std::chrono::milliseconds timeout);
  Result<ReplaySummary> copy_of_summary() const;

  std::unique_ptr<log::EntrySource> source_;
  std::optional<Error> failure_{};
};

/// WalReader's compiled half: entries are bytes. Takes no lock, changes nothing; each call looks
/// anew. Any thread.
class LogReader {
 public:
  /// not_found: no log. incompatible: another codec or type, or a newer format. contents: none
  /// reads any codec and type, as a tool does.
  static Result<LogReader> open(std::shared_ptr<Directory> directory, ReadOptions options,
                                std::optional<LogWriter::Contents> contents);

  /// Gives the entries in order to apply(const EntryView&) -> Result<Step>, until the end, `last`,
  /// Step::stop or an error of apply, which is handed on; what it throws passes through. Constant
  /// memory.
  template <class F>
  Result<ReplaySummary> replay(ReplayMode mode, ReplayRange range, F&& apply) const;
  Result<LogCursor> cursor(ReplayMode mode, ReplayRange range) const;
  /// From `from` (EntryId::max(): the end) down to the oldest.
  Result<LogCursor> newest_first(EntryId from) const;
  /// From `first` (EntryId{}: the oldest) on, for ever: at the end it waits. gap: `first` is gone.
  /// rewound: what it gave was taken back by a crash, or the folder holds another log now.
  Result<LogCursor> follow(EntryId first, FollowOptions options) const;
  /// gap: older than the oldest. not_found: behind the end. corrupt: damaged, or in a recorded
  /// loss, whatever RecordedLoss says.
  Result<OwnedEntry> read(EntryId id) const;
  /// The first entry whose frame was written at that time (ns since 1970) or later. not_found:
  /// none.
  Result<EntryId> first_since(std::uint64_t time_ns) const;
  Result<std::uint64_t> time_of(EntryId id) const;
  /// The files, oldest first. `entries` of the newest is what replay would give.
  Result<std::vector<SegmentInfo>> segments() const;
  /// What the newest marker of a checkpoint says that it was complete through. none: there is none
  /// in the newest segment, where markers before it may be. Costs a walk over the frames' headers
  /// of that segment; what follows the first that does not hold is not looked at.
  Result<std::optional<EntryId>> marked_checkpoint() const;
  /// Which log this one was forked from, and behind which entry. none: it is no fork, or its first
  /// segment was trimmed. Reads one frame.
  Result<std::optional<Marker>> parent() const;

 private:
  LogReader(std::shared_ptr<Directory> directory, ReadOptions options,
            std::optional<LogWriter::Contents> contents);
  /// A cursor with the threads that the options ask for, which live as long as it.
  Result<LogCursor> replay_cursor(ReplayMode mode, ReplayRange range) const;
  Result<LogCursor> open_cursor(ReplayMode mode, ReplayRange range,
                                const ReadOptions& options) const;

  std::shared_ptr<Directory> directory_;  // of the log itself
  ReadOptions options_;
  std::optional<LogWriter::Contents> contents_;
  std::shared_ptr<log::RandomReader> random_;  // for read(): indexes kept between calls
};

// Here, so that the loop over the entries of a frame and what is done with each are one piece.
template <class F>
Result<ReplaySummary> LogReader::replay(ReplayMode mode, ReplayRange range, F&& apply) const {
  auto log = replay_cursor(mode, range);
  if (!log) return std::move(log).error();
  for (;;) {
    auto frame = log->advance_frame();
    if (!frame) return std::move(frame).error();
    if (*frame == nullptr) return log->copy_of_summary();
    Status applied;
    const Step last = (*frame)->give([&](const EntryView& entry) {
      Result<Step> step = apply(entry);
      if (step) return *step;
      applied = std::move(step).error();
      return Step::stop;
    });
    if (!applied) return std::move(applied).error();
    if (last == Step::next) continue;
    const bool at_last = range.last && (*frame)->next_id() > *range.last;
    auto summary = log->copy_of_summary();
    if (summary && !at_last) summary->end = ReplaySummary::End::stopped;
    return summary;
  }
}

}  // namespace walkit
