#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/entry_source.hpp"
#include "log/reading.hpp"

namespace walkit::log {

/// The entries of a log as they come, beside writers that come and go, in this process or another.
/// It looks at the directory again and again: there is nothing to register with a writer, and
/// nothing that a killed one could leave behind.
class Follower : public EntrySource {
 public:
  /// first: EntryId{} is the oldest entry there is at the first look.
  Follower(std::shared_ptr<Directory> directory, const ReadOptions& options,
           std::optional<StoredType> type, EntryId first, FollowOptions follow);

 private:
  enum class Seen { more, nothing };

  /// false: `timeout` passed, or stopped.
  Result<bool> next_entries(std::chrono::milliseconds timeout) override;
  [[nodiscard]] bool shows_flushed() const;
  Result<bool> try_next();
  bool give_more();
  Status look();
  Status look_at_all(const std::optional<LockRecord>& lock);
  Status take_place(const Listing& listing);
  Status find_successor();
  Result<Seen> next_frame();
  Status take_frame(const FrameView& frame);
  Result<Seen> no_frame();
  Status move_on();
  bool pause(std::chrono::milliseconds time) const;

  const std::shared_ptr<Directory> directory_;
  const ReadOptions options_;
  const std::optional<StoredType> type_;
  const FollowOptions follow_;

  EntryId wanted_;                    // the next to give; EntryId{}: not known yet
  EntryId end_{};                     // nothing above it is given, but where flushed ones are shown
  std::optional<LogIdentity> log_{};  // of the log that is followed
  std::optional<Error> end_error_{};  // why nothing can come behind end_
  // What stood there at the last look without a writer: the same again is nothing new.
  std::vector<std::string> quiet_names_{};
  std::optional<LockRecord> quiet_lock_{};
  bool quiet_ = false;

  // The segment being read and, once there is one, the next.
  std::optional<SegmentFile> file_{}, next_file_{};
  std::optional<OpenSegment> segment_{}, next_{};
  std::optional<FrameScanner> scanner_{};
  bool reread_ = false;  // the place of a fault, since the evidence
};

}  // namespace walkit::log
