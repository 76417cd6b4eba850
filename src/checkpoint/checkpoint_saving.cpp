#include <new>
#include <optional>
#include <string>
#include <utility>

#include "base/mutation.hpp"
#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/checkpoint_shared.hpp"
#include "checkpoint/checkpoint_writer.hpp"
#include "walkit/checkpoint/checkpoint_files.hpp"

namespace walkit {

using namespace checkpoint;

/// The file under its temporary name, and what must stay as it is until the rename.
struct CheckpointFiles::Saving::Work {
  Work(CheckpointFiles files, const Save& save) : store(std::move(files)), what(save) {}
  ~Work() {
    if (home && !committed) remove_temporary();
    lock.reset();
    store.shared_->saving.release();
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  void remove_temporary() noexcept try {
    writer.reset();
    home->remove(temporary_name(what.through)).ignore("the next save removes a leftover");
  } catch (const std::bad_alloc&) {
    // So it does here.
  }

  CheckpointFiles store;
  Save what;
  std::shared_ptr<Directory> home{};
  std::unique_ptr<DirectoryLock> lock{};
  std::optional<CheckpointWriter> writer{};
  std::optional<ByteSink> sink{};
  bool committed = false;
};

CheckpointFiles::Saving::Saving(std::unique_ptr<Work> work) : work_(std::move(work)) {}
CheckpointFiles::Saving::Saving(Saving&&) noexcept = default;
auto CheckpointFiles::Saving::operator=(Saving&&) noexcept -> Saving& = default;
CheckpointFiles::Saving::~Saving() = default;

ByteSink& CheckpointFiles::Saving::out() { return *work_->sink; }

Status CheckpointFiles::Saving::failure() const {
  if (work_->sink->overflowed()) {
    return Error{.code = Errc::too_large,
                 .message = "the state takes more than max_bytes = " +
                            std::to_string(work_->sink->bytes_max()),
                 .next_step = "raise CheckpointOptions::max_bytes"};
  }
  if (const auto& failure = work_->writer->failure()) return *failure;
  return {};
}

bool CheckpointFiles::Saving::may_be_saved() const { return work_ && work_->committed; }

namespace checkpoint {

Status sweep(Directory& folder) {
  const auto names = folder.list();
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (!is_temporary_name(name)) continue;
    if (Status ok = folder.remove(name); !ok) return ok;
  }
  return {};
}

}  // namespace checkpoint

// With the semaphore held, which is given back whatever happens.
auto CheckpointFiles::begin_alone(const Save& what) -> Result<Saving> try {
  std::unique_ptr<Saving::Work> work;
  try {
    work = std::make_unique<Saving::Work>(*this, what);
  } catch (const std::bad_alloc&) {
    shared_->saving.release();
    return no_memory();
  }
  {
    const std::lock_guard lock(shared_->mutex);
    if (Status ok = shared_->names_known(); !ok) return std::move(ok).error();
  }
  auto home = directory_->subdirectory(options_.subdirectory, OpenMode::create);
  if (!home) return std::move(home).error();
  auto lock = (*home)->lock();
  if (!lock) return std::move(lock).error();
  if (Status ok = sweep(**home); !ok) return std::move(ok).error();
  auto file = (*home)->open(temporary_name(what.through), OpenMode::create);
  if (!file) return std::move(file).error();
  work->home = std::move(*home);
  work->lock = std::move(*lock);
  CheckpointHeader header{.log = what.log, .entry_id = what.through};
  header.created_ns = static_cast<std::uint64_t>(work->home->now().count());
  if (contents_) {
    header.codec = contents_->codec;
    header.schema = contents_->type.schema;
    header.type_name = contents_->type.name;
  }
  const auto tell_of = [store = &work->store, through = what.through](std::uint64_t bytes) {
    store->tell(CheckpointProgress::Step::writing, through, bytes);
  };
  work->writer.emplace(std::move(*file), std::move(header), options_.compression, tell_of);
  if (Status ok = work->writer->begin(); !ok) return std::move(ok).error();
  work->sink.emplace(*work->writer, options_.max_bytes);
  return Saving(std::move(work));
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status CheckpointFiles::read_back(Directory& folder, EntryId through,
                                  const CheckpointEnd& end) const {
  if (mutated(Mutation::checkpoint_not_read_back)) return {};
  auto reader = CheckpointReader::open_temporary(folder, through);
  if (!reader) return reader.error();
  for (;;) {
    const auto piece = reader->next(options_.max_bytes);
    if (!piece) return piece.error();
    if (!*piece) break;
    tell(CheckpointProgress::Step::reading, through, reader->seen().state_bytes);
  }
  if (reader->seen() == end) return {};
  return Error{.code = Errc::io,
               .message = "reads otherwise than it was written",
               .file = temporary_name(through),
               .next_step = "check the device; the checkpoints before it are as they were"};
}

// The rename is the commit point.
Status CheckpointFiles::publish(Directory& folder, EntryId through) {
#ifdef WALKIT_MUTATIONS
  if (mutated(Mutation::checkpoint_older_removed_first)) {
    const auto ids = list();
    const bool full = ids && ids->size() >= options_.keep;
    if (full) folder.remove(ids->front().file).ignore("this is the mutant");
  }
#endif
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->verified.erase(through);  // it may replace one of this id
  }
  Status ok = folder.rename({.from = temporary_name(through), .to = checkpoint_name(through)});
  if (!ok) return ok;
  if (!mutated(Mutation::checkpoint_name_not_synced)) ok = sync_names(folder);
  if (!ok) return ok;
  const std::lock_guard lock(shared_->mutex);
  shared_->settled = true;  // its folder was made durable before anything was written
  try {
    shared_->verified.insert(through);
  } catch (const std::bad_alloc&) {
    // It is read once more where that counts.
  }
  return ok;
}

Status CheckpointFiles::Saving::commit() try {
  if (!work_ || work_->committed) {
    return Error{.code = Errc::closed, .message = "this save was committed, or moved from"};
  }
  if (Status ok = failure(); !ok) return ok;
  const auto written = work_->writer->finish();
  if (!written) return written.error();
  CheckpointFiles& store = work_->store;
  const EntryId through = work_->what.through;
  if (Status ok = store.read_back(*work_->home, through, *written); !ok) return ok;
  work_->committed = true;  // or nobody knows: what was renamed, or not, is for the next open
  if (Status ok = store.publish(*work_->home, through); !ok) return ok;
  try {
    store.remove_older(*work_->home).ignore("it is saved; prune() tells what cannot be removed");
  } catch (const std::bad_alloc&) {
    // The next save removes them.
  }
  return {};
} catch (const std::bad_alloc&) {
  return no_memory();
}

namespace {

Status check_durable(const CheckpointFiles::Save& what) {
  if (what.through <= what.log_durable_through || mutated(Mutation::checkpoint_ahead_of_log)) {
    return {};
  }
  return Error{.code = Errc::invalid_argument,
               .message = "the log is durable through entry " +
                          to_string(what.log_durable_through) + ", the state is that at " +
                          to_string(what.through),
               .next_step = "sync the log first: a checkpoint must not know more than it"};
}

}  // namespace

Status CheckpointFiles::save(const Save& what, const Write& write) try {
  if (Status ok = check_durable(what); !ok) return ok;
  shared_->saving.acquire();
  auto saving = begin_alone(what);
  if (!saving) return std::move(saving).error();
  if (Status ok = write(saving->out()); !ok) return ok;
  return saving->commit();
} catch (const std::bad_alloc&) {
  return no_memory();
}

auto CheckpointFiles::begin(const Save& what) -> Result<Saving> try {
  if (Status ok = check_durable(what); !ok) return std::move(ok).error();
  if (!shared_->saving.try_acquire()) {
    return Error{.code = Errc::locked,
                 .message = "a checkpoint is being saved here",
                 .next_step = "commit it, or let it go, then begin the next"};
  }
  return begin_alone(what);
} catch (const std::bad_alloc&) {
  return no_memory();
}

}  // namespace walkit
