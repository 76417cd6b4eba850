#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "walkit/app/raft_storage.hpp"

extern "C" {  // which raft.h does not say itself
#include <raft.h>
}

namespace walkit::raft {

/// What C-Raft asks of a disk, in its own types, done by the time a call returns unless it says
/// otherwise. Answers are RAFT_ codes; text() says more of the last one that is not 0. One thread,
/// but for put_snapshot() and get_snapshot(), which may run beside it.
class RaftIoStore {
 public:
  explicit RaftIoStore(RaftStorage storage) : storage_(std::move(storage)) {}

  /// raft_malloc()ed, for raft to free.
  int load(raft_term& term, raft_id& voted_for, raft_snapshot*& snapshot, raft_index& start_index,
           raft_entry*& entries, std::size_t& n_entries);
  int bootstrap(const raft_configuration& configuration);
  int recover(const raft_configuration& configuration);
  int set_term(raft_term term);
  int set_vote(raft_id id);
  /// The ticket says when they are durable.
  int append(const raft_entry* entries, unsigned n, Ticket& ticket);
  /// In memory: raft always appends behind it, and that takes the place of what is there.
  int truncate(raft_index index);
  /// Whether raft has that entry: a snapshot of it is its own.
  [[nodiscard]] bool has(raft_index index, raft_term term) const;
  /// replaces: it is the leader's, and takes the place of the log. Then continue_behind() it.
  /// `text` is what text() would be: these two may run beside other calls.
  int put_snapshot(bool replaces, const raft_snapshot& snapshot, std::string& text);
  int get_snapshot(raft_snapshot*& snapshot, std::string& text) const;
  void continue_behind(raft_index index) { next_ = index + 1; }
  int close();

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const RaftStorage& storage() const { return storage_; }

 private:
  int answer(const Error& error) noexcept;
  int answer(const Status& status) noexcept { return status ? 0 : answer(status.error()); }

  RaftStorage storage_;
  raft_index next_ = 1;
  std::string text_{};
};

[[nodiscard]] int to_raft_code(Errc code);

}  // namespace walkit::raft
