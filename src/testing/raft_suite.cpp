#include "walkit/testing/raft_suite.hpp"

#include <string>
#include <utility>

#include "testing/raft_model.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/crash_test.hpp"

namespace walkit::testing {

namespace {

using raft::EntryKind;
using raft::HardState;
using raft::OwnedEntryBytes;
using Storage = std::unique_ptr<RaftAdapter>;

/// A storage, a model of it, and both after a restart.
class Bench {
 public:
  explicit Bench(const OpenRaft& open) : open_(open) {}

  Status start() {
    storage_.reset();
    auto opened = open_(directory_);
    if (!opened) return std::move(opened).error();
    storage_ = std::move(*opened);
    return model_.compare(*storage_);
  }
  /// Done, and seen; then seen again after a restart.
  Status does(const RaftStep& step) {
    if (Status ok = take_step(*storage_, step); !ok) return ok;
    model_.take(step);
    if (Status ok = model_.compare(*storage_); !ok) return ok;
    return start();
  }
  Status refuses(const RaftStep& step, const char* what) {
    if (take_step(*storage_, step)) return differs(std::string(what) + " was accepted");
    return model_.compare(*storage_);
  }
  RaftAdapter& storage() { return *storage_; }

 private:
  const OpenRaft& open_;
  std::shared_ptr<Directory> directory_ = MemoryDirectory::create();
  RaftModel model_{};
  Storage storage_{};
};

SaveStep entries(std::uint64_t first, std::uint64_t last, std::uint64_t term) {
  return {.entries = raft_entries(first, last, term)};
}

SaveStep vote(std::uint64_t term, std::optional<std::uint64_t> who) {
  return {.hard_state = HardState{term, who}};
}

Status all_of(Bench& bench, const std::vector<RaftStep>& steps) {
  if (Status ok = bench.start(); !ok) return ok;
  for (const RaftStep& step : steps) {
    if (Status ok = bench.does(step); !ok) return ok;
  }
  return {};
}

Status begins_empty(const OpenRaft& open) {
  Bench bench(open);
  if (Status ok = bench.start(); !ok) return ok;
  if (bench.storage().first_index() != 1) return differs("the first index of nothing is not 1");
  if (bench.storage().term_at(1)) return differs("entry 1 of nothing has a term");
  return bench.start();
}

Status keeps_hard_state(const OpenRaft& open) {
  Bench bench(open);
  Status ok = all_of(bench, {vote(1, {}), vote(1, 3), vote(2, {}), vote(5, 0), vote(6, 7)});
  if (!ok) return ok;
  ok = bench.refuses(vote(5, 7), "a term that falls");
  if (!ok) return ok;
  return bench.refuses(vote(6, 8), "a second vote in one term");
}

Status appends(const OpenRaft& open) {
  Bench bench(open);
  Status ok = all_of(bench, {entries(1, 1, 1), entries(2, 5, 1), SaveStep{}, entries(6, 6, 4),
                             SaveStep{HardState{4, 2}, raft_entries(7, 9, 4)}});
  if (!ok) return ok;
  for (const auto& [first, last, term] : {std::tuple{11, 11, 4}, {10, 10, 3}, {0, 2, 4}}) {
    const auto n = [](int value) { return static_cast<std::uint64_t>(value); };
    ok = bench.refuses(entries(n(first), n(last), n(term)), "a hole, or a term that falls,");
    if (!ok) return ok;
  }
  SaveStep broken = entries(10, 12, 4);
  std::swap(broken.entries[1], broken.entries[2]);
  ok = bench.refuses(broken, "a group out of order");
  if (!ok) return ok;
  broken = entries(10, 12, 5);
  broken.entries[2].term = 4;
  return bench.refuses(broken, "a term that falls inside of a group");
}

Status keeps_payloads(const OpenRaft& open) {
  SaveStep step = entries(1, 6, 1);
  step.entries[0] = raft_entry(1, 1, "");
  step.entries[1] = raft_entry(2, 1, std::string(1, '\0') + "\xff\x80 \xc3\xa4");
  step.entries[2] = raft_entry(3, 1, std::string(100'000, 'x'));
  step.entries[3].kind = EntryKind::configuration;
  step.entries[4].kind = EntryKind::noop;
  Bench bench(open);
  return all_of(bench, {step, entries(7, 8, 1)});
}

Status keeps_bounds(const OpenRaft& open) {
  Bench bench(open);
  Status ok = all_of(bench, {entries(1, 10, 1), SnapshotStep{raft_snapshot(4, 1)}});
  if (!ok) return ok;
  RaftAdapter& storage = bench.storage();
  const auto beyond = storage.term_at(11);
  if (beyond || beyond.error().code != Errc::not_found) return differs("term_at() beyond the end");
  const auto next = storage.entries(11, 20, 100);
  if (!next || !next->empty()) return differs("entries behind the last one are not none");
  if (storage.entries(12, 20, 100)) return differs("entries were asked for beyond the end");
  if (storage.first_index() == 5) {
    const auto below = storage.entries(4, 10, 100);
    if (below || below.error().code != Errc::gap) return differs("entries below the first");
    const auto term = storage.term_at(3);
    if (term || term.error().code != Errc::gap) return differs("term_at() below the first");
  }
  const auto some = storage.entries(6, 8, ~std::uint64_t{0});
  if (!some || some->size() != 3) return differs("6 to 8 are not three entries");
  return {};
}

Status keeps_budget(const OpenRaft& open) {
  Bench bench(open);
  if (Status ok = all_of(bench, {entries(1, 10, 1)}); !ok) return ok;  // of 12 bytes each
  for (const auto& [bytes_max, count] :
       {std::pair{0u, 1u}, {11u, 1u}, {12u, 1u}, {23u, 1u}, {24u, 2u}, {120u, 10u}, {999u, 10u}}) {
    const auto found = bench.storage().entries(1, 10, bytes_max);
    if (!found) return found.error();
    if (found->size() != count) {
      return differs("a budget of " + std::to_string(bytes_max) + " bytes gave " +
                     std::to_string(found->size()) + " entries of 12");
    }
  }
  return {};
}

Status replaces_suffixes(const OpenRaft& open) {
  Bench bench(open);
  return all_of(bench, {entries(1, 9, 1), entries(7, 8, 2), entries(9, 9, 2), entries(3, 3, 3),
                        entries(4, 6, 3), SaveStep{HardState{5, {}}, raft_entries(1, 2, 5)},
                        entries(3, 4, 5)});
}

Status truncates(const OpenRaft& open) {
  Bench bench(open);
  return all_of(bench, {TruncateStep{1}, entries(1, 9, 1), TruncateStep{10}, TruncateStep{8},
                        entries(8, 8, 2), TruncateStep{1}, entries(1, 3, 3)});
}

Status guards_what_is_committed(const OpenRaft& open) {
  Bench bench(open);
  if (Status ok = all_of(bench, {entries(1, 5, 1)}); !ok) return ok;
  RaftAdapter& storage = bench.storage();
  if (storage.commit(6)) return differs("a commit index above the last entry was accepted");
  if (Status ok = storage.commit(3); !ok) return ok;
  if (storage.commit(2)) return differs("a commit index that falls was accepted");
  if (Status ok = bench.refuses(TruncateStep{3}, "the loss of a committed entry"); !ok) return ok;
  if (Status ok = bench.refuses(entries(3, 6, 2), "another committed entry"); !ok) return ok;
  if (Status ok = bench.does(entries(4, 6, 2)); !ok) return ok;
  if (bench.storage().commit_index() != 3) return differs("the next save did not keep the commit");
  return bench.refuses(TruncateStep{2}, "after a restart, the loss of a committed entry");
}

Status compacts(const OpenRaft& open) {
  raft::Snapshot joint = raft_snapshot(8, 2);
  joint.info.membership.outgoing = {1, 2};
  joint.info.membership.context = "addresses";
  joint.info.membership_index = 6;
  Bench bench(open);
  Status ok = all_of(
      bench, {vote(2, 1), entries(1, 5, 1), entries(6, 9, 2), SnapshotStep{raft_snapshot(5, 1)},
              SnapshotStep{joint}, entries(10, 12, 2), SnapshotStep{raft_snapshot(12, 2)}});
  if (!ok) return ok;
  if (bench.storage().last_index() != 12) return differs("the last index is not the snapshot's");
  ok = bench.refuses(SnapshotStep{raft_snapshot(8, 2)}, "an older snapshot");
  if (!ok) return ok;
  ok = bench.refuses(SnapshotStep{raft_snapshot(13, 2)}, "a snapshot of what is not there");
  if (!ok) return ok;
  ok = bench.refuses(entries(12, 13, 2), "an entry that the snapshot covers");
  if (!ok) return ok;
  return bench.does(entries(13, 14, 3));
}

Status installs(const OpenRaft& open) {
  Bench bench(open);
  Status ok = all_of(
      bench, {SnapshotStep{raft_snapshot(20, 3), true}, entries(21, 25, 3),
              SnapshotStep{raft_snapshot(22, 3), true},  // agrees: 23 on stay
              SnapshotStep{raft_snapshot(24, 4), true},  // does not: all go
              entries(25, 26, 4), SnapshotStep{raft_snapshot(90, 7), true}, entries(91, 92, 7)});
  if (!ok) return ok;
  ok = bench.refuses(SnapshotStep{raft_snapshot(24, 4), true}, "an older snapshot");
  if (!ok) return ok;
  return bench.refuses(SnapshotStep{raft_snapshot(90, 6), true}, "another term for one index");
}

/// Steps until one fails.
struct Life {
  std::size_t done = 0;
};
constexpr std::uint64_t kNextLife = 99;  // the term of what is written behind the crash

RaftModel after(const std::vector<RaftStep>& steps, std::size_t count) {
  RaftModel model;
  for (std::size_t n = 0; n < count; ++n) model.take(steps[n]);
  return model;
}

// Which of the models it is. They may have an entry more, of the life behind the crash.
Result<RaftModel> which(RaftAdapter& storage, const std::vector<RaftModel>& models) {
  Error first;
  for (const RaftModel& model : models) {
    Status same = model.compare(storage);
    if (same) return model;
    if (first.message.empty()) first = std::move(same).error();
  }
  first.message = "nothing that it may be; as for what was acknowledged: " + first.message;
  return first;
}

// What was acknowledged, or with the step that was cut as well; and the next life goes on from
// there, and is not forgotten either.
Status judge(const OpenRaft& open, const std::shared_ptr<Directory>& directory,
             const std::vector<RaftStep>& steps, const Life& life) {
  std::vector<RaftModel> models{after(steps, life.done)};
  if (life.done < steps.size()) models.push_back(after(steps, life.done + 1));
  const auto entry_more = [](const RaftModel& model) {
    const std::uint64_t next = model.last_index() + 1;
    return SaveStep{.entries = raft_entries(next, next, kNextLife)};
  };
  const std::size_t count = models.size();
  for (std::size_t n = 0; n < count; ++n) {  // a judge was cut before
    models.push_back(models[n]);
    models.back().take(entry_more(models[n]));
  }
  auto storage = open(directory);
  if (!storage) return std::move(storage).error();
  auto model = which(**storage, models);
  if (!model) return std::move(model).error();
  if ((*storage)->term_at((*storage)->last_index()).value_or(0) != kNextLife) {
    const SaveStep step = entry_more(*model);
    if (Status ok = take_step(**storage, step); !ok) return ok;
    model->take(step);
  }
  storage->reset();
  storage = open(directory);
  if (!storage) return std::move(storage).error();
  return model->compare(**storage);
}

Status survives(const OpenRaft& open, const std::vector<RaftStep>& steps) {
  const auto run = [&](const std::shared_ptr<Directory>& directory) {
    Life life;
    auto storage = open(directory);
    if (!storage) return life;
    while (life.done < steps.size() && take_step(**storage, steps[life.done])) ++life.done;
    return life;
  };
  const auto check = [&](const std::shared_ptr<Directory>& directory, const Life& life) {
    return judge(open, directory, steps, life);
  };
  for (const Crash crash : {Crash::power_cut, Crash::process_kill}) {
    const auto report =
        crash_test({.states_max = 1200, .crash = crash, .recovery_depth = 1}, run, check);
    if (!report) return report.error();
    if (report->states < steps.size()) return differs("hardly a state was judged");
  }
  return {};
}

Status survives_conflicts(const OpenRaft& open) {
  return survives(open, {SaveStep{HardState{1, 1}, raft_entries(1, 4, 1)}, vote(2, 2),
                         SaveStep{HardState{2, 2}, raft_entries(3, 5, 2)}, TruncateStep{5},
                         SaveStep{HardState{3, {}}, raft_entries(5, 5, 3)}});
}

Status survives_snapshots(const OpenRaft& open) {
  return survives(
      open,
      {SaveStep{HardState{1, 1}, raft_entries(1, 4, 1, 900)}, SnapshotStep{raft_snapshot(2, 1)},
       entries(5, 8, 1), SaveStep{{}, raft_entries(9, 12, 1, 900)},
       SnapshotStep{raft_snapshot(6, 1)}, SaveStep{HardState{2, {}}, raft_entries(12, 13, 2, 900)},
       SnapshotStep{raft_snapshot(10, 1)}, entries(14, 14, 2)});
}

Status survives_installs(const OpenRaft& open) {
  return survives(open, {SaveStep{HardState{1, 1}, raft_entries(1, 4, 1)},
                         SnapshotStep{raft_snapshot(9, 2), true}, entries(10, 12, 2),
                         SnapshotStep{raft_snapshot(11, 2), true},
                         SnapshotStep{raft_snapshot(12, 3), true}, entries(13, 13, 3)});
}

}  // namespace

std::vector<RaftCase> raft_cases() {
  return {{"begins_empty", begins_empty},
          {"keeps_hard_state", keeps_hard_state},
          {"appends", appends},
          {"keeps_payloads", keeps_payloads},
          {"keeps_bounds", keeps_bounds},
          {"keeps_budget", keeps_budget},
          {"replaces_suffixes", replaces_suffixes},
          {"truncates", truncates},
          {"guards_what_is_committed", guards_what_is_committed},
          {"compacts", compacts},
          {"installs", installs},
          {"survives_conflicts", survives_conflicts},
          {"survives_snapshots", survives_snapshots},
          {"survives_installs", survives_installs}};
}

Status raft_suite(const OpenRaft& open) {
  for (const RaftCase& one : raft_cases()) {
    Status ok = one.run(open);
    if (ok) continue;
    ok.error().message = std::string(one.name) + ": " + ok.error().message;
    return ok;
  }
  return {};
}

}  // namespace walkit::testing
