#include "walkit/testing/kv_suite.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "testing/kv_model.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/crash_test.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit::testing {

namespace {

using kv::Command;
using kv::CompareAndSwap;
using kv::Erase;
using kv::EraseRange;
using kv::Grant;
using kv::Increment;
using kv::KeepAlive;
using kv::Noop;
using kv::Outcome;
using kv::Put;
using kv::PutIfRevision;
using kv::Request;
using kv::Revoke;
using kv::Tick;
using kv::Time;
using Chunk = std::vector<Request>;

constexpr Time kStart{1'700'000'000'000};
Time at(int seconds) { return kStart + std::chrono::seconds(seconds); }

/// Entries behind `index`.
Chunk chunk_of(std::uint64_t index, std::vector<Command> commands, Time time = {},
               std::uint64_t term = 1) {
  Chunk chunk;
  for (Command& command : commands) chunk.push_back({++index, std::move(command), term, time});
  return chunk;
}

/// A state machine, a model of it, and both after a restart and behind a checkpoint.
class Bench {
 public:
  explicit Bench(const OpenKv& open,
                 std::shared_ptr<Directory> directory = MemoryDirectory::create())
      : open_(open), directory_(std::move(directory)) {}

  Status start() {
    machine_.reset();
    auto opened = open_(directory_);
    if (!opened) return std::move(opened).error();
    machine_ = std::move(*opened);
    return model_.compare(*machine_);
  }
  /// Done, and seen; then seen again after a restart, and delivered again.
  Status does(const Chunk& chunk) {
    const std::vector<Outcome> expected = model_.apply(chunk);
    if (Status ok = answers(chunk, expected); !ok) return ok;
    if (Status ok = start(); !ok) return ok;
    if (++steps_ % 2 == 0) {
      if (Status ok = machine_->checkpoint(); !ok) return ok;
      if (Status ok = start(); !ok) return ok;
    }
    return answers(chunk, expected);
  }
  Status does(std::vector<Command> commands, Time time = {}) {
    return does(chunk_of(model_.last_index(), std::move(commands), time,
                         std::max<std::uint64_t>(model_.last_term(), 1)));
  }
  Status refuses(const Chunk& chunk, const char* what) {
    if (machine_->apply(chunk)) return kv_differs(std::string(what) + " was accepted");
    return model_.compare(*machine_);
  }
  KvAdapter& machine() { return *machine_; }
  KvModel& model() { return model_; }

 private:
  Status answers(const Chunk& chunk, const std::vector<Outcome>& expected) {
    const auto outcomes = machine_->apply(chunk);
    if (!outcomes) return outcomes.error();
    if (outcomes->size() != expected.size()) return kv_differs("not one outcome for each entry");
    for (std::size_t n = 0; n < expected.size(); ++n) {
      if ((*outcomes)[n] == expected[n]) continue;
      return kv_differs("entry " + std::to_string(chunk[n].index) + " has another outcome");
    }
    return model_.compare(*machine_);
  }

  const OpenKv& open_;
  std::shared_ptr<Directory> directory_;
  KvModel model_{};
  std::unique_ptr<KvAdapter> machine_{};
  int steps_ = 0;
};

struct Step {
  std::vector<Command> commands{};
  Time time{};
};

Status all_of(const OpenKv& open, const std::vector<Step>& steps) {
  Bench bench(open);
  if (Status ok = bench.start(); !ok) return ok;
  for (const Step& step : steps) {
    if (Status ok = bench.does(step.commands, step.time); !ok) return ok;
  }
  return {};
}

Status begins_empty(const OpenKv& open) { return all_of(open, {{}}); }

Status keeps_order(const OpenKv& open) {
  return all_of(open, {{{Put{"a", "1"}, Erase{"a"}, Put{"b", "2"}, Noop{}, kv::Configuration{},
                         CompareAndSwap{"b", "1", "3"}, Put{"c", "4"}, Erase{"none"}}}});
}

Status swaps(const OpenKv& open) {
  return all_of(open, {{{CompareAndSwap{"x", std::nullopt, "1"}, CompareAndSwap{"x", "1", "2"},
                         CompareAndSwap{"x", "1", "3"}, Put{"y", "5"},
                         CompareAndSwap{"y", "5", "6"}, CompareAndSwap{"y", std::nullopt, "7"}}},
                       {{PutIfRevision{"x", "8", 2}, PutIfRevision{"x", "9", 2},
                         PutIfRevision{"z", "", 0}, PutIfRevision{"z", "", 0}}}});
}

Status counts(const OpenKv& open) {
  return all_of(open, {{{Increment{"n", 5}, Increment{"n", -7}, Put{"t", "text"}, Increment{"t"},
                         Put{"m", "9223372036854775807"}, Increment{"m"}, Increment{"m", -1}}}});
}

Status erases_ranges(const OpenKv& open) {
  return all_of(open, {{{Put{"a", ""}, Put{"b1", ""}, Put{"b2", ""}, Put{"c", ""}}},
                       {{EraseRange{{"b", "c"}}, EraseRange{{"c", "a"}}}},
                       {{EraseRange{}}}});
}

Status redelivers(const OpenKv& open) {
  Bench bench(open);
  if (Status ok = bench.start(); !ok) return ok;
  const Chunk first = chunk_of(0, {Put{"x", "5"}});
  const Chunk second =
      chunk_of(1, {CompareAndSwap{"x", "0", "1"}, CompareAndSwap{"x", "5", "0"}, Increment{"x"}});
  Chunk all = first;
  all.insert(all.end(), second.begin(), second.end());
  if (Status ok = bench.does(first); !ok) return ok;
  if (Status ok = bench.does(second); !ok) return ok;
  if (Status ok = bench.does(all); !ok) return ok;
  all.push_back({5, Increment{"x"}, 1});  // the last of it is new
  return bench.does(all);
}

Status keeps_any_bytes(const OpenKv& open) {
  const std::string any("\0\xff\x80", 3);
  return all_of(open, {{{Put{"k", "old"}, Put{any, any}, Put{"", "empty"}}},
                       {{Put{"k", ""}, CompareAndSwap{"", "empty", ""}}},
                       {{CompareAndSwap{"k", "", "new"}, CompareAndSwap{any, any, ""}}}});
}

Status overwrites_ends(const OpenKv& open) {
  return all_of(
      open, {{{Put{"k", "1", at(2)}, Put{"k", "2"}, Put{"l", "1"}, Put{"o", "1", at(2)}}, at(0)},
             {{Put{"o", "2"}}, at(0)},
             {{Put{"l", "2", at(1)}, Put{"m", "1", at(9)}}, at(0)},
             {{Put{"m", "2", at(3)}, Put{"n", "1", at(3)}, Increment{"n"}}, at(0)},
             {{Tick{at(2)}}},
             {{Tick{at(100)}}}});
}

Status ends_keys(const OpenKv& open) {
  constexpr int kLong = 50;
  std::vector<Command> many;
  many.reserve(kLong + 1);
  for (int n = 0; n < kLong; ++n)
    many.push_back(Put{"long/" + std::to_string(n), "", at(1000 + n)});
  many.push_back(Put{"short", "", at(1)});
  return all_of(open, {{many, at(0)},
                       {{CompareAndSwap{"short", std::nullopt, "new"}}, at(1)},
                       {{Put{"past", "", at(1)}, Noop{}}, at(1)},
                       {{Tick{at(-50)}, Noop{}}, at(-100)},
                       {{Noop{}}, at(1024)}});
}

Status shares_leases(const OpenKv& open) {
  return all_of(open, {{{Grant{7, at(5)}, Grant{7, at(9)}, Put{"a", "", std::nullopt, 7},
                         Put{"b", "", at(2), 7}, Put{"c", "", std::nullopt, 8}},
                        at(0)},
                       {{KeepAlive{7, at(20)}, KeepAlive{7, at(1)}, KeepAlive{9, at(1)}}, at(2)},
                       {{Put{"a", "out"}, Put{"d", "in", std::nullopt, 7}}, at(19)},
                       {{Grant{8, at(90)}, Put{"e", "", std::nullopt, 8}, Revoke{8}, Revoke{8}}},
                       {{Tick{at(20)}}}});
}

Status refuses_disorder(const OpenKv& open) {
  Bench bench(open);
  if (Status ok = bench.start(); !ok) return ok;
  if (Status ok = bench.does({Put{"k", "1"}}); !ok) return ok;
  const Put put{"k", "2"};
  if (Status ok = bench.refuses({{3, put, 1}, {3, put, 1}}, "an index twice"); !ok) return ok;
  if (Status ok = bench.refuses({{3, put, 1}, {2, put, 1}}, "an index that falls"); !ok) return ok;
  if (Status ok = bench.refuses({{2, put, 0}}, "a term that falls"); !ok) return ok;
  const Put bad{std::string(kv::kKeyBytesMax + 1, 'k'), ""};
  if (Status ok = bench.refuses({{2, put, 1}, {3, bad, 1}}, "a key too long"); !ok) return ok;
  return bench.does({Put{"k", "3"}});
}

/// Its clock is far from others.
class OtherClock final : public PassingDirectory {
 public:
  explicit OtherClock(std::chrono::hours shift)
      : PassingDirectory(MemoryDirectory::create()), shift_(shift) {}
  std::chrono::nanoseconds now() override { return PassingDirectory::now() + shift_; }

 private:
  std::chrono::hours shift_;
};

/// Many entries whose ends depend on what came before.
Chunk story() {
  Chunk chunk;
  for (std::uint64_t n = 1; n <= 120; ++n) {
    const int second = static_cast<int>(n % 7 == 0 ? n / 2 : n);  // some clocks are behind
    const std::string key = std::to_string(n * n % 17);
    Command command = Put{key, std::to_string(n), at(second + 5)};
    if (n % 5 == 0) command = CompareAndSwap{key, std::nullopt, "new"};
    if (n % 11 == 0) command = Erase{key};
    if (n % 13 == 0) command = Grant{n, at(second + 30)};
    if (n % 13 == 1 && n > 13) command = Put{key, "leased", std::nullopt, n - 1};
    chunk.push_back({n, std::move(command), 1 + n / 50, at(second)});
  }
  return chunk;
}

Status replicas_agree(const OpenKv& open) {
  Bench one(open, std::make_shared<OtherClock>(std::chrono::hours(-24 * 365)));
  Bench two(open, std::make_shared<OtherClock>(std::chrono::hours(24 * 365)));
  if (Status ok = one.start(); !ok) return ok;
  if (Status ok = two.start(); !ok) return ok;
  const Chunk all = story();
  if (Status ok = one.does(all); !ok) return ok;
  for (std::size_t begin = 0, count = 1; begin < all.size(); begin += count, ++count) {
    count = std::min(count, all.size() - begin);
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(begin);
    if (Status ok = two.does(Chunk(first, first + static_cast<std::ptrdiff_t>(count))); !ok) {
      return ok;
    }
  }
  const auto left = one.machine().snapshot(), right = two.machine().snapshot();
  if (!left) return left.error();
  if (!right) return right.error();
  return *left == *right ? Status() : Status(kv_differs("equal entries, and other snapshots"));
}

Status installs(const OpenKv& open) {
  Bench from(open), into(open);
  if (Status ok = from.start(); !ok) return ok;
  if (Status ok = into.start(); !ok) return ok;
  if (Status ok = from.does(story()); !ok) return ok;
  if (Status ok = into.does({Put{"old", "1"}, Put{"1", "old"}}); !ok) return ok;
  const auto snapshot = from.machine().snapshot();
  if (!snapshot) return snapshot.error();
  const auto is_refused = [&](BytesView bytes, const char* what) -> Status {
    if (into.machine().install(bytes)) return kv_differs(std::string(what) + " was installed");
    return into.model().compare(into.machine());
  };
  for (std::size_t n = 0; n < snapshot->size(); n += 1 + snapshot->size() / 300) {
    Bytes other = *snapshot;
    other[n] ^= std::byte{16};
    if (Status ok = is_refused(other, "a damaged snapshot"); !ok) return ok;
    if (Status ok = is_refused(BytesView(*snapshot).first(n), "a part of one"); !ok) return ok;
  }
  if (Status ok = into.machine().install(*snapshot); !ok) return ok;
  into.model() = from.model();
  if (Status ok = into.model().compare(into.machine()); !ok) return ok;
  if (Status ok = into.start(); !ok) return ok;
  if (Status ok = into.does(story()); !ok) return ok;  // known, with its outcomes
  return into.does({Tick{at(1000)}});
}

// ---- Crashes ----

/// One call of a life: a chunk, or the install of what `installed` made.
struct Call {
  Chunk chunk{};
  std::shared_ptr<const std::pair<Bytes, KvModel>> installed{};
  bool saves = false;  // a checkpoint behind it
};
using Plan = std::vector<Call>;

KvModel model_behind(const Plan& plan, std::size_t calls) {
  KvModel model;
  for (std::size_t n = 0; n < calls; ++n) {
    if (plan[n].installed) {
      model = plan[n].installed->second;
    } else {
      model.apply(plan[n].chunk);
    }
  }
  return model;
}

/// How many calls were acknowledged.
std::size_t live(const OpenKv& open, const std::shared_ptr<Directory>& directory,
                 const Plan& plan) {
  auto machine = open(directory);
  if (!machine) return 0;
  for (std::size_t done = 0; done < plan.size(); ++done) {
    const Call& call = plan[done];
    const bool is_done = call.installed ? (*machine)->install(call.installed->first).has_value()
                                        : (*machine)->apply(call.chunk).has_value();
    if (!is_done) return done;
    if (call.saves && !(*machine)->checkpoint()) return done + 1;
  }
  return plan.size();
}

// At least what was acknowledged, whole calls only; and delivered again, all of it is as if there
// had been no crash.
Status judge(const OpenKv& open, const std::shared_ptr<Directory>& directory, const Plan& plan,
             std::size_t acknowledged) {
  auto machine = open(directory);
  if (!machine) return std::move(machine).error();
  Status same = kv_differs("no call ends there");
  for (std::size_t calls = acknowledged; calls <= plan.size() && !same; ++calls) {
    same = model_behind(plan, calls).compare(**machine);
  }
  if (!same) return same;
  KvModel model;
  for (const Call& call : plan) {
    if (call.installed) return {};  // what stood before it has other outcomes behind it
    const auto outcomes = (*machine)->apply(call.chunk);
    if (!outcomes) return outcomes.error();
    if (*outcomes != model.apply(call.chunk)) return kv_differs("an outcome changed by a crash");
  }
  return model.compare(**machine);
}

Status survives(const OpenKv& open, const Plan& plan) {
  for (const Crash crash : {Crash::power_cut, Crash::process_kill}) {
    const auto report = crash_test(
        {.states_max = 1500, .crash = crash, .recovery_depth = 1},
        [&](const std::shared_ptr<Directory>& directory) { return live(open, directory, plan); },
        [&](const std::shared_ptr<Directory>& directory, std::size_t acknowledged) {
          return judge(open, directory, plan, acknowledged);
        });
    if (!report) return report.error();
    if (report->states < plan.size()) return kv_differs("hardly a state was judged");
  }
  return {};
}

Plan story_in_chunks(std::size_t entries, std::size_t each) {
  Plan plan;
  Chunk chunk;
  for (const Request& request : story()) {
    if (request.index > entries) break;
    chunk.push_back(request);
    if (chunk.size() == each) plan.push_back({.chunk = std::exchange(chunk, {})});
  }
  return plan;
}

Status survives_chunks(const OpenKv& open) { return survives(open, story_in_chunks(30, 5)); }

Status survives_swaps(const OpenKv& open) {
  return survives(
      open, {{.chunk = chunk_of(0, {Put{"x", "5"}})},
             {.chunk = chunk_of(1, {CompareAndSwap{"x", "0", "1"}, CompareAndSwap{"x", "5", "0"}})},
             {.chunk = chunk_of(3, {Put{"k", "old"}, Put{"k", "new", at(1)}}, at(0))},
             {.chunk = chunk_of(5, {Put{"e", ""}, Increment{"x"}})},
             {.chunk = chunk_of(7, {Tick{at(2)}})}});
}

Status survives_checkpoints(const OpenKv& open) {
  Plan plan = story_in_chunks(60, 6);
  for (std::size_t n = 2; n < plan.size(); n += 3) plan[n].saves = true;
  return survives(open, plan);
}

Status survives_installs(const OpenKv& open) {
  Bench from(open);
  if (Status ok = from.start(); !ok) return ok;
  if (Status ok = from.does(story()); !ok) return ok;
  auto snapshot = from.machine().snapshot();
  if (!snapshot) return std::move(snapshot).error();
  const auto installed =
      std::make_shared<const std::pair<Bytes, KvModel>>(std::move(*snapshot), from.model());
  const auto behind = [](std::uint64_t index) {
    return Call{.chunk = {{index, Increment{"n"}, 4}}};
  };
  if (Status ok = survives(open, {{.chunk = chunk_of(0, {Put{"old", "1"}, Put{"1", "old"}})},
                                  {.installed = installed},
                                  behind(121),
                                  behind(122)});
      !ok) {
    return ok;
  }
  return survives(open, {{.chunk = chunk_of(0, {Put{"old", "1"}}), .saves = true},
                         {.installed = installed, .saves = true},
                         {.chunk = behind(121).chunk, .saves = true},
                         behind(122)});
}

}  // namespace

std::vector<KvCase> kv_cases() {
  return {{"begins_empty", begins_empty},
          {"keeps_order", keeps_order},
          {"swaps", swaps},
          {"counts", counts},
          {"erases_ranges", erases_ranges},
          {"redelivers", redelivers},
          {"keeps_any_bytes", keeps_any_bytes},
          {"overwrites_ends", overwrites_ends},
          {"ends_keys", ends_keys},
          {"shares_leases", shares_leases},
          {"refuses_disorder", refuses_disorder},
          {"replicas_agree", replicas_agree},
          {"installs", installs},
          {"survives_chunks", survives_chunks},
          {"survives_swaps", survives_swaps},
          {"survives_checkpoints", survives_checkpoints},
          {"survives_installs", survives_installs}};
}

Status kv_suite(const OpenKv& open) {
  for (const KvCase& one : kv_cases()) {
    Status ok = one.run(open);
    if (ok) continue;
    ok.error().message = std::string(one.name) + ": " + ok.error().message;
    return ok;
  }
  return {};
}

}  // namespace walkit::testing
