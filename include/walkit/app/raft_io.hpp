#pragma once

#include <memory>

#include "walkit/app/raft_storage.hpp"
#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"

extern "C" {
struct raft_io;
struct uv_loop_s;
}

namespace walkit::raft {

/// C-Raft's (libraft) `struct raft_io` on a Raft log: term, vote, entries and snapshots are
/// walkit's; network, ticks, clock and random numbers are those of another raft_io, which
/// raft_uv_init() made. That one keeps nothing, but wants a folder of its own. Target
/// walkit::raft_io.
///
/// A call of raft answers when it is durable, as libraft asks: set_term and set_vote before they
/// return; append, snapshot_put and snapshot_get by their callbacks, in the loop. One that fails
/// later, by its callback, is the end: raft has in memory what the log has not. All later calls are
/// refused, and the server hears and answers nothing more until it asks for votes and is
/// RAFT_UNAVAILABLE: stop it. One that is refused at once changes nothing; from raft_apply()
/// RAFT_NOSPACE may pass, and RAFT_INVALID says that the length of the command is no multiple of
/// eight, with which libraft would hand it on with the wrong bytes. raft_errmsg() has the words.
///
/// How many entries stay behind a snapshot is for RaftOptions::trailing_entries to say, not for
/// raft_set_snapshot_trailing(): give both the same number. One thread, that of the loop.
class RaftIo {
 public:
  /// `network` outlives this, and so does the loop, which is not running yet. Errors:
  /// RaftLog::open's.
  static Result<std::unique_ptr<RaftIo>> open(::raft_io& network, uv_loop_s& loop,
                                              std::shared_ptr<Directory> directory,
                                              RaftOptions options = {});
  /// Only behind the callback of raft_close(), or if raft_init() never took it.
  ~RaftIo();
  RaftIo(const RaftIo&) = delete;
  RaftIo& operator=(const RaftIo&) = delete;

  /// For raft_init().
  [[nodiscard]] ::raft_io& io();
  /// To look at; not to write.
  [[nodiscard]] const RaftStorage& storage() const;

 private:
  struct Core;
  explicit RaftIo(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace walkit::raft
