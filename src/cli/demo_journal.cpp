#include "cli/demo_journal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <random>
#include <thread>

#include "walkit/io/fs_directory.hpp"
#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::demo {
namespace {

using Clock = std::chrono::steady_clock;
using Counts = std::array<std::uint64_t, kThreads>;

// How many of its lines each thread has in the log.
Result<Counts> find_place(const std::shared_ptr<Directory>& directory) {
  const auto reader = WalReader<Line>::open(directory);
  if (!reader) return reader.error();
  Counts done{};
  const auto summary = reader->replay_each(
      ReplayMode::best_effort,
      [&](const WalRecord<Line>& record) { ++done[Input::thread_of(record.payload)]; });
  if (!summary) return summary.error();
  return done;
}

// The work of one process: the threads share the log and the pipe.
class Journal {
 public:
  Journal(const JournalPlan& plan, const Input& input, WalWriter<Line>& wal)
      : plan_(plan), input_(input), wal_(wal), start_(Clock::now()) {}

  Status run(const Counts& done);

 private:
  struct InFlight {
    Ticket ticket{};
    Task task{};
  };

  Status work(Task next);
  Status append_one(Task& next);
  Status append_batch(Task& next, std::uint32_t size);
  Status append_async(Task& next, std::uint32_t size);
  Status tell(Task task, EntryId id);
  Status send(const Message& message) const;
  [[nodiscard]] bool is_over(Task next) const;

  const JournalPlan& plan_;
  const Input& input_;
  WalWriter<Line>& wal_;
  const Clock::time_point start_;
  std::atomic<std::uint64_t> told_{0};
};

bool Journal::is_over(Task next) const {
  if (plan_.milliseconds == 0) return false;
  const bool late = Clock::now() - start_ > std::chrono::milliseconds(plan_.milliseconds);
  return late || next.index >= input_.share(next.thread);
}

Status Journal::send(const Message& message) const {
  const ssize_t done = ::write(plan_.pipe, &message, sizeof message);
  if (done == sizeof message) return {};
  return Error{.code = Errc::io, .message = "the parent does not listen", .os_error = errno};
}

Status Journal::tell(Task task, EntryId id) {
  constexpr std::uint64_t kCountEvery = 16;
  Status ok = send({.kind = Message::Kind::acknowledged,
                    .thread = task.thread,
                    .index = task.index,
                    .entry_id = id.value});
  if (!ok || told_.fetch_add(1) % kCountEvery != 0) return ok;
  const WalStats stats = wal_.stats();
  return send({.kind = Message::Kind::counted, .entries = stats.entries, .syncs = stats.syncs});
}

Status Journal::append_one(Task& next) {
  const auto id = wal_.append(input_.entry(next));
  if (!id) return id.error();
  if (Status ok = tell(next, *id); !ok) return ok;
  ++next.index;
  return {};
}

Status Journal::append_batch(Task& next, std::uint32_t size) {
  std::vector<Line> lines;
  for (std::uint32_t i = 0; i < size; ++i) {
    lines.push_back(input_.entry({next.thread, next.index + i}));
    lines.back().batch_size = size;
    lines.back().batch_index = i;
  }
  const auto ids = wal_.append_batch(lines);
  if (!ids) return ids.error();
  for (std::uint32_t i = 0; i < size; ++i, ++next.index) {
    if (Status ok = tell(next, ids->first + i); !ok) return ok;
  }
  return {};
}

Status Journal::append_async(Task& next, std::uint32_t size) {
  std::deque<InFlight> in_flight;
  for (std::uint32_t i = 0; i < size; ++i, ++next.index) {
    const auto ticket = wal_.append_async(input_.entry(next));
    if (!ticket) return ticket.error();
    in_flight.push_back({*ticket, next});
  }
  for (const InFlight& entry : in_flight) {
    if (Status ok = entry.ticket.wait(); !ok) return ok;
    if (Status ok = tell(entry.task, entry.ticket.entry_id()); !ok) return ok;
  }
  return {};
}

Status Journal::work(Task next) {
  std::mt19937_64 random(plan_.seed + next.thread);
  const auto pick = [&](std::uint32_t low, std::uint32_t high) {
    return std::uniform_int_distribution<std::uint32_t>(low, high)(random);
  };
  if (input_.share(next.thread) == 0) return {};
  while (!is_over(next)) {
    Status ok;
    switch (pick(0, 2)) {
      case 0:
        ok = append_one(next);
        break;
      case 1:
        ok = append_batch(next, pick(2, 5));
        break;
      default:
        ok = append_async(next, pick(2, 16));
    }
    if (!ok) return ok;
  }
  return {};
}

Status Journal::run(const Counts& done) {
  std::array<Status, kThreads> results;
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] { results[t] = work({t, done[t]}); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Status& result : results) {
    if (!result) return result;
  }
  const WalStats stats = wal_.stats();
  return send({.kind = Message::Kind::counted, .entries = stats.entries, .syncs = stats.syncs});
}

Status journal_all(const JournalPlan& plan) {
  const auto input = Input::read(plan.file);
  if (!input) return input.error();
  const auto directory = FsDirectory::open(plan.folder);
  if (!directory) return directory.error();
  const auto start = Clock::now();
  auto wal = WalWriter<Line>::open(*directory, demo_options());
  if (!wal) return wal.error();
  const RecoveryReport found = wal->recovery();
  const Message opened{
      .recovered = found.origin == RecoveryReport::Origin::crash ? 1u : 0u,
      .open_ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - start).count()),
      .rewritten = found.rewritten.size(),
      .cut_bytes = found.torn_bytes + found.suspect_bytes};
  if (::write(plan.pipe, &opened, sizeof opened) != sizeof opened) {
    return Error{.code = Errc::io, .message = "the parent does not listen", .os_error = errno};
  }
  const auto done = find_place(*directory);
  if (!done) return done.error();
  if (Status ok = Journal(plan, *input, *wal).run(*done); !ok) return ok;
  return wal->close();
}

}  // namespace

WalOptions demo_options() {
  // Small, so that new segments are begun all the time.
  return {.segment_bytes = 256u << 10};
}

int journal(const JournalPlan& plan) {
  const Status done = journal_all(plan);
  if (done) return 0;
  std::fputs(("walkit-demo: " + to_string(done.error()) + "\n").c_str(), stderr);
  return 1;
}

}  // namespace walkit::demo
