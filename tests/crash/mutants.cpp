#include "crash/mutants.hpp"

#include "crash/workload.hpp"
#include "crash/worlds.hpp"

namespace walkit::crash {

Status sweep_worlds(std::uint64_t& states) {
  const std::uint64_t worlds = mutation == Mutation::none ? 500 : 40'000;
  WorldTotals totals;
  Status ok;
  for (std::uint64_t seed = 1; ok && seed <= worlds; ++seed) ok = live_one_world(seed, totals);
  states += totals.states;
  return ok;
}

namespace {

using testing::Crash;
using testing::CrashDirectory;

constexpr std::uint64_t kSamples = 3;  // crash states of each pair of operations

// The power goes at each operation of the second life.
Status cut_everywhere(const CrashDirectory& left, const Setup& setup, const Trace& trace,
                      const Model& model, std::uint64_t& states) {
  for (std::uint64_t cut = 1;; ++cut) {
    const auto second = left.clone();
    second->cut_power_at(cut);
    const Model now = run(second, setup, trace, model, 2);
    for (std::uint64_t sample = 0; sample < kSamples; ++sample, ++states) {
      if (Status ok = check(second->crash(Crash::power_cut), setup, now); !ok) return ok;
    }
    if (second->operation_count() < cut) return {};
  }
}

}  // namespace

Status sweep_lives(std::uint64_t& states) {
  const Setup setup;
  const Trace traces[] = {{Call::append}, {Call::append_large, Call::append_large, Call::append}};
  for (const Trace& trace : traces) {
    for (std::uint64_t point = 1;; ++point) {
      const auto first = CrashDirectory::create({.seed = point});
      first->fail_at(point, Errc::io);
      const Model model = run(first, setup, trace);
      const auto killed = first->crash(Crash::process_kill);
      if (Status ok = cut_everywhere(*killed, setup, {Call::append}, model, states); !ok) {
        Error error = ok.error();
        error.message += " (operation " + std::to_string(point) + " of the life before failed)";
        return error;
      }
      if (first->operation_count() < point) break;
    }
  }
  return {};
}

namespace {

constexpr NamedSweep kSweeps[] = {
    {"Worlds", &sweep_worlds},
    {"Lives", &sweep_lives},
    {"Damage", &sweep_damage},
    {"FailedReads", &sweep_failed_reads},
    {"Misplaced", &sweep_misplaced},
    {"Names", &sweep_names},
    {"BesideWriter", &sweep_beside_writer},
    {"Ids", &sweep_ids},
    {"WrongIndexes", &sweep_wrong_indexes},
    {"Repairs", &sweep_repairs},
    {"Trims", &sweep_trims},
    {"Markers", &sweep_markers},
    {"Continues", &sweep_continues},
    {"Pins", &sweep_pins},
    {"Backups", &sweep_backups},
    {"Checkpoints", &sweep_checkpoints},
};

using M = Mutation;

constexpr Mutant kMutants[] = {
    // An append, up to its acknowledgement.
    {M::acknowledge_before_sync, "AcknowledgeBeforeSync", "an append returns without a sync",
     "1: a power cut takes what was acknowledged", &sweep_worlds},
    {M::watermark_ahead_of_sync, "WatermarkAheadOfSync",
     "frames carry the watermark that their own sync is to make true",
     "4: a torn write is called lost acknowledged data", &sweep_worlds},
    {M::lock_before_sync, "LockBeforeSync", "LOCK says durable before the sync returned",
     "4: a torn write is called lost acknowledged data", &sweep_worlds},
    {M::lock_not_written, "LockNotWritten", "the durable id is not written into LOCK",
     "4: after a kill, damage to the last group looks like a torn write", &sweep_damage},
    {M::retry_failed_sync, "RetryFailedSync", "a sync that failed is asked for once more",
     "1 and 6: the second one says yes without writing", &sweep_worlds},
    {M::failure_forgotten, "FailureForgotten", "a failed write or sync refuses one call only",
     "6: what follows stands behind a hole, or is not on the device", &sweep_worlds},
    {M::failed_write_counts_whole, "FailedWriteCountsWhole",
     "a write that stopped midway counts as done", "1: its entries are acknowledged",
     &sweep_worlds},
    {M::id_before_room, "IdBeforeRoom", "an append that finds no room keeps its id",
     "6: `no_space` uses no id; the log goes on with a hole", &sweep_worlds},
    {M::batch_over_frames, "BatchOverFrames", "each entry of a batch has a frame of its own",
     "3: a crash keeps half of a batch", &sweep_worlds},
    {M::compression_not_flagged, "CompressionNotFlagged", "compressed frames have no flag",
     "1: their bytes are taken for entries", &sweep_worlds},
    // Files and their names.
    {M::no_directory_sync, "NoDirectorySync",
     "the folder is not synced when a segment has its name",
     "1: a power cut takes the whole segment", &sweep_worlds},
    {M::rename_before_sync, "RenameBeforeSync",
     "a segment has its name before its header is synced",
     "2: frames that were never durable count as written again", &sweep_worlds},
    {M::no_sync_at_rotation, "NoSyncAtRotation",
     "a segment is sealed before its last group is synced",
     "4: the seal's watermark may be on the device before what it vouches for", &sweep_worlds},
    {M::seal_without_sync, "SealWithoutSync", "a seal is not synced before the next segment",
     "4: a legal crash looks like damage", &sweep_worlds},
    {M::birth_without_sync, "BirthWithoutSync", "MANIFEST has its name before it is synced",
     "4: a log that was just born cannot be opened", &sweep_worlds},
    {M::manifest_without_sync, "ManifestWithoutSync", "a slot of MANIFEST is not synced",
     "4: both slots are torn, and nothing proves where the log ends", &sweep_worlds},
    {M::manifest_before_segment, "ManifestBeforeSegment",
     "MANIFEST names a segment before the folder does", "4: a legal crash looks like a lost file",
     &sweep_worlds},
    {M::manifest_over_both_slots, "ManifestOverBothSlots", "both slots are written at once",
     "4: a crash tears both", &sweep_worlds},
    {M::manifest_over_older_slot, "ManifestOverOlderSlot",
     "a life's first write goes over the older slot, not the newest",
     "4: the newest may never have reached the device, and then both are torn", &sweep_lives},
    {M::close_marker_before_sync, "CloseMarkerBeforeSync",
     "MANIFEST says closed before all is synced",
     "4: a crash in between looks like lost acknowledged data", &sweep_worlds},
    // Opening what a crash left.
    {M::append_in_place, "AppendInPlace", "a writer goes on behind the tail it found",
     "2 and 8: what it shows and goes on from is not durable", &sweep_worlds},
    {M::resync_instead_of_rewrite, "ResyncInsteadOfRewrite",
     "unproven frames are synced again instead of written again",
     "8: after a failed sync that says yes without writing", &sweep_worlds},
    {M::unproven_taken_for_proven, "UnprovenTakenForProven",
     "every frame that reads counts as durable", "8: what open showed goes at a power cut",
     &sweep_worlds},
    {M::epoch_not_raised, "EpochNotRaised", "a new life takes the epoch of the one before",
     "2: (epoch, id) names two entries", &sweep_names},
    {M::ids_given_again, "IdsGivenAgain",
     "ids go on behind the proven entries, not behind the last",
     "2: an id that was shown is given again", &sweep_worlds},
    {M::later_frame_proves_damage, "LaterFrameProvesDamage",
     "a good frame behind a hole proves that the hole was durable",
     "4: a legal crash looks like damage, since sectors land in any order", &sweep_worlds},
    {M::torn_taken_for_damage, "TornTakenForDamage", "a torn write is called damage",
     "4: a legal crash needs help", &sweep_worlds},
    {M::watermark_not_asked, "WatermarkNotAsked", "no witness is asked about a hole",
     "4: lost acknowledged data is cut as a torn write", &sweep_damage},
    {M::torn_by_shape_alone, "TornByShapeAlone",
     "what looks like a torn write is one, whatever a witness says",
     "4: a body cut short, as etcd once took it, loses acknowledged data", &sweep_damage},
    {M::shape_not_asked, "ShapeNotAsked", "any bytes may be those of a torn write",
     "4: damage that no crash leaves is cut as torn", &sweep_damage},
    {M::zeros_end_the_log, "ZerosEndTheLog", "zeros where a frame should be are the end",
     "4: a zeroed sector ends the log, as a zero length once did in etcd", &sweep_damage},
    {M::no_look_behind_the_fault, "NoLookBehindTheFault",
     "nobody looks for watermarks behind a hole",
     "4: lost acknowledged data is cut as a torn write", &sweep_damage},
    // Reading.
    {M::read_error_ends_the_file, "ReadErrorEndsTheFile",
     "a read that fails is the end of the file",
     "4: entries go for an error that may pass, as in RocksDB 6288", &sweep_failed_reads},
    {M::file_header_sum_not_checked, "FileHeaderSumNotChecked",
     "the checksum of segment, slot and LOCK is not compared",
     "11: a flipped bit of LOCK refuses the log", &sweep_damage},
    {M::header_sum_not_checked, "HeaderSumNotChecked", "that of a frame's header is not compared",
     "11: a flipped bit goes by unseen", &sweep_damage},
    {M::body_sum_not_checked, "BodySumNotChecked", "that of a frame's body is not compared",
     "11: an entry with other bytes is given", &sweep_damage},
    {M::salt_left_out, "SaltLeftOut", "checksums do not begin with the salt",
     "11: another log's frame at the same place is given", &sweep_misplaced},
    {M::chain_not_checked, "ChainNotChecked", "a frame need not name the one before it",
     "2: entries of two histories make one log", &sweep_misplaced},
    {M::offset_not_checked, "OffsetNotChecked", "a frame counts wherever it stands",
     "9: salvage passes over entries that still read", &sweep_misplaced},
    {M::end_of_segment_not_checked, "EndOfSegmentNotChecked",
     "nobody compares a segment's end with what its successor says",
     "2: entries of two histories make one log", &sweep_misplaced},
    {M::hole_passed_over, "HolePassedOver", "behind a hole replay goes on with the next segment",
     "5: entries behind a hole are given", &sweep_damage},
    {M::later_entry_for_one_gone, "LaterEntryForOneGone",
     "who asks for an entry that was trimmed gets the oldest one",
     "2: another entry in the place of one that is gone", &sweep_ids},
    {M::reader_beyond_durable, "ReaderBeyondDurable", "a replay beside the writer goes to the end",
     "7: it gives what a power cut takes back", &sweep_beside_writer},
    {M::follower_beyond_durable, "FollowerBeyondDurable", "a follower gives what was only flushed",
     "7: it gives what a power cut takes back", &sweep_beside_writer},
    {M::seal_index_trusted, "SealIndexTrusted", "a line of the index that does not fit is an error",
     "13: an index changes an answer", &sweep_wrong_indexes},
    // Repair.
    {M::repair_names_in_order, "RepairNamesInOrder", "new segments get their names first to last",
     "8 and 9: a crash leaves half a log that counts as whole", &sweep_repairs},
    {M::repair_manifest_first, "RepairManifestFirst",
     "the new MANIFEST comes before the new segments",
     "8 and 9: a crash leaves a log that is neither the old nor the new one", &sweep_repairs},
    {M::repair_old_away_first, "RepairOldAwayFirst",
     "old segments are set aside before the new ones have their names",
     "8 and 9: a crash leaves no log where one was", &sweep_repairs},
    // Care of a log.
    {M::trim_before_manifest, "TrimBeforeManifest", "files go before MANIFEST begins later",
     "8: a crash leaves a MANIFEST that names what is gone", &sweep_trims},
    {M::trim_in_one_slot, "TrimInOneSlot", "one slot of MANIFEST says where the log begins now",
     "8: when that one is torn, the other names what is gone", &sweep_trims},
    {M::trim_newest_first, "TrimNewestFirst", "files go newest first",
     "9: what is left of them has a hole, should MANIFEST be lost too", &sweep_trims},
    {M::trim_without_directory_sync, "TrimWithoutDirectorySync",
     "the folder is not synced when files are gone", "10: what was trimmed comes back",
     &sweep_trims},
    {M::marker_without_sync, "MarkerWithoutSync", "a marker is written and not synced",
     "1: one that was acknowledged is gone", &sweep_markers},
    {M::continue_old_away_first, "ContinueOldAwayFirst",
     "old segments are set aside before MANIFEST begins another log",
     "8 and 9: a crash leaves neither the old log nor the new one", &sweep_continues},
    {M::pin_without_directory_sync, "PinWithoutDirectorySync",
     "the folder of pins is not synced when one has its name",
     "10: entries are trimmed that were told to be held", &sweep_pins},
    {M::trim_does_not_ask_pins, "TrimDoesNotAskPins", "a trim asks no pin",
     "10: entries are trimmed that were told to be held", &sweep_pins},
    {M::backup_list_first, "BackupListFirst", "BACKUP is written before what it lists is whole",
     "10: a crash leaves half a backup that says that it is whole", &sweep_backups},
    {M::backup_without_sync, "BackupWithoutSync", "what was copied is not synced",
     "10: a crash leaves half a backup that says that it is whole", &sweep_backups},
    // Checkpoints.
    {M::checkpoint_without_sync, "CheckpointWithoutSync",
     "a checkpoint has its name before it is synced", "10: a power cut leaves half a state",
     &sweep_checkpoints},
    {M::checkpoint_name_not_synced, "CheckpointNameNotSynced",
     "the folder is not synced when a checkpoint has its name",
     "10: what was acknowledged is gone, and the older one removed", &sweep_checkpoints},
    {M::checkpoint_not_read_back, "CheckpointNotReadBack", "what was written is not read again",
     "10: a state that does not read counts as kept", &sweep_checkpoints},
    {M::checkpoint_ahead_of_log, "CheckpointAheadOfLog",
     "a state is saved whose entries are not durable",
     "10: after a power cut the state knows what the log does not", &sweep_checkpoints},
    {M::checkpoint_older_removed_first, "CheckpointOlderRemovedFirst",
     "the oldest goes before the new one has its name", "10: a crash between leaves no fall-back",
     &sweep_checkpoints},
    {M::piece_sum_not_checked, "PieceSumNotChecked",
     "the checksum of a part of a state is not compared", "11: another state is loaded",
     &sweep_checkpoints},
    {M::covered_by_newest_checkpoint, "CoveredByNewestCheckpoint",
     "the log is trimmed up to the newest checkpoint, not the oldest kept one",
     "10: where it is damaged, the fall-back lacks entries", &sweep_checkpoints},
};

}  // namespace

std::span<const NamedSweep> sweeps() { return kSweeps; }
std::span<const Mutant> mutants() { return kMutants; }

const char* name_of(Sweep sweep) {
  for (const NamedSweep& named : kSweeps) {
    if (named.run == sweep) return named.name;
  }
  return "";
}

}  // namespace walkit::crash
