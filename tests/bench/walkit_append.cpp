// W1 to W3 by walkit, through what its users use.

#include "walkit_logs.hpp"

namespace walkit::bench {

void check_log(const Job& job, std::uint64_t entries) {
  const std::string payload = payload_of(job.entry_bytes);
  const BytesReader reader = must(BytesReader::open(read_only(job)));
  std::uint64_t seen = 0;
  must(reader.replay_each(ReplayMode::strict, [&](const WalRecord<BytesView>& record) {
    check(record.entry_id.value == ++seen, "an entry has a wrong id");
    check(as_text(record.payload) == payload, "an entry has a wrong payload");
  }));
  check(seen == entries, "entries are missing");
}

namespace {

/// What the writer tells of the time it was measured, then closed and read back.
void finish(const Job& job, BytesWriter& wal, Outcome& outcome) {
  const WalStats stats = wal.stats();
  check(stats.entries == outcome.entries, "the writer counts other entries");
  outcome.groups = stats.syncs;
  outcome.segments = stats.rotations;  // the first file counts
  must(wal.close());
  outcome.disk_bytes = bytes_in(job.folder);
  check_log(job, outcome.entries);
}

/// The defaults: durable when append returns. W1 with one thread, W2 with more.
Outcome append(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  BytesWriter wal =
      must(BytesWriter::open(directory_of(job), {.segment_bytes = job.segment_bytes}));
  Outcome outcome = append_for(job, [&](unsigned) { must(wal.append(as_bytes(payload))); });
  finish(job, wal, outcome);
  return outcome;
}

Outcome append_async(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  BytesWriter wal =
      must(BytesWriter::open(directory_of(job), {.segment_bytes = job.segment_bytes}));
  EntryId last;
  Outcome outcome = produce_for(
      job, [&] { last = must(wal.append_async(as_bytes(payload))).entry_id(); },
      [&] { must(wal.wait_durable(last)); });
  finish(job, wal, outcome);
  return outcome;
}

Outcome append_buffered(const Job& job, const WalOptions& options) {
  const std::string payload = payload_of(job.entry_bytes);
  BytesWriter wal = must(BytesWriter::open(directory_of(job), options));
  Outcome outcome{.entries = job.total_bytes / job.entry_bytes};
  const Stopwatch watch;
  for (std::uint64_t i = 0; i != outcome.entries; ++i) must(wal.append(as_bytes(payload)));
  must(wal.flush());
  watch.stop(outcome);
  finish(job, wal, outcome);
  return outcome;
}

Outcome buffered(const Job& job) { return append_buffered(job, in_bulk(job)); }

/// Without space ahead, and without a sync at the end of each segment: what those cost.
Outcome buffered_one_segment(const Job& job) {
  WalOptions options = in_bulk(job);
  options.segment_bytes = 2 * job.total_bytes;
  options.preallocation = Preallocation::none;
  return append_buffered(job, options);
}

const Registration kAppending{
    {"w1", "walkit", "durable", "fdatasync", append},
    {"w2", "walkit", "durable", "fdatasync", append},
    {"async", "walkit", "durable", "fdatasync", append_async},
    {"w3", "walkit", "flushed", "fdatasync at rotation", buffered},
    {"w3", "walkit_one_segment", "flushed", "none", buffered_one_segment},
};

}  // namespace
}  // namespace walkit::bench
