#pragma once

// Removing the front of a log: which files go, and their end. What makes them no part of the log is
// MANIFEST, which says where it begins: both slots of it, durable, before the first of them goes.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "log/care_place.hpp"
#include "log/survey.hpp"
#include "walkit/log/maintenance_reports.hpp"
#include "walkit/log/observer.hpp"

namespace walkit::log {

/// Files below a log's first segment, by what left them.
struct Leftovers {
  std::vector<std::string> of_trim{};  // which was stopped: to be removed
  std::vector<std::string> others{};   // of a repair, of another log, or not readable: kept
};
/// first: the header of the log's first segment; none: it has none.
Leftovers sort_leftovers(Directory& home, const Listing& listing, const SegmentHeader* first);

/// A trim, thought through and not yet done.
struct Trim {
  TrimPlan plan{};
  std::vector<std::string> files{};  // to be removed, oldest first, leftovers of another trim too
  std::vector<std::string> set_aside{};  // left by a repair, and to be kept: they go before
  std::optional<SegmentHeader> first{};  // of the first segment left; there if a file goes
  Listing listing{};
};
/// What is asked for: see WalMaintenance::trim_before().
struct TrimWish {
  EntryId keep{};
  Retention retention{};
  const PinBoard* pins = nullptr;   // of this process
  WalObserver* observer = nullptr;  // of the writer
};
/// Reads names, sizes, pins and a few headers. Changes nothing.
Result<Trim> think_trim_through(Directory& home, const TrimWish& wish);

/// Does it. begin_log: makes MANIFEST say, durably and in both slots, that the log begins with that
/// segment.
using BeginLog = std::function<Status(const SegmentHeader& first)>;
/// Thinks it through and does it, and gives the oldest entry left. Nobody pins meanwhile.
Result<EntryId> trim(Directory& home, const TrimWish& wish, const BeginLog& begin_log);

/// With no writer there, under its lock.
Result<EntryId> trim_offline(Directory& home, const TrimWish& wish);

/// In that order; durable on return. Those that are gone already do no harm.
Status remove_files(Directory& home, std::span<const std::string> files);

}  // namespace walkit::log
