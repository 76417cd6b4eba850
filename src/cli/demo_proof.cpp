#include "cli/demo_proof.hpp"

#include <algorithm>

namespace walkit::demo {
namespace {

Error wrong(EntryId id, std::string message) {
  return {.code = Errc::corrupt, .message = "entry " + to_string(id) + " " + std::move(message)};
}

}  // namespace

// One look at the whole log.
struct Proof::Pass {
  const Proof& proof;
  EntryId last{};
  std::array<std::uint64_t, kThreads> done{};
  std::uint64_t acknowledged_found = 0;
  Line batch{};  // the entry before

  Status see(const WalRecord<Line>& record);
  Status see_batch(EntryId id, const Line& line);
  [[nodiscard]] Status end() const;
};

Status Proof::Pass::see(const WalRecord<Line>& record) {
  const EntryId id = record.entry_id;
  const Line& line = record.payload;
  if (id != last + 1) return wrong(id, "follows entry " + to_string(last));
  last = id;
  if (line.number == 0 || line.number > proof.input_.lines()) {
    return wrong(id, "holds a line that the file does not have");
  }
  const std::uint32_t thread = Input::thread_of(line);
  const Task task{thread, done[thread]++};
  const Line expected = proof.input_.entry(task);
  if (line.source != expected.source || line.number != expected.number) {
    return wrong(id, "holds line " + std::to_string(line.number) + " of " + line.source +
                         " where line " + std::to_string(expected.number) + " of " +
                         expected.source + " comes next in its thread");
  }
  if (line.text != expected.text) return wrong(id, "differs from its line of the file");
  const auto acknowledged = proof.acknowledged_.find(id.value);
  if (acknowledged != proof.acknowledged_.end()) {
    if (acknowledged->second != task)
      return wrong(id, "is not what was acknowledged under this id");
    ++acknowledged_found;
  }
  return see_batch(id, line);
}

Status Proof::Pass::see_batch(EntryId id, const Line& line) {
  const bool begins = line.batch_index == 0;
  const bool before_ended = batch.batch_index + 1 == batch.batch_size;
  const bool goes_on = line.batch_size == batch.batch_size &&
                       line.batch_index == batch.batch_index + 1 &&
                       Input::thread_of(line) == Input::thread_of(batch);
  if (begins ? !before_ended : !goes_on) return wrong(id, "tears a batch");
  batch = {.number = line.number, .batch_size = line.batch_size, .batch_index = line.batch_index};
  return {};
}

Status Proof::Pass::end() const {
  if (batch.batch_index + 1 != batch.batch_size) return wrong(last, "ends the log within a batch");
  if (last < proof.last_) {
    return wrong(last, "is the last, but the log went up to " + to_string(proof.last_) + " before");
  }
  if (acknowledged_found == proof.acknowledged_.size()) return {};
  return Error{.code = Errc::corrupt,
               .message = std::to_string(proof.acknowledged_.size() - acknowledged_found) +
                          " acknowledged entries are not in the log"};
}

Status Proof::acknowledge(EntryId id, Task task) {
  const bool first_time = acknowledged_.emplace(id.value, task).second;
  return first_time ? Status{} : Status{wrong(id, "was acknowledged twice")};
}

Result<ReplaySummary> Proof::check(const std::shared_ptr<Directory>& directory, ReplayMode mode) {
  const auto reader = WalReader<Line>::open(directory);
  // A kill before the log was made leaves none; that is right as long as nothing was acknowledged.
  const bool none_yet = !reader && reader.error().code == Errc::not_found && last_ == EntryId{};
  Pass pass{.proof = *this};
  Result<ReplaySummary> summary;
  if (reader) {
    summary =
        reader->replay_each(mode, [&](const WalRecord<Line>& record) { return pass.see(record); });
  }
  const bool nothing_yet =
      none_yet || (!summary && summary.error().code == Errc::not_found && last_ == EntryId{});
  if (!reader && !nothing_yet) return reader.error();
  if (!summary && !nothing_yet) return summary;
  if (Status ok = pass.end(); !ok) return ok.error();
  last_ = pass.last;
  done_ = pass.done;
  return nothing_yet ? ReplaySummary{} : std::move(summary);
}

std::uint64_t Proof::lines_done() const {
  std::uint64_t lines = 0;
  for (std::uint32_t t = 0; t < kThreads; ++t) lines += std::min(done_[t], input_.share(t));
  return lines;
}

}  // namespace walkit::demo
