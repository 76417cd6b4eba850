#pragma once

#include <mutex>
#include <semaphore>
#include <set>

#include "walkit/checkpoint/checkpoint_files.hpp"

namespace walkit {

/// What the handles of one store share.
struct CheckpointFiles::Shared {
  /// Waits for the one that is under way.
  class Turn {
   public:
    explicit Turn(Shared& shared) : shared_(shared) { shared_.saving.acquire(); }
    ~Turn() { shared_.saving.release(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Shared& shared_;
  };

  /// With the mutex.
  [[nodiscard]] Status names_known() const {
    if (!failed) return {};
    return Error{.code = Errc::poisoned,
                 .message =
                     "a sync of the checkpoints' folder failed: which names are durable is not "
                     "known",
                 .next_step = "check the device, then open the store again"};
  }

  std::binary_semaphore saving{1};  // one save or prune at a time; a Saving ends on any thread
  std::mutex mutex{};               // of what follows
  std::set<EntryId> verified{};     // by this store, when it wrote or read them
  bool settled = false;             // names found, or made, are durable
  bool failed = false;              // a sync of the folder: which names are durable is not known
};

namespace checkpoint {

// Fits into the string itself: there is no memory for more.
inline Error no_memory() noexcept { return {.code = Errc::no_memory, .message = "out of memory"}; }

/// Leftovers of saves that were interrupted.
Status sweep(Directory& folder);

}  // namespace checkpoint
}  // namespace walkit
