#include <algorithm>
#include <set>
#include <string>

#include "checkpoint/checkpoint_format.hpp"
#include "crash/sweeps.hpp"
#include "walkit/checkpoint/checkpoint_files.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;

constexpr std::uint64_t kSaves = 4;
constexpr std::uint32_t kKeep = 2;
constexpr int kStatesOfEach = 12;

Error violation(std::string what) { return {.code = Errc::corrupt, .message = std::move(what)}; }

// Some sectors long, and no two alike.
std::string state_at(EntryId id) {
  std::string state;
  while (state.size() < 1500) state += "state " + to_string(id) + ";";
  return state;
}

Result<CheckpointFiles> open(std::shared_ptr<Directory> directory, std::uint32_t keep = kKeep) {
  return CheckpointFiles::open(std::move(directory), {.keep = keep}, std::nullopt);
}

Status save(CheckpointFiles& store, EntryId id, EntryId durable) {
  return store.save({.through = id, .log_durable_through = durable}, [&](ByteSink& sink) -> Status {
    sink.write(state_at(id));
    return {};
  });
}

// Until a call fails. Which one was acknowledged last.
EntryId save_some(const std::shared_ptr<Directory>& directory, std::uint32_t keep = kKeep) {
  EntryId acknowledged;
  auto store = open(directory, keep);
  for (std::uint64_t n = 1; store && n <= kSaves; ++n) {
    const EntryId id{10 * n};
    if (!save(*store, id, id)) break;
    acknowledged = id;
  }
  return acknowledged;
}

// What the next boot finds: the last acknowledged or the one behind it, nothing damaged, the
// fall-back there, and no file but checkpoints and what the next save sweeps.
Status check(const std::shared_ptr<CrashDirectory>& left, EntryId acknowledged) {
  auto store = open(left);
  if (!store) return store.error();
  const auto damaged = store->verify();
  if (!damaged) return damaged.error();
  if (!damaged->empty())
    return violation("a crash left a damaged one: " + to_string(damaged->front()));
  Bytes state;
  const auto found = store->load_latest(EntryId::max(), state);
  const EntryId id = found ? found->info.entry_id : EntryId{};
  if (!found && found.error().code != Errc::not_found) return found.error();
  if (id < acknowledged) {
    return violation("the newest is " + to_string(id) + ", acknowledged was " +
                     to_string(acknowledged));
  }
  if (found && as_text(state) != state_at(id)) return violation("another state than was saved");
  const auto infos = store->list();
  if (!infos) return infos.error();
  if (infos->size() < std::min<std::uint64_t>(acknowledged.value / 10, kKeep)) {
    return violation("there is no fall-back");
  }
  // It goes on, and sweeps what was left.
  if (Status ok = save(*store, id + 10, id + 10); !ok) return ok;
  const auto others = store->other_files();
  if (!others) return others.error();
  return others->empty() ? Status{} : Status(violation("a leftover stays: " + others->front()));
}

// The power goes at each operation.
Status cut_everywhere(std::uint64_t& states) {
  for (std::uint64_t cut = 1;; ++cut) {
    const auto directory = CrashDirectory::create({.seed = cut});
    directory->cut_power_at(cut);
    const EntryId acknowledged = save_some(directory);
    for (int n = 0; n < kStatesOfEach; ++n) {
      ++states;
      const auto left = directory->crash(n == 0 ? Crash::process_kill : Crash::power_cut);
      if (Status ok = check(left, acknowledged); !ok) {
        Error error = ok.error();
        error.message += " (power lost at operation " + std::to_string(cut) + " of saving)";
        return error;
      }
    }
    if (directory->operation_count() < cut) return {};
  }
}

// The power goes while all but the newest go.
Status prune_everywhere(std::uint64_t& states) {
  const auto all = CrashDirectory::create();
  const EntryId acknowledged = save_some(all, kSaves);
  for (std::uint64_t cut = 1;; ++cut) {
    const auto directory = all->clone();
    directory->cut_power_at(cut);
    auto store = open(directory);
    const bool pruned = store && store->prune();
    for (int n = 0; n < kStatesOfEach; ++n, ++states) {
      const auto left = directory->crash(n == 0 ? Crash::process_kill : Crash::power_cut);
      const auto infos = open(left)->list();
      if (!infos) return infos.error();
      if (pruned && infos->size() != kKeep) return violation("what was pruned is back");
      if (Status ok = check(left, acknowledged); !ok) return ok;
    }
    if (directory->operation_count() < cut) return {};
  }
}

// Each operation fails once: an error, and what was there before stays.
Status fail_everywhere(std::uint64_t& states) {
  for (std::uint64_t at = 1;; ++at) {
    const auto directory = CrashDirectory::create({.seed = at});
    directory->fail_at(at, at % 2 == 0 ? Errc::io : Errc::no_space);
    const EntryId acknowledged = save_some(directory);
    ++states;
    if (Status ok = check(directory->crash(Crash::power_cut), acknowledged); !ok) return ok;
    if (directory->operation_count() < at) return {};
  }
}

// The log is not durable that far: then nothing is saved.
Status save_ahead(std::uint64_t& states) {
  const auto directory = CrashDirectory::create();
  auto store = open(directory);
  if (!store) return store.error();
  ++states;
  const Status saved = save(*store, EntryId{10}, EntryId{9});
  return saved ? Status(violation("a state was saved that the log may not reach")) : Status{};
}

// Every bit of the newest: it is passed over, nobody gets another state, and the log need not reach
// back further than it was said to.
Status damage_newest(std::uint64_t& states) {
  const auto directory = CrashDirectory::create();
  const EntryId newest = save_some(directory);
  const std::string path = "checkpoints/" + checkpoint::checkpoint_name(newest);
  const auto bytes = directory->read_file(path);
  if (!bytes) return bytes.error();
  const auto covered = open(directory)->covered_through();
  if (!covered) return covered.error();
  for (std::uint64_t bit = 0; bit < bytes->size() * 8; bit += 3, ++states) {
    const auto damaged = directory->clone();
    if (Status ok = damaged->flip_bit(path, bit); !ok) return ok;
    Bytes state;
    const auto found = open(damaged)->load_latest(EntryId::max(), state);
    if (!found) return found.error();
    const bool right = found->info.entry_id == newest - 10 && found->skipped.size() == 1 &&
                       as_text(state) == state_at(newest - 10);
    if (!right) return violation("a damaged state counts, bit " + std::to_string(bit));
    if (found->info.entry_id < *covered) return violation("the fall-back needs a trimmed log");
  }
  return {};
}

/// A device that keeps another bit than it was given, in the nth write.
class WrongWrites final : public testing::PassingDirectory {
 public:
  WrongWrites(std::shared_ptr<Directory> below, std::shared_ptr<std::uint64_t> writes_left)
      : PassingDirectory(std::move(below)), writes_left_(std::move(writes_left)) {}

 protected:
  std::unique_ptr<File> wrap_file(std::string_view, std::unique_ptr<File> file) override {
    return std::make_unique<WrongFile>(std::move(file), writes_left_);
  }
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view,
                                               std::shared_ptr<Directory> below) override {
    return std::make_shared<WrongWrites>(std::move(below), writes_left_);
  }

 private:
  class WrongFile final : public testing::PassingFile {
   public:
    WrongFile(std::unique_ptr<File> below, std::shared_ptr<std::uint64_t> writes_left)
        : PassingFile(std::move(below)), writes_left_(std::move(writes_left)) {}
    Status write_at(std::uint64_t offset, std::span<const BytesView> parts) override {
      if (--*writes_left_ != 0) return PassingFile::write_at(offset, parts);
      Bytes bytes;
      for (const BytesView part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
      bytes[bytes.size() / 2] ^= std::byte{1};
      const BytesView wrong[] = {bytes};
      return PassingFile::write_at(offset, wrong);
    }

   private:
    std::shared_ptr<std::uint64_t> writes_left_;
  };

  std::shared_ptr<std::uint64_t> writes_left_;
};

// What reads back otherwise was not saved.
Status write_wrongly(std::uint64_t& states) {
  for (std::uint64_t nth = 1;; ++nth, ++states) {
    const auto below = CrashDirectory::create();
    const auto left = std::make_shared<std::uint64_t>(nth);
    const EntryId acknowledged = save_some(std::make_shared<WrongWrites>(below, left));
    const bool was_met = *left == 0 || *left > nth;
    Bytes state;
    const auto found = open(below)->load_latest(EntryId::max(), state);
    const EntryId id = found ? found->info.entry_id : EntryId{};
    if (id < acknowledged) return violation("it was acknowledged, and does not read");
    if (!was_met) return {};
  }
}

}  // namespace

Status sweep_checkpoints(std::uint64_t& states) {
  for (const auto part : {cut_everywhere, prune_everywhere, fail_everywhere, save_ahead,
                          damage_newest, write_wrongly}) {
    if (Status ok = part(states); !ok) return ok;
  }
  return {};
}

}  // namespace walkit::crash
