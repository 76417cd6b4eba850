#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

namespace walkit {

/// When what is buffered is pushed out, as far as `Durability` says. The default is at once: who
/// sets nothing loses nothing. An append that is not a boundary of its policy is only buffered.
class FlushPolicy {
 public:
  constexpr FlushPolicy() = default;  // every_append()
  [[nodiscard]] static constexpr FlushPolicy every_append() { return {}; }
  /// Nothing is synced until sync(), wait_durable() or a ticket asks, or a segment ends; nor
  /// written, but for flush() and what outgrows the buffer.
  [[nodiscard]] static constexpr FlushPolicy manual() { return FlushPolicy(kNever, kNever, {}); }
  /// 0 and 1 are every_append().
  [[nodiscard]] static constexpr FlushPolicy every_n(std::uint64_t entries) {
    return FlushPolicy(entries, kNever, {});
  }
  /// When this many payload bytes are buffered. 0 is every_append().
  [[nodiscard]] static constexpr FlushPolicy every_bytes(std::uint64_t bytes) {
    return FlushPolicy(kNever, bytes, {});
  }
  /// This long after the first entry that is buffered. 0 is every_append().
  [[nodiscard]] static constexpr FlushPolicy interval(std::chrono::microseconds time) {
    if (time.count() <= 0) return {};
    return FlushPolicy(kNever, kNever, time);
  }
  /// Whichever comes first: every_n(1000).or_after(10ms). 0 is every_append().
  [[nodiscard]] constexpr FlushPolicy or_after(std::chrono::microseconds time) const {
    if (time.count() <= 0) return {};
    return FlushPolicy(entries_, bytes_, time);
  }

  [[nodiscard]] constexpr bool is_boundary(std::uint64_t entries, std::uint64_t bytes) const {
    return entries >= entries_ || bytes >= bytes_;
  }
  [[nodiscard]] constexpr std::chrono::microseconds time() const { return time_; }  // 0: no timer
  friend constexpr bool operator==(FlushPolicy, FlushPolicy) = default;

 private:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  constexpr FlushPolicy(std::uint64_t entries, std::uint64_t bytes, std::chrono::microseconds time)
      : entries_(entries), bytes_(bytes), time_(time) {}

  std::uint64_t entries_ = 1, bytes_ = kNever;
  std::chrono::microseconds time_{0};
};

/// How far a boundary of the policy pushes. flushed: survives the process being killed, loses a
/// suffix at a power cut. durable: survives the power cut too.
enum class Durability { flushed, durable };

/// zero_fill: space is written with zeros ahead of use, in the next segment's file too once a
/// quarter of this one is used (by walkit's own thread; segments of 8 MiB and more), so that a sync
/// needs no metadata and a full disk is `no_space` before anything happened. With
/// Durability::flushed, where syncs are rare, space is allocated instead. none: a full disk is a
/// failed write, which is final.
enum class Preallocation { none, zero_fill };

/// packed: frames follow each other; smallest. whole_blocks: each sync group starts on its own 4
/// KiB block, so that nothing acknowledged shares a block with what is in flight, and a damaged
/// tail is told from a torn one; costs up to 4 KiB per sync.
enum class Layout { packed, whole_blocks };

/// strict: all but a clean end is an error (disaster checks, migrations). best_effort: a torn tail
/// of the newest segment is the end of the log (start-up after a crash); all else is still an
/// error. salvage: of a log in any state all that still verifies, in order, and each hole as a
/// value (to save what can be saved; see docs/repair.md).
enum class ReplayMode { strict, best_effort, salvage };

/// What a replay callback may answer.
enum class Step { next, stop };

/// What strict replay does with a gap that was accepted by a repair.
enum class RecordedLoss { refuse, accept };

/// How sealed segments are read. copied: every failure is an Error. mapped: looked at where the
/// page cache holds them, which takes two thirds of the time for entries of 1 KiB. But where the
/// device fails, or anybody cuts the file meanwhile, a look at it ends the process with SIGBUS.
/// walkit never changes a sealed segment, and may remove it meanwhile. Directories that have no
/// File::map() are read copied.
enum class SealedSegments { copied, mapped };

class WalObserver;

/// How a log is written. The defaults are safe: every append is durable when it returns.
struct WalOptions {
  FlushPolicy flush{};
  Durability durability = Durability::durable;
  std::uint64_t segment_bytes = 64u << 20;  // a new file after this much; 4 KiB at least
  std::chrono::seconds segment_age{
      0};  // or after this long, at the next append; 0: never; at most a year
  /// One frame (a batch), its 64-byte header included: more is too_large. Kept in the log.
  std::uint32_t max_frame_bytes = 64u << 20;
  Layout layout = Layout::packed;
  /// Kept in the log: readers have the same limit. At most max_frame_bytes less 1 KiB.
  std::uint32_t max_entry_bytes = 16u << 20;
  /// Buffered, lengths and frame headers included; above it appends wait while the file is in use.
  /// From 1 MiB on an append hands what is buffered to the kernel, whatever the policy. What is
  /// being written counts apart. One larger call enters when the buffer is empty.
  std::uint64_t max_buffer_bytes = 8u << 20;
  Preallocation preallocation = Preallocation::zero_fill;
  /// By who leads a sync group, so it adds to the time of a commit; pays off where many entries
  /// share a frame. May differ from life to life. Limits count entries as they were before.
  Compression compression = Compression::none;
  EntryType entry_type{};            // instead of what E declares
  EntryId expect_durable_through{};  // the caller knows this was acknowledged: less is corrupt
  std::string subdirectory = "wal";
  /// Told what the writer does; see walkit/log/observer.hpp. Lives as long as any handle. none:
  /// nobody is told.
  std::shared_ptr<WalObserver> observer{};

  /// invalid_argument names the field and its legal range.
  [[nodiscard]] Status validate() const;
};

/// How a log is read.
struct ReadOptions {
  EntryType entry_type{};            // instead of what E declares
  EntryId expect_durable_through{};  // as in WalOptions
  std::string subdirectory = "wal";
  RecordedLoss recorded_loss = RecordedLoss::refuse;
  /// Beside a live writer; flushed: shows what a power cut may take back.
  Durability visibility = Durability::durable;
  std::uint64_t frame_bytes_max = 256u << 20;  // whatever a header says
  NewerSchema newer_schema = NewerSchema::refuse;
  /// At work in a replay or a WalMaintenance call, the calling one included; the others live as
  /// long as the call. They read, check and decompress sealed segments ahead; decoding and the
  /// callback stay with the caller. Entries, errors and their order are the same whatever it is.
  /// Pays off for compressed logs and where a callback takes time; costs two pieces of 512 KiB for
  /// each, of larger frames up to 8 MiB, stored and decompressed. 0 is 1; at most 64.
  unsigned threads = 1;
  SealedSegments sealed_segments = SealedSegments::copied;  // of replays and cursors
};

}  // namespace walkit
