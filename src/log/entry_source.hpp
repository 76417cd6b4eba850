#pragma once

#include <chrono>

#include "log/reading.hpp"

namespace walkit::log {

/// Where a cursor takes its entries from: one way of reading a log. One thread.
class EntrySource {
 public:
  EntrySource() = default;
  EntrySource(const EntrySource&) = delete;
  EntrySource& operator=(const EntrySource&) = delete;
  virtual ~EntrySource() = default;

  /// Moves to the next entry; false: there is none, or `timeout` passed where the source waits for
  /// more. Not called again after an error.
  virtual Result<bool> advance(std::chrono::milliseconds timeout) = 0;
  /// The same for an entry of a frame all of which is given: most of them. False: ask advance().
  [[nodiscard]] bool advance_in_frame() noexcept {
    if (!gives_frame_ || entries_.empty()) return false;
    const EntryView* entry = entries_.take();
    if (entry == nullptr) return false;
    give(*entry);
    return true;
  }

  [[nodiscard]] const EntryView& entry() const { return *entry_; }
  [[nodiscard]] const ReplaySummary& summary() const { return summary_; }

 protected:
  /// The entry that advance() moved to, which stays where it is until the next call.
  void give(const EntryView& entry) {
    entry_ = &entry;
    if (summary_.entry_count == 0) summary_.entries.first = entry.entry_id;
    summary_.entries.last = entry.entry_id;
    ++summary_.entry_count;
  }

  FrameEntries entries_{};    // of the frame that is being given
  bool gives_frame_ = false;  // to its end: no limit lies in it

  ReplaySummary summary_{.entries = {EntryId{1}, EntryId{}}};

 private:
  static constexpr EntryView kNone{};
  const EntryView* entry_ = &kNone;
};

}  // namespace walkit::log
