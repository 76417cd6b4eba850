#pragma once

namespace walkit::testing {

/// What a device and its file system may make of that which no sync made durable, and of a sync
/// that fails. Take one of the models below, or set the fields of one.
///
/// The models of file systems are narrower than weakest_posix(): each of their states is one of
/// its states, as far as crashes go. Beyond what walkit assumes of a device, see is_legal(),
/// nothing can keep all that was acknowledged; a test asks there that a loss is told. A value.
struct CrashModel {
  const char* name = "weakest_posix";  // in messages

  /// Which changes of names a power cut keeps, and how far a sync of one directory reaches.
  enum class Names {
    any_subset,     // any of them; a sync makes the names of its directory durable
    ordered_prefix  // the first few (one journal); any sync of a directory makes all durable
  } names = Names::any_subset;

  /// Whether a power cut may leave a file longer than its data.
  enum class Sizes {
    independent,  // the size may be there without the data, which then reads as zeros
    ordered       // a file grows only when the data written until then is on the device
  } sizes = Sizes::independent;

  /// What a power cut makes of a sector on its way.
  enum class Sectors {
    torn,    // old, new, or a byte prefix of the new followed by the old
    whole,   // old or new
    garbage  // any of torn, or bytes that nobody wrote
  } sectors = Sectors::torn;

  /// What reads where a file grew and no data landed.
  enum class Growth {
    zeros,
    stale  // or what another file had there, or bytes that nobody wrote
  } growth = Growth::zeros;

  /// What comes after a failed sync. Always: part of what was to be written landed, the rest is
  /// taken for clean and gone with the cache, and each handle that was open is told once.
  enum class FailedSync {
    goes_on,       // later syncs answer success for what was lost
    may_shut_down  // or nothing can be changed any more until the next power cut
  } failed_sync = FailedSync::goes_on;

  /// File::sync makes the file's name durable too; with ordered_prefix all names.
  bool sync_keeps_name = false;
  /// Bytes written over others need room until they are synced, as where nothing is written in
  /// place.
  bool overwriting_needs_room = false;
  /// A sync may do what a failed one does, and answer success.
  bool sync_may_lie = false;

  /// All that POSIX allows, in whatever combination: who survives it survives the next three.
  [[nodiscard]] static constexpr CrashModel weakest_posix() { return {}; }
  /// ext4 with data=ordered, its default.
  [[nodiscard]] static constexpr CrashModel ext4() {
    return {.name = "ext4",
            .names = Names::ordered_prefix,
            .sizes = Sizes::ordered,
            .sync_keeps_name = true};
  }
  [[nodiscard]] static constexpr CrashModel xfs() {
    return {.name = "xfs",
            .names = Names::ordered_prefix,
            .sizes = Sizes::ordered,
            .failed_sync = FailedSync::may_shut_down,
            .sync_keeps_name = true};
  }
  [[nodiscard]] static constexpr CrashModel btrfs() {
    return {.name = "btrfs",
            .sizes = Sizes::ordered,
            .sectors = Sectors::whole,
            .failed_sync = FailedSync::may_shut_down,
            .sync_keeps_name = true,
            .overwriting_needs_room = true};
  }
  /// A device without the power to finish the sectors it is writing.
  [[nodiscard]] static constexpr CrashModel garbage_in_flight() {
    return {.name = "garbage_in_flight", .sectors = Sectors::garbage};
  }
  /// ext4 with data=writeback, and others that give out blocks before they are written.
  [[nodiscard]] static constexpr CrashModel stale_blocks() {
    return {.name = "stale_blocks", .growth = Growth::stale};
  }
  /// A device that answers a flush from its cache, or loses a write.
  [[nodiscard]] static constexpr CrashModel lying_disk() {
    return {.name = "lying_disk", .sync_may_lie = true};
  }

  /// Whether what was acknowledged has to survive: docs/durability.md says what walkit assumes.
  [[nodiscard]] constexpr bool is_legal() const {
    return sectors != Sectors::garbage && growth == Growth::zeros && !sync_may_lie;
  }
};

}  // namespace walkit::testing
