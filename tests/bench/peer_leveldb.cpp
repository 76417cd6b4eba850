// LevelDB: a Put is a record in its log, and one in its memtable. That one is kept in memory for
// the whole run, so that what is measured is the log.

#include <leveldb/db.h>

#include <atomic>
#include <memory>

#include "run.hpp"

namespace walkit::bench {
namespace {

void must(const leveldb::Status& status) {
  if (!status.ok()) fail("leveldb: " + status.ToString());
}

std::unique_ptr<leveldb::DB> open(const Job& job) {
  leveldb::Options options;
  options.create_if_missing = true;
  options.reuse_logs = true;  // opening writes no table
  options.compression = leveldb::kNoCompression;
  options.write_buffer_size = std::size_t{1} << 30;
  leveldb::DB* db = nullptr;
  must(leveldb::DB::Open(options, job.folder, &db));
  return std::unique_ptr<leveldb::DB>(db);
}

class Putter {
 public:
  Putter(leveldb::DB& db, const Job& job) : db_(db), payload_(payload_of(job.entry_bytes)) {}
  void put(bool sync) {
    const std::uint64_t id = next_++;
    char key[8];
    for (int i = 0; i != 8; ++i) key[i] = static_cast<char>(id >> (56 - 8 * i));
    leveldb::WriteOptions options;
    options.sync = sync;
    must(db_.Put(options, {key, sizeof key}, payload_));
  }
  /// What is there again: each key once, with the payload.
  void check_all() const {
    const std::unique_ptr<leveldb::Iterator> at(db_.NewIterator({}));
    std::uint64_t seen = 0;
    for (at->SeekToFirst(); at->Valid(); at->Next(), ++seen) {
      check(at->value() == leveldb::Slice(payload_), "leveldb: a wrong payload");
    }
    must(at->status());
    check(seen == next_, "leveldb: entries are missing");
  }

 private:
  leveldb::DB& db_;
  std::string payload_;
  std::atomic<std::uint64_t> next_{0};
};

Outcome put_durably(const Job& job) {
  const auto db = open(job);
  Putter putter(*db, job);
  Outcome outcome = append_for(job, [&](unsigned) { putter.put(true); });
  putter.check_all();
  return outcome;
}

Outcome put_many(const Job& job) {
  const auto db = open(job);
  Putter putter(*db, job);
  Outcome outcome{.entries = job.total_bytes / job.entry_bytes};
  const Stopwatch watch;
  for (std::uint64_t i = 0; i != outcome.entries; ++i) putter.put(false);
  watch.stop(outcome);
  outcome.disk_bytes = bytes_in(job.folder);
  putter.check_all();
  return outcome;
}

const Registration kLevelDb{
    {"w1", "leveldb", "durable", "fdatasync", put_durably},
    {"w2", "leveldb", "durable", "fdatasync", put_durably},
    {"w3", "leveldb", "flushed", "none", put_many},
};

}  // namespace
}  // namespace walkit::bench
