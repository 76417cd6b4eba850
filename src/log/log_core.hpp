#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <thread>

#include "io/process.hpp"
#include "log/care_place.hpp"
#include "log/evidence_files.hpp"
#include "log/segment_writer.hpp"
#include "log/stored_type.hpp"
#include "walkit/log/maintenance_reports.hpp"
#include "walkit/log/observer.hpp"
#include "walkit/log/options.hpp"
#include "walkit/log/reports.hpp"
#include "walkit/log/ticket.hpp"

namespace walkit::log {

/// What is refused stays refused where there is no memory to say why.
template <class Make>
Error or_bare(Errc code, Make&& make) noexcept {
  try {
    return make();
  } catch (const std::bad_alloc&) {
    return {.code = code, .message = "out of memory"};
  }
}

/// What open found and hands over; nothing of it is shared with anybody.
struct LogStart {
  std::shared_ptr<const CarePlace> place{};
  std::shared_ptr<Directory> directory{};
  std::unique_ptr<DirectoryLock> lock{};
  std::optional<ManifestWriter> manifest{};
  std::optional<LockRecordWriter> lock_record{};
  WalOptions options{};
  StoredType type{};
  std::uint64_t process = 0;
  std::uint64_t epoch = 0;
  EntryId last{};                           // all up to it are durable
  std::unique_ptr<SegmentWriter> active{};  // where the unproven tail was rewritten, or none
  bool rotate_first = false;  // the active one repeats older limits or an older schema
  SegmentEnd previous{};      // of the newest segment, if none is active
  std::uint64_t time_ns = 0;
  RecoveryReport report{};
};

/// The writer behind the handles: ids, the buffer, groups, rotation, verdict. Ids are given under
/// the mutex when an entry is buffered; one thread at a time holds the file (`file_busy_`), writes
/// what is buffered as one group and syncs it for all who wait; the next group is whatever arrived
/// meanwhile. Nothing is written to a file while it is being synced. Any thread.
///
/// (The leader writes for its followers as in LevelDB's write queue and PostgreSQL's group commit;
/// the buffer, frames and watermarks are this log's own.)
class LogCore {
 public:
  explicit LogCore(LogStart start);
  ~LogCore();
  LogCore(const LogCore&) = delete;
  LogCore& operator=(const LogCore&) = delete;

  enum class Completion { policy, ticket };
  Result<EntryIdRange> append(std::span<const BytesView> payloads, Completion completion);
  Status commit_all(Durability level);
  Status wait_durable(EntryId id);
  Status close();
  Status write_marker(BytesView body);
  Result<EntryId> trim_before(EntryId keep, const Retention& retention);
  [[nodiscard]] const std::shared_ptr<const CarePlace>& place() const { return place_; }
  /// One thread at a time: who trims, and who must not be overtaken by one. After success end it.
  Status begin_care();
  void end_care();

  /// Memory that is kept between calls, empty. False: another thread has it.
  bool lend(Bytes& into) noexcept;
  void take_back(Bytes& bytes) noexcept;

  [[nodiscard]] bool answered(EntryId id) const noexcept;
  void call_when_durable(EntryId id, std::unique_ptr<TicketCallback> callback);

  [[nodiscard]] std::uint64_t appended_bytes() const noexcept {
    return appended_bytes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] EntryId next_entry_id() const;
  [[nodiscard]] EntryId durable_entry_id() const;
  [[nodiscard]] const LogIdentity& log_identity() const { return log_; }
  [[nodiscard]] const RecoveryReport& report() const { return report_; }
  [[nodiscard]] Verdict verdict() const;
  [[nodiscard]] WalStats stats() const;
  [[nodiscard]] const WalOptions& options() const { return options_; }
  /// Here the log's thread and those that wait do not exist, and what they hold is held for ever.
  [[nodiscard]] bool in_fork_child() const noexcept { return owner_.is_ancestor(); }
  /// In a callback, where a call that waits would wait for itself.
  [[nodiscard]] bool on_own_thread() const noexcept {
    return std::this_thread::get_id() == thread_.get_id();
  }

 private:
  using Lock = std::unique_lock<std::mutex>;

  // log_core.cpp: append, refusals, waiting.
  [[nodiscard]] bool enters_at_once(std::uint64_t bytes, Completion completion) const;
  [[nodiscard]] bool is_timed() const { return options_.flush.time().count() > 0; }
  [[nodiscard]] bool needs_thread(Completion completion) const {
    return completion == Completion::ticket || is_timed();
  }
  Status check_limits(std::span<const BytesView> payloads) const;
  Status admit(Lock& lock, std::uint64_t bytes, Completion completion);
  [[nodiscard]] Status refusal() const;
  static Error closed_error() noexcept;
  static Error in_callback() noexcept;
  static Error no_memory() noexcept;
  [[nodiscard]] Error poisoned() const noexcept;
  [[nodiscard]] Error failure() const noexcept;
  [[nodiscard]] Lock enter() const;
  bool gave_up_as_fork_child();
  void wait_for_change(Lock& lock);
  static void wake(std::atomic<std::uint32_t>& word);
  void wake_all();
  void hold_file(Lock& lock);
  void release_file(Lock& lock);
  [[nodiscard]] EntryIdRange in_doubt() const { return {durable_ + 1, next_ - 1}; }
  void fail(Error error);
  [[nodiscard]] WalObserver* observer() const { return options_.observer.get(); }
  void tell_append(EntryIdRange ids, std::span<const BytesView> payloads) const;

  // log_core_groups.cpp: commit.
  Status commit(Lock& lock, EntryId through, Durability level);
  void wait_for_group(Lock& lock, EntryId through);
  void run_group(Lock& lock, Durability level);
  void tell_group(Lock& lock);
  Status write_group(EntryId durable_through);
  Status sync_group(EntryId through);
  void note_durable(EntryId through);
  [[nodiscard]] bool reached(EntryId through, Durability level) const;
  [[nodiscard]] bool was_told(EntryId through, Durability level) const;

  // log_core_segments.cpp: room, rotation, close.
  [[nodiscard]] bool has_room(std::uint64_t room) const;
  [[nodiscard]] bool must_rotate(std::uint64_t room) const;
  Status make_room(Lock& lock, std::uint64_t room);
  Status extend(Lock& lock, std::uint64_t room);
  Status fill(std::uint64_t wish, std::uint64_t need);
  Status rotate(Lock& lock, std::uint64_t room);
  Result<std::unique_ptr<SegmentWriter>> prepare(std::uint64_t wish, std::uint64_t need);
  Status start_segment(std::unique_ptr<SegmentWriter> next);
  void tell_rotation() const;
  Status check_lock();
  Status refuse(Error error);
  Status write_manifest(bool clean);
  void note_space();
  Status finish();

  // log_core_care.cpp: what is done beside the appends.
  Status write_marker(Lock& lock, BytesView body);
  Status put_marker(BytesView body);
  Result<EntryId> trim(EntryId keep, const Retention& retention) noexcept;
  Status begin_log_at(const SegmentHeader& first);
  Status write_begin(const SegmentHeader& first);

  // log_core_ahead.cpp: the next segment's file, filled ahead of use.
  [[nodiscard]] std::uint64_t ahead_goal() const;
  [[nodiscard]] bool wants_fill() const;
  void ask_for_fill() noexcept;
  void fill_ahead(Lock& lock);
  void note_ahead();
  bool fill_next(SegmentName name) noexcept;
  std::unique_ptr<SegmentWriter> take_ahead(SegmentName name, std::uint64_t need);
  bool drop_ahead() noexcept;

  // log_core_thread.cpp: timers, tickets, callbacks.
  Status enqueue(EntryId id, std::unique_ptr<TicketCallback>& callback);
  Status start_thread();
  void wake_thread();
  [[nodiscard]] bool thread_has_work() const;
  void run_thread() noexcept;
  bool call_callbacks(Lock& lock);
  void stop_thread(Lock& lock);
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const;

  const WalOptions options_;
  const StoredType type_;
  const Process owner_{};
  const std::uint64_t process_, epoch_;
  const LogIdentity log_;
  const RecoveryReport report_;
  const std::shared_ptr<const CarePlace> place_;
  const std::shared_ptr<Directory> directory_;

  // The holder of the file alone touches these.
  std::unique_ptr<DirectoryLock> lock_;
  ManifestWriter manifest_;
  LockRecordWriter lock_record_;
  std::unique_ptr<SegmentWriter> active_;
  SegmentEnd previous_;
  Group buffers_[2];
  Group* writing_ = &buffers_[0];
  Compressor compressor_;
  std::uint64_t time_ns_;

  mutable std::mutex mutex_;
  // Counted up under the mutex. Who waits for a group does so at turns_[its number % 2].
  std::atomic<std::uint32_t> changes_{0}, turns_[2]{};
  std::atomic<std::uint64_t> told_flushed_, told_durable_;  // written_ and durable_, for all to see
  std::atomic<std::uint64_t> appended_bytes_{0};            // since open
  std::condition_variable work_;                            // for the log's thread
  Group* pending_ = &buffers_[1];                           // under the mutex
  EntryId next_, written_, durable_;
  std::uint64_t groups_ = 0;   // begun so far
  EntryId writing_through_{};  // of the last one
  bool file_busy_ = false;
  bool making_room_ = false;  // appends wait; ids stand still
  bool caring_ = false;       // a trim is under way; close waits
  bool closing_ = false, closed_ = false;
  std::optional<Error> failure_{};
  // Of the active segment, as the last holder of the file left it.
  bool has_segment_ = false, rotate_first_ = false;
  std::uint64_t position_ = 0, prefilled_ = 0, ending_room_ = 0, segment_frames_ = 0;
  std::uint64_t segment_created_ns_ = 0, segment_number_ = 0;
  std::uint64_t sure_room_ = 0;  // behind position_, where has_room() need not be asked
  // The next one: the log's thread has it while filling_, who makes room or closes has it then.
  std::unique_ptr<SegmentWriter> ahead_{};
  bool filling_ = false, fill_failed_ = false;
  std::uint64_t filled_ahead_ = 0;
  std::uint64_t prefill_step_bytes_;
  std::uint64_t pending_room_ = 0, writing_room_ = 0;  // the most that what is buffered can take
  // Since the last boundary of the policy.
  std::uint64_t boundary_entries_ = 0, boundary_bytes_ = 0;
  std::optional<std::chrono::steady_clock::time_point> first_buffered_at_{};
  WalStats stats_{};

  std::atomic_flag lent_{};
  Bytes lendable_{};  // while it is not lent

  std::thread thread_;
  bool thread_waits_ = false, thread_stops_ = false;
  EntryId wanted_{};          // by append_async at a boundary, at the policy's level
  EntryId wanted_durable_{};  // by tickets
  std::multimap<EntryId, std::unique_ptr<TicketCallback>> callbacks_{};
};

}  // namespace walkit::log
