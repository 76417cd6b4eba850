#pragma once

namespace walkit {

/// A step of the protocol, left out on purpose. The sweeps of tests/crash are run over a core built
/// with WALKIT_MUTATIONS, where each of these must be found out; elsewhere mutated() is a constant
/// false. docs/mutants.md says what each breaks.
enum class Mutation {
  none,
  // An append, up to its acknowledgement.
  acknowledge_before_sync,
  watermark_ahead_of_sync,
  lock_before_sync,
  lock_not_written,
  retry_failed_sync,
  failure_forgotten,
  failed_write_counts_whole,
  id_before_room,
  batch_over_frames,
  compression_not_flagged,
  // Files and their names.
  no_directory_sync,
  rename_before_sync,
  no_sync_at_rotation,
  seal_without_sync,
  birth_without_sync,
  manifest_without_sync,
  manifest_before_segment,
  manifest_over_both_slots,
  manifest_over_older_slot,
  close_marker_before_sync,
  // Opening what a crash left.
  append_in_place,
  resync_instead_of_rewrite,
  unproven_taken_for_proven,
  epoch_not_raised,
  ids_given_again,
  later_frame_proves_damage,
  torn_taken_for_damage,
  watermark_not_asked,
  torn_by_shape_alone,
  shape_not_asked,
  zeros_end_the_log,
  no_look_behind_the_fault,
  // Reading.
  read_error_ends_the_file,
  file_header_sum_not_checked,
  header_sum_not_checked,
  body_sum_not_checked,
  salt_left_out,
  chain_not_checked,
  offset_not_checked,
  end_of_segment_not_checked,
  hole_passed_over,
  later_entry_for_one_gone,
  reader_beyond_durable,
  follower_beyond_durable,
  seal_index_trusted,
  // Repair.
  repair_names_in_order,
  repair_manifest_first,
  repair_old_away_first,
  // Care of a log.
  trim_before_manifest,
  trim_in_one_slot,
  trim_newest_first,
  trim_without_directory_sync,
  marker_without_sync,
  continue_old_away_first,
  pin_without_directory_sync,
  trim_does_not_ask_pins,
  backup_list_first,
  backup_without_sync,
  // Checkpoints.
  checkpoint_without_sync,
  checkpoint_name_not_synced,
  checkpoint_not_read_back,
  checkpoint_ahead_of_log,
  checkpoint_older_removed_first,
  piece_sum_not_checked,
  covered_by_newest_checkpoint,
  count
};

#ifdef WALKIT_MUTATIONS
extern thread_local Mutation mutation;
[[nodiscard]] inline bool mutated(Mutation which) noexcept { return mutation == which; }
#else
[[nodiscard]] constexpr bool mutated(Mutation) noexcept { return false; }
#endif

}  // namespace walkit
