// What a Raft server has to remember, and what it finds after a restart.

#include <cereal/types/string.hpp>
#include <iostream>
#include <string>
#include <walkit/app/raft_log.hpp>
#include <walkit/walkit.hpp>

// [readme]
struct Put {
  std::string key, value;
  template <class A>
  void serialize(A& a) {
    a(key, value);
  }
};
using Log = walkit::raft::RaftLog<Put>;

// A follower: the leader's entries, and the term, in one write and one sync. Entries that are there
// from their first index on are replaced in the same moment.
walkit::Status follow(Log& log) {
  auto ok = log.save({.hard_state = walkit::raft::HardState{.term = 1, .vote = 3},
                      .entries = {{.index = 1, .term = 1, .command = {"a", "1"}},
                                  {.index = 2, .term = 1, .command = {"b", "2"}}}});
  if (!ok) return ok;
  ok = log.stage_commit(1);  // written with the next save
  if (!ok) return ok;
  return log.save({.hard_state = walkit::raft::HardState{.term = 2, .vote = 1},
                   .entries = {{.index = 2, .term = 2, .command = {"b", "3"}}}});
}

// A leader: any number of threads append, and share syncs.
walkit::Status lead(Log& log) {
  const auto leader = log.lead(2);
  if (!leader) return leader.error();
  for (const char* key : {"c", "d"}) {
    const auto index = leader->append({key, "4"});  // durable: count this server's own vote
    if (!index) return index.error();
  }
  return {};
}

// The state machine's state replaces the entries that made it.
walkit::Status compact(Log& log, std::uint64_t index, const std::string& state) {
  const auto term = log.term_at(index);
  if (!term) return term.error();
  return log.save_snapshot({.index = index, .term = *term, .membership = {.voters = {1, 2, 3}}},
                           walkit::as_bytes(state));
}
// [/readme]

int main() {
  {
    Log log = Log::open(walkit::FsDirectory::open("server-1").value()).value();
    follow(log).value();
    lead(log).value();
    log.stage_commit(4).value();
    compact(log, 3, "a=1 b=3 c=4").value();
  }
  Log log = Log::open(walkit::FsDirectory::open("server-1").value()).value();
  std::cout << "term " << log.hard_state().term << ", voted for " << *log.hard_state().vote << "\n";
  const auto snapshot = log.snapshot().value();
  std::cout << "snapshot at " << snapshot.info.index << ": " << walkit::as_text(snapshot.state)
            << "\n";
  for (const auto& entry : log.entries(log.first_index(), 1 << 20).value()) {
    std::cout << entry.index << " of term " << entry.term << ": " << entry.command.key << "="
              << entry.command.value << "\n";
  }
}
