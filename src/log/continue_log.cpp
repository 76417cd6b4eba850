#include "log/continue_log.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "base/little_endian.hpp"
#include "base/mutation.hpp"
#include "log/log_builder.hpp"
#include "log/quarantine.hpp"

namespace walkit::log {
namespace {

// The newest id that the log holds, or that anything says it held.
Result<EntryId> newest_id(Directory& home, const SalvageSources& sources) {
  EntryId newest = sources.watermark;
  if (sources.segments.empty()) return newest;
  SalvageSources last = sources;
  last.segments = {sources.segments.back()};
  last.begin = last.segments.front().header.first;
  last.begin_missing = false;
  newest = std::max(newest, last.begin - 1);
  SalvageScanner scanner(home, std::move(last), {});
  for (;;) {
    const auto piece = scanner.next();
    if (!piece) return piece.error();
    if (!*piece) break;
    newest = std::max(newest, (*piece)->frame.header.last());
  }
  for (std::size_t i = 0; i < scanner.gaps().size(); ++i) {
    if (scanner.is_recorded(i)) newest = std::max(newest, scanner.gaps()[i].lost.last);
  }
  return newest;
}

// An empty log that begins there, and nothing behind it to be judged.
bool is_so_already(Directory& home, EntryId through, const LogIdentity& log) {
  const auto listing = list_log(home);
  const ManifestSlot* slot = listing ? listing->manifest_slot() : nullptr;
  return slot != nullptr && listing->manifest->faults.empty() && listing->segments.empty() &&
         slot->last_segment == 0 && slot->begins_after == through &&
         (log == LogIdentity{} || slot->log == log);
}

// Above all epochs that are known. Where the log that had this identity is gone, its epochs are
// not: then by chance, in a range that counting does not reach, so that (epoch, id) names one
// entry.
std::uint64_t next_epoch(Directory& home, const SalvageSources& sources, const LogIdentity& log) {
  if (log == LogIdentity{} || sources.log == log) return sources.epoch + 1;
  constexpr std::uint64_t kBeyondCounting = std::uint64_t{1} << 48;
  std::array<std::byte, 8> chance{};
  home.random_bytes(std::span(chance).first(6));
  return std::max(sources.epoch, kBeyondCounting + load_le<std::uint64_t>(chance.data())) + 1;
}

Result<ManifestSlot> slot_behind(Directory& home, const SalvageSources& sources, EntryId through,
                                 const LogIdentity& log) {
  std::uint64_t number = 0;
  for (const SegmentFile& file : sources.listing.segments) {
    number = std::max(number, file.name.number);
  }
  if (const ManifestSlot* slot = sources.slot()) number = std::max(number, slot->last_segment);
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  if (number == kMost || sources.epoch == kMost) {
    return Error{.code = Errc::too_large,
                 .message = "no epochs or segment numbers are left in this log"};
  }
  ManifestSlot slot{.log = log,
                    .epoch = next_epoch(home, sources, log),
                    .first_segment = number == 0 ? 0 : number + 1,
                    .durable_through = through,
                    .clean = true,
                    .begins_after = through};
  if (log == LogIdentity{}) home.random_bytes(slot.log);
  return slot;
}

// A copy, so that there is a MANIFEST at every moment. One that cannot be read goes itself.
Status keep_manifest(Directory& home) {
  const auto bytes = read_start(home, kManifestName, kManifestBytes);
  if (bytes) {
    auto quarantine = Quarantine::open(home);
    return quarantine ? quarantine->keep_copy(std::string(kManifestName), *bytes)
                      : Status(quarantine.error());
  }
  if (bytes.error().code == Errc::not_found) return {};
  return set_aside(home, {std::string(kManifestName)});
}

}  // namespace

// The old log is the log until MANIFEST is another; from then on its segments are below the first
// and no part of it.
Status continue_log(Directory& home, EntryId through, const LogIdentity& log) {
  const auto sources = find_sources(home, {});
  if (!sources) return sources.error();
  if (sources->newer) return *sources->newer;
  std::vector<std::string> old;
  for (const SegmentFile& file : sources->listing.segments) old.push_back(file.file);
  if (!is_so_already(home, through, log)) {
    const auto newest = newest_id(home, *sources);
    if (!newest) return newest.error();
    if (*newest > through) {
      return Error{.code = Errc::invalid_argument,
                   .message = "the log holds entries through " + to_string(*newest) +
                              ", or something says that it did",
                   .lost = {through + 1, *newest},
                   .next_step = "read them, or go on behind them"};
    }
    const auto slot = slot_behind(home, *sources, through, log);
    if (!slot) return slot.error();
    if (mutated(Mutation::continue_old_away_first)) {
      if (Status ok = set_aside(home, old); !ok) return ok;
    }
    if (Status ok = keep_manifest(home); !ok) return ok;
    if (Status ok = write_temporary_manifest(home, *slot); !ok) return ok;
    if (Status ok = publish_temporary_manifest(home); !ok) return ok;
  }
  if (!mutated(Mutation::continue_old_away_first)) {
    if (Status ok = set_aside(home, old); !ok) return ok;
  }
  for (const std::string& file : sources->listing.temporary_files) {
    Status ok = home.remove(file);
    if (!ok && ok.error().code != Errc::not_found) return ok;
  }
  return home.sync();
}

}  // namespace walkit::log
