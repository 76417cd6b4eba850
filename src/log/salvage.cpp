#include "log/salvage.hpp"

#include <algorithm>

#include "log/repair_plan.hpp"
#include "log/snapshot.hpp"

namespace walkit::log {
namespace {

constexpr int kLooksMax = 100;

// What a writer that comes, goes or rotates changes.
struct Evidence {
  bool live = false;
  std::optional<LockRecord> lock{};
  Bytes manifest{};
  friend bool operator==(const Evidence&, const Evidence&) = default;
};

Result<Evidence> evidence(Directory& home) {
  const auto live = home.is_locked();
  if (!live) return live.error();
  const auto lock = read_lock_record(home);
  if (!lock) return lock.error();
  auto manifest = read_start(home, kManifestName, kManifestBytes);
  return Evidence{*live, *lock, manifest ? std::move(*manifest) : Bytes{}};
}

// Beside a writer: what is durable. Known before the names, so that all of it is there.
Result<SalvageScanner::Limits> limits_of(Directory& home, const ReadOptions& options,
                                         const Evidence& seen) {
  SalvageScanner::Limits limits{.frame_bytes_max = options.frame_bytes_max,
                                .threads = options.threads};
  if (!seen.live) return limits;
  const auto manifest = read_manifest(home);
  const ManifestSlot* slot = manifest ? manifest->newest() : nullptr;
  if (seen.lock && slot != nullptr && seen.lock->log == slot->log) {
    limits.end = seen.lock->durable_through;
    return limits;
  }
  const auto snapshot =
      take_snapshot(home, options.expect_durable_through, options.frame_bytes_max);
  if (snapshot) {
    limits.end = snapshot->end;
  } else {
    limits.end = slot != nullptr ? slot->durable_through : EntryId{};
  }
  return limits;
}

}  // namespace

// A look during which a writer came, went or rotated is no evidence of damage.
Result<SalvageScanner> scan_of(Directory& home, const ReadOptions& options) {
  for (int looks = 1;; ++looks) {
    const auto before = evidence(home);
    if (!before) return before.error();
    const auto limits = limits_of(home, options, *before);
    if (!limits) return limits.error();
    auto sources = find_sources(home, options.expect_durable_through);
    const auto after = evidence(home);
    if (!after) return after.error();
    const bool moved = before->live != after->live || before->manifest != after->manifest ||
                       (!before->live && *before != *after);
    if (moved && looks < kLooksMax) continue;
    if (!sources) return sources.error();
    if (Status ok = check_something_is_there(*sources); !ok) return ok.error();
    return SalvageScanner(home, std::move(*sources), *limits);
  }
}

Result<std::unique_ptr<EntrySource>> Salvage::open(std::shared_ptr<Directory> directory,
                                                   const ReadOptions& options,
                                                   std::optional<StoredType> type,
                                                   ReplayRange range) {
  auto scanner = scan_of(*directory, options);
  if (!scanner) return scanner.error();
  return std::unique_ptr<EntrySource>(
      new Salvage(std::move(directory), std::move(type), range, std::move(*scanner)));
}

Result<bool> Salvage::next_entries(std::chrono::milliseconds /*timeout*/) {
  while (!ended_) {
    if (!entries_.empty()) return end(ReplaySummary::End::reached_last);
    const auto piece = scanner_.next();
    if (!piece) return piece.error();
    if (scanner_.gaps().size() != gaps_seen_) note_gaps();
    if (!*piece) return end(ReplaySummary::End::end_of_log);
    const SegmentHeader& segment = *(*piece)->segment;
    if (type_) {
      if (Status ok = check_type(segment, *type_, (*piece)->file); !ok) return ok.error();
    }
    const EntryId last = (*piece)->frame.header.last();
    summary_.proven_through = std::min(scanner_.watermark(), last);
    if (last < range_.first) continue;
    entries_ = entries_of((*piece)->frame, segment, (*piece)->file);
    entries_.begin_at(range_.first);
    if (range_.last) entries_.end_at(*range_.last);
    if (entries_.has_more()) return true;
  }
  return false;
}

// Holes are known once what stands behind them was read.
void Salvage::note_gaps() {
  gaps_seen_ = scanner_.gaps().size();
  summary_.gaps.clear();
  for (const Error& gap : scanner_.gaps()) {
    const bool before = gap.lost.last < range_.first;
    const bool behind = range_.last && gap.lost.first > *range_.last;
    if (!before && !behind) summary_.gaps.push_back(gap);
  }
}

bool Salvage::end(ReplaySummary::End how) {
  ended_ = true;
  note_gaps();
  summary_.end = how;
  const EntryId begin = scanner_.sources().begin;
  summary_.log = {begin, std::max(scanner_.expected() - 1, begin - 1)};
  summary_.log_identity = scanner_.sources().log;
  summary_.proven_through = std::min(scanner_.watermark(), summary_.entries.last);
  return false;
}

}  // namespace walkit::log
