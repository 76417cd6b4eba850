// RocksDB: a Put is a record in its log, and one in its memtable. That one is kept in memory for
// the whole run, so that what is measured is the log.

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/transaction_log.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <memory>

#include "run.hpp"

namespace walkit::bench {
namespace {

void must(const rocksdb::Status& status) {
  if (!status.ok()) fail("rocksdb: " + status.ToString());
}

std::unique_ptr<rocksdb::DB> open(const Job& job) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = std::size_t{16} << 30;
  options.max_total_wal_size = std::uint64_t{64} << 30;
  options.WAL_ttl_seconds = 86400;  // or the log could not be read again
  options.avoid_flush_during_shutdown = true;
  options.avoid_flush_during_recovery = true;
  options.allow_fallocate = false;  // as much as the memtable would be
  options.stats_dump_period_sec = 0;
  rocksdb::DB* db = nullptr;
  must(rocksdb::DB::Open(options, job.folder, &db));
  return std::unique_ptr<rocksdb::DB>(db);
}

rocksdb::Slice key_of(std::uint64_t id, char (&key)[8]) {
  for (int i = 0; i != 8; ++i) key[i] = static_cast<char>(id >> (56 - 8 * i));
  return {key, sizeof key};
}

void check_all(rocksdb::DB& db, const std::string& payload, std::uint64_t entries) {
  const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator({}));
  std::uint64_t seen = 0;
  for (at->SeekToFirst(); at->Valid(); at->Next(), ++seen) {
    check(at->value() == rocksdb::Slice(payload), "rocksdb: a wrong payload");
  }
  must(at->status());
  check(seen == entries, "rocksdb: entries are missing");
}

Outcome put_durably(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  const auto db = open(job);
  rocksdb::WriteOptions options;
  options.sync = true;
  std::atomic<std::uint64_t> next{0};
  Outcome outcome = append_for(job, [&](unsigned) {
    char key[8];
    must(db->Put(options, key_of(next++, key), payload));
  });
  check_all(*db, payload, outcome.entries);
  return outcome;
}

/// In batches of so many.
Outcome put_many(const Job& job, std::uint64_t together) {
  const std::string payload = payload_of(job.entry_bytes);
  const auto db = open(job);
  Outcome outcome{.entries = job.total_bytes / job.entry_bytes};
  const Stopwatch watch;
  rocksdb::WriteBatch batch;
  for (std::uint64_t id = 0; id != outcome.entries;) {
    batch.Clear();
    for (std::uint64_t i = 0; i != together && id != outcome.entries; ++i, ++id) {
      char key[8];
      must(batch.Put(key_of(id, key), payload));
    }
    must(db->Write({}, &batch));
  }
  watch.stop(outcome);
  outcome.disk_bytes = bytes_in(job.folder);
  must(db->SyncWAL());
  check_all(*db, payload, outcome.entries);
  return outcome;
}

Outcome put_one_by_one(const Job& job) { return put_many(job, 1); }
Outcome put_batches(const Job& job) { return put_many(job, 64); }

/// A log that nobody closed: the process ends with the database open.
Outcome make_log(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  auto& db = *open(job).release();
  Outcome outcome{.entries = job.total_bytes / job.entry_bytes};
  rocksdb::WriteBatch batch;
  for (std::uint64_t id = 0; id != outcome.entries; ++id) {
    char key[8];
    must(batch.Put(key_of(id, key), payload));
    if (id % 256 != 255 && id + 1 != outcome.entries) continue;
    must(db.Write({}, &batch));
    batch.Clear();
  }
  must(db.SyncWAL());
  return outcome;
}

Outcome replay(const Job& job) {
  rocksdb::DB& db = *open(job).release();  // the process ends with it open, as it began
  Outcome outcome;
  const Stopwatch watch;
  std::unique_ptr<rocksdb::TransactionLogIterator> at;
  must(db.GetUpdatesSince(1, &at));
  for (; at->Valid(); at->Next()) {
    outcome.entries += static_cast<std::uint64_t>(at->GetBatch().writeBatchPtr->Count());
  }
  must(at->status());
  watch.stop(outcome);
  check(outcome.entries == job.total_bytes / job.entry_bytes, "rocksdb: entries are missing");
  return outcome;
}

Outcome reopen(const Job& job) {
  Outcome outcome;
  const Stopwatch watch;
  rocksdb::DB& db = *open(job).release();
  watch.stop(outcome);
  outcome.entries = db.GetLatestSequenceNumber();
  check(outcome.entries == job.total_bytes / job.entry_bytes, "rocksdb: entries are missing");
  return outcome;
}

const Registration kRocksDb{
    {"w1", "rocksdb", "durable", "fdatasync", put_durably},
    {"w2", "rocksdb", "durable", "fdatasync", put_durably},
    {"w3", "rocksdb", "flushed", "none", put_one_by_one},
    {"w3", "rocksdb_batches_of_64", "flushed", "none", put_batches},
    {"make", "rocksdb", "flushed", "fdatasync", make_log},
    {"w4", "rocksdb", "batches", "none", replay},
    {"w5", "rocksdb", "all of the log", "none", reopen},
};

}  // namespace
}  // namespace walkit::bench
