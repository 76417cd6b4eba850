#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"
#include "walkit/io/directory.hpp"

namespace walkit {

namespace checkpoint {
struct CheckpointEnd;
}  // namespace checkpoint

/// How far a checkpoint is. Each save is written, then read back.
struct CheckpointProgress {
  enum class Step { writing, reading } step = Step::writing;
  EntryId entry_id{};
  std::uint64_t state_bytes = 0;  // so far
};

struct CheckpointOptions {
  EntryType state_type{};  // instead of what State declares
  /// So many good ones stay, the newest by id; at least 2, so that a damaged one has a fall-back.
  std::uint32_t keep = 2;
  /// Of an encoded state, when it is written and when it is read: more is too_large.
  std::uint64_t max_bytes = std::uint64_t{1} << 30;
  Compression compression = Compression::none;  // of each 1 MiB; readers need no option
  std::string subdirectory = "checkpoints";
  /// Called for each MiB, by the thread that saves or loads; must not throw. none: nobody is told.
  std::function<void(const CheckpointProgress&)> progress{};

  /// invalid_argument names the field and its legal range.
  [[nodiscard]] Status validate() const;
};

/// One file of the store.
struct CheckpointInfo {
  EntryId entry_id{};            // complete up to this entry
  std::uint64_t bytes = 0;       // of the file
  std::string file{};            // in the store's folder
  std::uint64_t created_ns = 0;  // since 1970, information only; 0: its header is damaged
};

/// CheckpointStore's compiled half: states are bytes that a codec made. Each call does what the
/// call of the same name there says; an application uses that one. Any thread may call.
class CheckpointFiles {
 public:
  /// codec: the four characters that name who made the bytes; type: "" is not checked.
  struct Contents {
    std::uint32_t codec = 0;
    EntryType type{};
  };
  struct Save {
    EntryId through{}, log_durable_through{};
    LogIdentity log{};  // zeros: not known
  };
  struct Found {
    CheckpointInfo info{};
    LogIdentity log{};  // whose it is; zeros: not known
    std::uint32_t schema = 1;
    std::vector<Error> skipped{};  // newer, but damaged
  };
  using Write = std::function<Status(ByteSink&)>;
  using Take = std::function<Status(BytesView)>;

  /// contents: none reads any codec and type, as a tool does. Changes nothing.
  static Result<CheckpointFiles> open(std::shared_ptr<Directory> directory,
                                      CheckpointOptions options, std::optional<Contents> contents);

  /// A save under way, for a state that comes from elsewhere, piece by piece. One that is destroyed
  /// before commit() leaves nothing. Until then saves and prunes of this store wait. Holds what it
  /// needs, so the store may go first. One thread at a time.
  class Saving {
   public:
    Saving(Saving&&) noexcept;
    Saving& operator=(Saving&&) noexcept;
    ~Saving();
    [[nodiscard]] ByteSink& out();
    /// The first thing that went wrong, if anything did; nothing has changed then.
    [[nodiscard]] Status failure() const;
    /// Once, as the end of save().
    Status commit();
    /// commit() came so far that the next open may find it, whatever it answered.
    [[nodiscard]] bool may_be_saved() const;

   private:
    friend class CheckpointFiles;
    struct Work;
    explicit Saving(std::unique_ptr<Work> work);
    std::unique_ptr<Work> work_;
  };

  Status save(const Save& what, const Write& write);
  /// As save(), which waits for one that is under way. locked: one is.
  Result<Saving> begin(const Save& what);
  /// Gives the state at `id` piece by piece; `take` may have been given some of them when an error
  /// is the answer. not_found: there is none.
  Result<Found> read(EntryId id, const Take& take) const;
  /// With all of its bytes.
  Result<Found> load(EntryId id, Bytes& state) const;
  /// The newest up to `until` that verifies. not_found, corrupt.
  Result<Found> load_latest(EntryId until, Bytes& state) const;
  Result<std::vector<CheckpointInfo>> list() const;
  Result<std::vector<std::string>> other_files() const;
  Result<std::vector<Error>> verify() const;
  Result<std::vector<CheckpointInfo>> plan_prune() const;
  Result<std::vector<CheckpointInfo>> prune();
  /// Durable is then that those are there: see settle().
  Result<EntryId> covered_through() const;
  /// Durable on return: what is there. A process that was killed may have left a name in the page
  /// cache alone, and nothing may be given up for a checkpoint that a power cut can still take
  /// away. Once per store; saves do it too. poisoned: a sync of the folder failed before.
  Status settle() const;
  /// All that are there, into the same subdirectory of `empty_target`, durable on return, by hard
  /// links where the directory can: a checkpoint is never written again. For back_up().
  Result<std::vector<CheckpointInfo>> copy_to(const std::shared_ptr<Directory>& empty_target) const;

  [[nodiscard]] const CheckpointOptions& options() const { return options_; }

 private:
  struct Shared;

  CheckpointFiles(std::shared_ptr<Directory> directory, CheckpointOptions options,
                  std::optional<Contents> contents);

  void tell(CheckpointProgress::Step step, EntryId id, std::uint64_t bytes) const;
  Result<std::shared_ptr<Directory>> folder() const;
  Result<Found> read_file(Directory& folder, EntryId id, const Take& take, Bytes* whole) const;
  Result<Found> read_one(EntryId id, const Take& take, Bytes* whole) const;
  Status verify_once(Directory& folder, EntryId id) const;
  Result<std::vector<EntryId>> newest_good(Directory& folder) const;
  Result<Saving> begin_alone(const Save& what);
  Status read_back(Directory& folder, EntryId through, const checkpoint::CheckpointEnd& end) const;
  Status publish(Directory& folder, EntryId through);
  Status sync_names(Directory& folder) const;
  Result<std::vector<CheckpointInfo>> older_than_kept(Directory& folder) const;
  Result<std::vector<CheckpointInfo>> remove_older(Directory& folder) const;

  std::shared_ptr<Directory> directory_;
  CheckpointOptions options_;
  std::optional<Contents> contents_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace walkit
