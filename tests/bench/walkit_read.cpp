// W4 by walkit: all of a log read again.

#include "walkit_logs.hpp"

namespace walkit::bench {
namespace {

template <class E, class C>
Outcome write_log(const Job& job, const E& entry, WalWriter<E, C> wal) {
  Outcome outcome{.entries = job.total_bytes / job.entry_bytes};
  for (std::uint64_t i = 0; i != outcome.entries; ++i) must(wal.append(entry));
  outcome.segments = wal.stats().rotations;
  must(wal.close());
  outcome.disk_bytes = bytes_in(job.folder);
  return outcome;
}

Outcome make_log(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  const Outcome outcome =
      write_log(job, as_bytes(payload), must(BytesWriter::open(directory_of(job), in_bulk(job))));
  check_log(job, outcome.entries);
  return outcome;
}

Outcome make_typed(const Job& job) {
  return write_log(job, put_of(job.entry_bytes),
                   must(WalWriter<Put>::open(directory_of(job), in_bulk(job))));
}

/// Views into the log's buffer: nothing is copied or decoded.
Outcome replay_views(const Job& job) {
  Outcome outcome;
  std::uint64_t bytes = 0;
  const Stopwatch watch;
  const BytesReader reader = must(BytesReader::open(read_only(job)));
  must(reader.replay_each(ReplayMode::strict, [&](const WalRecord<BytesView>& record) {
    ++outcome.entries;
    bytes += record.payload.size();
  }));
  watch.stop(outcome);
  check(bytes == job.total_bytes / job.entry_bytes * job.entry_bytes, "entries are missing");
  return outcome;
}

/// What decoding so many entries takes with no log around it.
double decoding_alone(const Put& put, std::uint64_t entries) {
  const CerealCodec<Put> codec;
  Bytes bytes;
  ByteSink sink(bytes, 1 << 20);
  must(encode_entry(codec, put, sink));
  std::uint64_t numbers = 0;
  const double begin = now();
  for (std::uint64_t i = 0; i != entries; ++i) {
    numbers += must(decode_entry<Put>(codec, bytes, 1)).number;
  }
  const double seconds = now() - begin;
  check(numbers == entries, "an entry did not decode");
  return seconds;
}

Outcome replay_typed(const Job& job) {
  const Put put = put_of(job.entry_bytes);
  Outcome outcome;
  std::uint64_t numbers = 0;
  const Stopwatch watch;
  const auto reader = must(WalReader<Put>::open(read_only(job)));
  must(reader.replay_each(ReplayMode::strict, [&](const WalRecord<Put>& record) {
    ++outcome.entries;
    numbers += record.payload.number;
  }));
  watch.stop(outcome);
  check(outcome.entries == job.total_bytes / job.entry_bytes && numbers == outcome.entries,
        "entries are missing");
  outcome.decode_seconds = decoding_alone(put, outcome.entries);
  return outcome;
}

const Registration kReading{
    {"make", "walkit", "flushed", "fdatasync", make_log},
    {"make", "walkit_typed", "flushed", "fdatasync", make_typed},
    {"w4", "walkit_views", "entries", "none", replay_views},
    {"w4", "walkit_typed", "entries, decoded", "none", replay_typed},
};

}  // namespace
}  // namespace walkit::bench
