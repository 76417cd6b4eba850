#pragma once

#include <chrono>

#include "log/reading.hpp"

namespace walkit::log {

/// Where a cursor takes its entries from: one way of reading a log, frame by frame. One thread.
class EntrySource {
 public:
  EntrySource() = default;
  EntrySource(const EntrySource&) = delete;
  EntrySource& operator=(const EntrySource&) = delete;
  virtual ~EntrySource() = default;

  /// What is being given: whoever reads takes the entries from here, and behind the last of them
  /// asks advance() for more.
  [[nodiscard]] FrameEntries& entries() { return entries_; }
  /// Moves to the next entries; false: there are none, or `timeout` passed where the source waits
  /// for more. Not called again after an error.
  Result<bool> advance(std::chrono::milliseconds timeout) {
    note_given();
    if (entries_.has_more()) return misfit(entries_);
    auto more = next_entries(timeout);
    noted_ = entries_.next_id();
    return more;
  }
  [[nodiscard]] const ReplaySummary& summary() {
    note_given();
    return summary_;
  }

 protected:
  /// Puts at least one entry into entries_, which is empty or at its end_at(); false: as advance().
  virtual Result<bool> next_entries(std::chrono::milliseconds timeout) = 0;

  FrameEntries entries_{};
  ReplaySummary summary_{.entries = {EntryId{1}, EntryId{}}};

 private:
  void note_given() {
    const EntryId next = entries_.next_id();
    if (next == noted_) return;
    if (summary_.entry_count == 0) summary_.entries.first = noted_;
    summary_.entries.last = next - 1;
    summary_.entry_count += next - noted_;
    noted_ = next;
  }

  EntryId noted_{1};  // entries_ from here on are not in the summary yet
};

}  // namespace walkit::log
