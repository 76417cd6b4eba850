#pragma once

#include <cstdint>

extern "C" {  // which raft.h does not say itself
#include <raft.h>
}

namespace walkit::raft {

/// Keeps a follower of C-Raft from answering for entries that its leader does not have.
///
/// C-Raft tells a leader the end of its own log, also where a part of it is left over from an older
/// term that nobody has compared yet: in the answer to a heartbeat, and in that of a write which
/// ends when another leads. The leader then counts an entry that the follower does not have, may
/// call it committed with it, and never sends it. A follower may answer for what it took from the
/// leader of the term, and for nothing behind it (Raft, figure 2: prevLogIndex and the entries).
/// One thread.
class FollowerReplies {
 public:
  /// Before raft gets that message, and once it has.
  void begin_message(const raft_message& message);
  void end_message() { offered_ = 0; }
  /// Raft takes what the message offers: it writes it.
  void take();
  /// The answer that raft may give.
  [[nodiscard]] raft_append_entries_result correct(raft_append_entries_result result);

 private:
  // The last index that the message under way would have a follower match, and its leader's term.
  std::uint64_t offered_ = 0, offered_term_ = 0;
  std::uint64_t taken_ = 0, taken_term_ = 0;
};

}  // namespace walkit::raft
