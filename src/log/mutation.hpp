#pragma once

namespace walkit::log {

/// A step of the protocol, left out on purpose. The crash tests are run over a core built with
/// WALKIT_MUTATIONS, where each of these must be found out; elsewhere mutated() is a constant
/// false.
enum class Mutation {
  none,
  acknowledge_before_sync,
  watermark_ahead_of_sync,
  no_directory_sync,
  no_sync_at_rotation,
  append_in_place,
  resync_instead_of_rewrite,
  rename_before_sync,
  manifest_without_sync,
  retry_failed_sync,
  later_frame_proves_damage
};

#ifdef WALKIT_MUTATIONS
extern thread_local Mutation mutation;
[[nodiscard]] inline bool mutated(Mutation which) noexcept { return mutation == which; }
#else
[[nodiscard]] constexpr bool mutated(Mutation) noexcept { return false; }
#endif

}  // namespace walkit::log
