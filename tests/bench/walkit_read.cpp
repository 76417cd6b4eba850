// W4 by walkit: all of a log read again.

#include "walkit/maintenance.hpp"
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

/// Like what services log: repeated words, other numbers.
std::string line_of(std::uint64_t n, std::size_t bytes) {
  std::string line = "{\"id\": " + std::to_string(n);
  for (std::uint64_t i = 1; line.size() < bytes; ++i) {
    line += ", \"field " + std::to_string(i) + "\": " + std::to_string(n * 7919 * i % 99'991);
  }
  line.resize(bytes);
  return line;
}

Outcome make_zstd(const Job& job) {
  WalOptions options = in_bulk(job);
  options.compression = Compression::zstd;
  BytesWriter wal = must(BytesWriter::open(directory_of(job), options));
  Outcome outcome{.entries = job.total_bytes / job.entry_bytes};
  for (std::uint64_t i = 0; i != outcome.entries; ++i) {
    must(wal.append(as_bytes(line_of(i, job.entry_bytes))));
  }
  outcome.segments = wal.stats().rotations;
  must(wal.close());
  outcome.disk_bytes = bytes_in(job.folder);
  return outcome;
}

Outcome make_typed(const Job& job) {
  return write_log(job, put_of(job.entry_bytes),
                   must(WalWriter<Put>::open(directory_of(job), in_bulk(job))));
}

/// Views into the log's buffer: nothing is copied or decoded.
Outcome replay_by(const Job& job, const ReadOptions& options) {
  Outcome outcome;
  std::uint64_t bytes = 0;
  const Stopwatch watch;
  const BytesReader reader = must(BytesReader::open(read_only(job), options));
  must(reader.replay_each(ReplayMode::strict, [&](const WalRecord<BytesView>& record) {
    ++outcome.entries;
    bytes += record.payload.size();
  }));
  watch.stop(outcome);
  check(bytes == job.total_bytes / job.entry_bytes * job.entry_bytes, "entries are missing");
  return outcome;
}

Outcome replay_views(const Job& job) { return replay_by(job, {}); }
Outcome replay_mapped(const Job& job) {
  return replay_by(job, {.sealed_segments = SealedSegments::mapped});
}
Outcome replay_by_two(const Job& job) { return replay_by(job, {.threads = 2}); }

Outcome verify_by(const Job& job, unsigned threads) {
  Outcome outcome;
  const Stopwatch watch;
  const auto care = must(WalMaintenance::open(read_only(job), {.threads = threads}));
  const VerifyReport report = must(care.verify());
  watch.stop(outcome);
  outcome.entries = report.entries.size();
  check(report.damage.empty() && outcome.entries == job.total_bytes / job.entry_bytes,
        "a whole log is called damaged");
  return outcome;
}
Outcome verify_alone(const Job& job) { return verify_by(job, 1); }
Outcome verify_by_two(const Job& job) { return verify_by(job, 2); }

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
    {"make", "walkit_zstd", "flushed", "fdatasync", make_zstd},
    {"w4", "walkit_mapped", "entries, mapped", "none", replay_mapped},
    {"w4", "walkit_two", "entries, two threads", "none", replay_by_two},
    {"w4", "walkit_zstd", "entries, zstd", "none", replay_views},
    {"w4", "walkit_zstd_two", "entries, zstd, two threads", "none", replay_by_two},
    {"w4", "walkit_verify", "frames", "none", verify_alone},
    {"w4", "walkit_verify_two", "frames, two threads", "none", verify_by_two},
    {"w4", "walkit_typed", "entries, decoded", "none", replay_typed},
};

}  // namespace
}  // namespace walkit::bench
