#pragma once

// Each sweep puts one kind of fault to many states of a log and stops at the first promise that did
// not hold: that is the error. With the whole protocol none finds anything; with one step of it
// left out the sweep that docs/mutants.md names has to.

#include <cstdint>

#include "walkit/base/result.hpp"

namespace walkit::crash {

/// Counts the states it judged, the last one included.
using Sweep = Status (*)(std::uint64_t& states);

/// Random worlds: failed operations, kills, power cuts, crashes in recovery.
Status sweep_worlds(std::uint64_t& states);
/// A life in which each operation in turn fails, a kill, and a power cut at each operation of the
/// next life.
Status sweep_lives(std::uint64_t& states);
/// Bits, lengths, sectors and files of a log that was closed, killed or lost its power: nothing is
/// lost in silence, damage is not taken for a torn write, and LOCK alone refuses nothing.
Status sweep_damage(std::uint64_t& states);
/// Each read of a replay, and of opening for writing, fails once: an error, or all entries.
Status sweep_failed_reads(std::uint64_t& states);
/// Sectors that came from another place: another history of the log, another log, another frame.
Status sweep_misplaced(std::uint64_t& states);
/// What an id names, in lives whose last entries a power cut takes back: (epoch, id) one entry
/// only.
Status sweep_names(std::uint64_t& states);
/// A reader and a follower beside the writer: just what is durable.
Status sweep_beside_writer(std::uint64_t& states);
/// Each id asked for in every way, also where the log begins later: that entry or an error.
Status sweep_ids(std::uint64_t& states);
/// Seals whose index is wrong: no answer changes.
Status sweep_wrong_indexes(std::uint64_t& states);
/// Power lost at every operation of a repair: a second one finishes it, and nothing more is lost.
Status sweep_repairs(std::uint64_t& states);
/// Power lost at every operation of a trim, with a writer and without, and of the life behind it:
/// the log begins where it did or where it shall, and no file is left for ever.
Status sweep_trims(std::uint64_t& states);
/// Power lost at every operation of beginning an empty log in the place of an old one: there is the
/// one or the other, the same call finishes, and no byte of the old one is gone.
Status sweep_continues(std::uint64_t& states);
/// Power lost at every operation of who pins, moves and releases: what was told to be held is not
/// trimmed behind it.
Status sweep_pins(std::uint64_t& states);
/// Power lost at every operation of a backup, by links and by copies: one that says that it is
/// whole is, and the log is as it was.
Status sweep_backups(std::uint64_t& states);
/// Power lost at every operation of a writer that writes markers too: each that was acknowledged is
/// there, and costs no entry.
Status sweep_markers(std::uint64_t& states);
/// States saved beside a log: power lost and failures at every operation, bits flipped, a device
/// that keeps other bytes.
Status sweep_checkpoints(std::uint64_t& states);

}  // namespace walkit::crash
