#include "walkit/checkpoint/checkpoint_files.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <set>
#include <utility>

#include "base/mutation.hpp"
#include "base/stored_type.hpp"
#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/checkpoint_shared.hpp"

namespace walkit {

using namespace checkpoint;

namespace {

using Step = CheckpointProgress::Step;

Error invalid(std::string message) {
  return {.code = Errc::invalid_argument, .message = std::move(message)};
}

Error not_there() {
  return {.code = Errc::not_found,
          .message = "no checkpoint was saved here",
          .next_step = "save one, or replay the whole log"};
}

Error none_is_good(const std::vector<Error>& skipped) {
  Error error = skipped.front();
  error.code = Errc::corrupt;
  error.message = "none of the " + std::to_string(skipped.size()) +
                  " checkpoints verifies; the newest: " + error.message;
  error.next_step = "replay the log from its beginning if it reaches back, or restore a backup";
  return error;
}

// All of them are there, sorted by id.
Result<std::vector<EntryId>> ids_in(Directory& folder) {
  const auto names = folder.list();
  if (!names) return names.error();
  std::vector<EntryId> ids;
  for (const std::string& name : *names) {
    if (const auto id = parse_checkpoint_name(name)) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

// What does not read, does not verify or is gone is passed over where there is another one.
bool may_be_skipped(const Error& error) {
  return error.code == Errc::corrupt || error.code == Errc::io || error.code == Errc::not_found;
}

}  // namespace

Status CheckpointOptions::validate() const {
  if (keep < 2) return invalid("keep: at least 2, so that a damaged checkpoint has a fall-back");
  if (max_bytes == 0) return invalid("max_bytes: at least 1");
  if (compression < Compression::none || compression > Compression::zstd) {
    return invalid("compression: none, lz4 or zstd");
  }
  if (!is_file_name(subdirectory)) return invalid("subdirectory: one component of a path");
  return {};
}

CheckpointFiles::CheckpointFiles(std::shared_ptr<Directory> directory, CheckpointOptions options,
                                 std::optional<Contents> contents)
    : directory_(std::move(directory)),
      options_(std::move(options)),
      contents_(contents),
      shared_(std::make_shared<Shared>()) {}

Result<CheckpointFiles> CheckpointFiles::open(std::shared_ptr<Directory> directory,
                                              CheckpointOptions options,
                                              std::optional<Contents> contents) try {
  if (!directory) return invalid("the directory is a null pointer");
  if (Status ok = options.validate(); !ok) return ok.error();
  if (contents && !options.state_type.name.empty()) contents->type = options.state_type;
  if (contents && contents->type.name.size() > kTypeNameBytesMax) {
    return invalid("a state type's name is at most " + std::to_string(kTypeNameBytesMax) +
                   " bytes");
  }
  return CheckpointFiles(std::move(directory), std::move(options), contents);
} catch (const std::bad_alloc&) {
  return no_memory();
}

void CheckpointFiles::tell(CheckpointProgress::Step step, EntryId id, std::uint64_t bytes) const {
  if (options_.progress) options_.progress({step, id, bytes});
}

// not_found: nothing was ever saved.
Result<std::shared_ptr<Directory>> CheckpointFiles::folder() const {
  auto folder = directory_->subdirectory(options_.subdirectory, OpenMode::read);
  if (!folder && folder.error().code == Errc::not_found) return not_there();
  return folder;
}

// Reads one to its end: what it answers was verified.
Result<CheckpointFiles::Found> CheckpointFiles::read_file(Directory& folder, EntryId id,
                                                          const Take& take, Bytes* whole) const {
  auto reader = CheckpointReader::open(folder, id);
  if (!reader) return reader.error();
  const CheckpointHeader& header = reader->header();
  if (contents_) {
    const StoredType mine{contents_->codec, std::string(contents_->type.name),
                          contents_->type.schema};
    Status ok = check_type({header.codec, header.type_name, header.schema}, mine, reader->file(),
                           "a state");
    if (!ok) return std::move(ok).error();
  }
  if (whole != nullptr) {
    whole->clear();
    whole->reserve(std::min(reader->file_bytes(), options_.max_bytes));
  }
  for (;;) {
    const auto piece = reader->next(options_.max_bytes);
    if (!piece) return piece.error();
    if (!*piece) break;
    if (whole != nullptr) whole->insert(whole->end(), (*piece)->begin(), (*piece)->end());
    if (take) {
      if (Status ok = take(**piece); !ok) return std::move(ok).error();
    }
    tell(Step::reading, id, reader->seen().state_bytes);
  }
  const std::lock_guard lock(shared_->mutex);
  shared_->verified.insert(id);
  return Found{.info = {.entry_id = id,
                        .bytes = reader->file_bytes(),
                        .file = reader->file(),
                        .created_ns = header.created_ns},
               .log = header.log,
               .schema = header.schema};
}

Result<CheckpointFiles::Found> CheckpointFiles::read_one(EntryId id, const Take& take,
                                                         Bytes* whole) const try {
  const auto home = folder();
  if (!home) return home.error();
  auto found = read_file(**home, id, take, whole);
  if (!found && found.error().code == Errc::not_found) {
    return Error{.code = Errc::not_found,
                 .message = "there is no checkpoint at entry " + to_string(id),
                 .next_step = "list() tells which there are"};
  }
  return found;
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<CheckpointFiles::Found> CheckpointFiles::read(EntryId id, const Take& take) const {
  return read_one(id, take, nullptr);
}

Result<CheckpointFiles::Found> CheckpointFiles::load(EntryId id, Bytes& state) const {
  return read_one(id, {}, &state);
}

Result<CheckpointFiles::Found> CheckpointFiles::load_latest(EntryId until, Bytes& state) const try {
  const auto home = folder();
  if (!home) return home.error();
  const auto ids = ids_in(**home);
  if (!ids) return ids.error();
  std::vector<Error> skipped;
  for (auto id = ids->rbegin(); id != ids->rend(); ++id) {
    if (*id > until) continue;
    auto found = read_file(**home, *id, {}, &state);
    if (found) {
      found->skipped = std::move(skipped);
      return found;
    }
    if (!may_be_skipped(found.error())) return found;
    // Gone: another store of this folder dropped it.
    if (found.error().code != Errc::not_found) skipped.push_back(std::move(found).error());
  }
  if (skipped.empty()) return not_there();
  return none_is_good(skipped);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<std::vector<CheckpointInfo>> CheckpointFiles::list() const try {
  std::vector<CheckpointInfo> infos;
  const auto home = folder();
  if (!home && home.error().code == Errc::not_found) return infos;
  if (!home) return home.error();
  const auto ids = ids_in(**home);
  if (!ids) return ids.error();
  for (const EntryId id : *ids) {
    CheckpointInfo info{.entry_id = id, .file = checkpoint_name(id)};
    const auto file = (*home)->open(info.file, OpenMode::read);
    if (!file && file.error().code == Errc::not_found) continue;
    if (!file) return file.error();
    const auto bytes = (*file)->size();
    if (!bytes) return bytes.error();
    info.bytes = *bytes;
    const auto reader = CheckpointReader::open(**home, id);
    if (reader) info.created_ns = reader->header().created_ns;
    infos.push_back(std::move(info));
  }
  return infos;
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<std::vector<std::string>> CheckpointFiles::other_files() const try {
  const auto home = folder();
  if (!home && home.error().code == Errc::not_found) return std::vector<std::string>{};
  if (!home) return home.error();
  auto names = (*home)->list();
  if (!names) return names;
  std::erase_if(*names, [](const std::string& name) {
    return name == kLockFileName || parse_checkpoint_name(name).has_value();
  });
  return names;
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<std::vector<Error>> CheckpointFiles::verify() const try {
  std::vector<Error> damaged;
  const auto home = folder();
  if (!home && home.error().code == Errc::not_found) return damaged;
  if (!home) return home.error();
  const auto ids = ids_in(**home);
  if (!ids) return ids.error();
  for (const EntryId id : *ids) {
    auto found = read_file(**home, id, {}, nullptr);
    if (found || found.error().code == Errc::not_found) continue;
    if (found.error().code == Errc::no_memory) return found.error();
    damaged.push_back(std::move(found).error());
  }
  return damaged;
} catch (const std::bad_alloc&) {
  return no_memory();
}

// Reads it only where this store has not done so yet.
Status CheckpointFiles::verify_once(Directory& folder, EntryId id) const {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->verified.contains(id)) return {};
  }
  auto found = read_file(folder, id, {}, nullptr);
  if (!found) return std::move(found).error();
  return {};
}

// Up to `keep` of them, newest first.
Result<std::vector<EntryId>> CheckpointFiles::newest_good(Directory& folder) const {
  const auto ids = ids_in(folder);
  if (!ids) return ids.error();
  std::vector<EntryId> good;
  for (auto id = ids->rbegin(); id != ids->rend() && good.size() < options_.keep; ++id) {
    Status ok = verify_once(folder, *id);
    if (ok) {
      good.push_back(*id);
    } else if (!may_be_skipped(ok.error())) {
      return std::move(ok).error();
    }
  }
  return good;
}

Status CheckpointFiles::settle() const try {
  {
    const std::lock_guard lock(shared_->mutex);
    if (Status ok = shared_->names_known(); !ok || shared_->settled) return ok;
  }
  const auto home = folder();
  if (!home && home.error().code == Errc::not_found) return {};
  if (!home) return home.error();
  if (Status ok = sync_names(*directory_); !ok) return ok;
  if (Status ok = sync_names(**home); !ok) return ok;
  const std::lock_guard lock(shared_->mutex);
  shared_->settled = true;
  return {};
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status CheckpointFiles::sync_names(Directory& folder) const {
  Status ok = folder.sync();
  if (ok) return ok;
  const std::lock_guard lock(shared_->mutex);
  shared_->failed = true;
  return ok;
}

Result<EntryId> CheckpointFiles::covered_through() const try {
  const auto home = folder();
  if (!home && home.error().code == Errc::not_found) return EntryId{};
  if (!home) return home.error();
  const auto good = newest_good(**home);
  if (!good) return good.error();
  if (Status ok = settle(); !ok) return ok.error();
  if (mutated(Mutation::covered_by_newest_checkpoint) && !good->empty()) return good->front();
  return good->size() < options_.keep ? EntryId{} : good->back();
} catch (const std::bad_alloc&) {
  return no_memory();
}

// Oldest first; what is damaged goes when it is older than all that stay.
Result<std::vector<CheckpointInfo>> CheckpointFiles::older_than_kept(Directory& folder) const {
  std::vector<CheckpointInfo> older;
  const auto good = newest_good(folder);
  if (!good) return good.error();
  if (good->size() < options_.keep) return older;
  const auto ids = ids_in(folder);
  if (!ids) return ids.error();
  for (const EntryId id : *ids) {
    if (id >= good->back()) break;
    CheckpointInfo info{.entry_id = id, .file = checkpoint_name(id)};
    if (const auto file = folder.open(info.file, OpenMode::read)) {
      info.bytes = (*file)->size().value_or(0);
    }
    older.push_back(std::move(info));
  }
  return older;
}

Result<std::vector<CheckpointInfo>> CheckpointFiles::remove_older(Directory& folder) const {
  auto older = older_than_kept(folder);
  if (!older || older->empty()) return older;
  if (Status ok = settle(); !ok) return ok.error();
  for (const CheckpointInfo& info : *older) {
    if (Status ok = folder.remove(info.file); !ok) return ok.error();
    const std::lock_guard lock(shared_->mutex);
    shared_->verified.erase(info.entry_id);
  }
  if (Status ok = sync_names(folder); !ok) return ok.error();
  return older;
}

Result<std::vector<CheckpointInfo>> CheckpointFiles::plan_prune() const try {
  const auto home = folder();
  if (!home && home.error().code == Errc::not_found) return std::vector<CheckpointInfo>{};
  if (!home) return home.error();
  return older_than_kept(**home);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<std::vector<CheckpointInfo>> CheckpointFiles::prune() try {
  const Shared::Turn one_at_a_time(*shared_);
  const auto home = directory_->subdirectory(options_.subdirectory, OpenMode::write);
  if (!home && home.error().code == Errc::not_found) return std::vector<CheckpointInfo>{};
  if (!home) return home.error();
  const auto lock = (*home)->lock();
  if (!lock) return lock.error();
  if (Status ok = sweep(**home); !ok) return ok.error();
  return remove_older(**home);
} catch (const std::bad_alloc&) {
  return no_memory();
}

}  // namespace walkit
