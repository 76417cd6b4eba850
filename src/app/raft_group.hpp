#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/raft_cache.hpp"
#include "app/raft_image.hpp"
#include "walkit/app/raft_storage.hpp"

namespace walkit::raft {

class SharedLog;

/// Records on their way into one frame.
class Batch {
 public:
  explicit Batch(std::uint64_t group) : group_(group) {}
  template <class What>
  void add(What what) {
    encode(Record{.group = group_, .what = std::move(what)}, bytes_);
    ends_.push_back(bytes_.size());
  }
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] std::vector<BytesView> payloads() const;

 private:
  std::uint64_t group_;
  Bytes bytes_{};
  std::vector<std::size_t> ends_{};
};

/// Who waits on the spot for an entry to be in the log: in its own frame, until it was told.
struct Waiter {
  std::optional<Result<Ticket>> answer{};
};

/// An entry that is complete, and waits for those before it.
struct Pending {
  EntryKind kind{};
  Bytes payload{};
  Leadership::Done done{};   // or
  Waiter* waiter = nullptr;  // or neither
};
using PendingEntries = std::map<std::uint64_t, Pending>;

/// Those who wait for entries of a leadership that is over: told when this is destroyed, which is
/// done without a lock.
class Ended {
 public:
  Ended() = default;
  Ended(PendingEntries waiting, Error why) noexcept
      : waiting_(std::move(waiting)), why_(std::move(why)) {}
  Ended(Ended&& other) noexcept { *this = std::move(other); }
  Ended& operator=(Ended&& other) noexcept {
    std::swap(waiting_, other.waiting_);
    std::swap(why_, other.why_);
    return *this;
  }
  ~Ended();

 private:
  PendingEntries waiting_{};
  Error why_{};
};

/// What a snapshot's file is, apart from its state.
struct StoredSnapshot {
  SnapshotHeader header{};
  LogIdentity log{};
  std::vector<Error> skipped{};  // newer, but damaged
};

/// One group: what is known of it in memory, and what it asks of the log that it shares.
class Group {
 public:
  using Commands = RaftStorage::Commands;

  Group(SharedLog& log, std::uint64_t number, CheckpointFiles snapshots);

  /// Of the log's records, in order; then once begin().
  GroupImage& image() { return image_; }
  /// corrupt, incompatible: kept, and answered by every use of this group.
  void begin(const Result<std::optional<StoredSnapshot>>& snapshot);
  /// The commands must be those that were written. Tells the log what a crash kept from it.
  Status attach(const Commands& commands);

  Status save(const std::optional<HardState>& hard, std::span<const EntryBytes> entries);
  Result<Ticket> submit(const std::optional<HardState>& hard, std::span<const EntryBytes> entries);
  Status truncate(std::uint64_t from);
  Status stage_commit(std::uint64_t index);
  Status stage_applied(std::uint64_t index);
  Status sync();
  Status close();

  Result<Leadership> lead(const std::shared_ptr<Group>& self, std::uint64_t term);

  [[nodiscard]] HardState hard_state() const;
  [[nodiscard]] Progress progress() const;
  [[nodiscard]] std::uint64_t first_index() const;
  [[nodiscard]] std::uint64_t last_index() const;
  [[nodiscard]] std::uint64_t last_term() const;
  Result<std::uint64_t> term_at(std::uint64_t index) const;
  Result<std::vector<OwnedEntryBytes>> entries(std::uint64_t first, std::uint64_t last,
                                               std::uint64_t bytes_max) const;
  [[nodiscard]] std::vector<std::uint64_t> configurations() const;
  [[nodiscard]] std::optional<SnapshotInfo> snapshot_info() const;
  [[nodiscard]] std::vector<Error> skipped_snapshots() const;

  /// Checked again when it is committed. locked: another one is on its way.
  Result<CheckpointFiles::Saving> begin_snapshot(const SnapshotInfo& info, bool install);
  Status commit_snapshot(const SnapshotInfo& info, bool install, CheckpointFiles::Saving& saving);
  Result<SnapshotInfo> read_snapshot(const std::function<Status(BytesView)>& take) const;

  /// The oldest entry of the log that it needs, but for its base; and where that stands.
  struct Needs {
    EntryId entries = EntryId::max(), base = EntryId::max();
  };
  [[nodiscard]] Needs needs() const;
  [[nodiscard]] std::uint32_t max_command_bytes() const;
  /// The next entry of a leader, with mutex_ held.
  Result<Ticket> enter(const EntryBytes& entry);
  /// Which snapshots back each other up, where that is not known yet.
  void look_at_snapshots();
  /// Tells the log again where the group begins: buffered on return.
  Result<EntryId> repeat_base();
  void forget_below(EntryId oldest);
  [[nodiscard]] bool is_born() const;
  [[nodiscard]] SharedLog& log() const { return log_; }
  [[nodiscard]] static Ended end(Leadership::Core& leader, const Error& why);

 private:
  friend class Leadership;
  friend struct Leadership::Core;
  struct Piece {
    std::uint64_t index = 0, count = 0;
    EntryId id{};
  };

  // All of these with mutex_ held.
  [[nodiscard]] Status usable() const;
  [[nodiscard]] Status writable() const;
  void poison(const Error& why) noexcept;
  [[nodiscard]] std::uint64_t last() const;
  [[nodiscard]] std::optional<std::uint64_t> known_term(std::uint64_t index) const;
  [[nodiscard]] BaseRecord base_now() const;
  Status check(const std::optional<HardState>& hard, std::span<const EntryBytes> entries) const;
  Status check_entries(std::span<const EntryBytes> entries) const;
  Status check_snapshot(const SnapshotInfo& info, bool install) const;
  Result<Ticket> write(const Batch& batch);
  Result<Ticket> write_entries(Batch batch, std::span<const EntryBytes> entries);
  Result<Ticket> write_base() noexcept;
  void begin_behind(SnapshotInfo info, bool agrees);
  Batch begin_batch();
  Status write_progress();
  void forget_from(std::uint64_t from);
  [[nodiscard]] Ended end_leadership();
  Result<std::vector<Piece>> locate(std::uint64_t first, std::uint64_t last,
                                    std::uint64_t bytes_max,
                                    std::vector<OwnedEntryBytes>& cached) const;
  // Without it.
  Status read_piece(const Piece& piece, std::uint64_t bytes_max, std::uint64_t& bytes,
                    std::vector<OwnedEntryBytes>& found) const;

  SharedLog& log_;
  const std::uint64_t number_;
  CheckpointFiles snapshots_;
  GroupImage image_{};  // until begin()

  mutable std::mutex mutex_;
  std::optional<Error> failure_{};
  Commands commands_{};
  HardState hard_{};
  Progress progress_{}, written_{};  // staged; what the log knows
  std::uint64_t first_ = 1, previous_term_ = 0;
  EntryIndex index_{};
  EntryCache cache_{};
  std::vector<std::uint64_t> configurations_{};
  std::optional<SnapshotInfo> snapshot_{};
  std::vector<Error> skipped_{};            // snapshots that open() passed over
  std::optional<std::uint64_t> covered_{};  // by a snapshot that another one backs up
  EntryId base_id_{}, last_id_{};
  std::weak_ptr<Leadership::Core> leader_{};
  std::string stored_type_{};  // of the commands, as the log has it
  bool was_replaced_ = false;  // by the snapshot, of which the log was not told yet
  bool is_attached_ = false, is_closed_ = false;
  bool is_replaced_ = false;  // by a snapshot that is being committed
};

[[nodiscard]] Error invalid(std::string message);
[[nodiscard]] Error no_memory() noexcept;

}  // namespace walkit::raft
