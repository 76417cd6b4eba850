#include "app/raft_io_replies.hpp"

#include <algorithm>

namespace walkit::raft {

void FollowerReplies::begin_message(const raft_message& message) {
  if (message.type == RAFT_IO_APPEND_ENTRIES) {
    offered_term_ = message.append_entries.term;
    offered_ = message.append_entries.prev_log_index + message.append_entries.n_entries;
  } else if (message.type == RAFT_IO_INSTALL_SNAPSHOT) {
    offered_term_ = message.install_snapshot.term;
    offered_ = message.install_snapshot.last_index;
  }
}

void FollowerReplies::take() {
  if (offered_ == 0 || offered_term_ < taken_term_) return;
  if (offered_term_ > taken_term_) taken_ = 0;
  taken_term_ = offered_term_;
  taken_ = std::max(taken_, offered_);
}

raft_append_entries_result FollowerReplies::correct(raft_append_entries_result result) {
  if (result.rejected != 0) return result;
  if (result.term == offered_term_) take();  // said at once, of the message under way
  const std::uint64_t limit = result.term == taken_term_ ? taken_ : 0;
  result.last_log_index = std::min<std::uint64_t>(result.last_log_index, limit);
  return result;
}

}  // namespace walkit::raft
