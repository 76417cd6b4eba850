// LMDB: no log but a tree whose pages are copied; an entry is one transaction.

#include <lmdb.h>

#include <string>

#include "run.hpp"

namespace walkit::bench {
namespace {

void must(int code) {
  if (code != 0) fail("lmdb: " + std::string(mdb_strerror(code)));
}

/// Any thread.
class Environment {
 public:
  Environment(const Job& job, unsigned flags) : payload_(payload_of(job.entry_bytes)) {
    must(mdb_env_create(&env_));
    must(mdb_env_set_mapsize(env_, std::size_t{8} << 30));
    must(mdb_env_open(env_, job.folder.c_str(), flags, 0644));
    MDB_txn* transaction = nullptr;
    must(mdb_txn_begin(env_, nullptr, 0, &transaction));
    must(mdb_dbi_open(transaction, nullptr, MDB_INTEGERKEY, &table_));
    must(mdb_txn_commit(transaction));
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { mdb_env_close(env_); }

  void put() {
    MDB_txn* transaction = nullptr;
    must(mdb_txn_begin(env_, nullptr, 0, &transaction));
    std::uint64_t id = next_++;  // there is one writing transaction at a time
    MDB_val key{sizeof id, &id}, value{payload_.size(), payload_.data()};
    must(mdb_put(transaction, table_, &key, &value, MDB_APPEND));
    must(mdb_txn_commit(transaction));
  }
  std::uint64_t count() {
    MDB_txn* transaction = nullptr;
    must(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &transaction));
    MDB_stat about{};
    must(mdb_stat(transaction, table_, &about));
    mdb_txn_abort(transaction);
    return about.ms_entries;
  }

 private:
  std::string payload_;
  MDB_env* env_ = nullptr;
  MDB_dbi table_ = 0;
  std::uint64_t next_ = 0;
};

Outcome put_durably(const Job& job) {
  Environment environment(job, 0);
  Outcome outcome = append_for(job, [&](unsigned) { environment.put(); });
  check(environment.count() == outcome.entries, "lmdb: entries are missing");
  return outcome;
}

Outcome put_many(const Job& job) {
  Environment environment(job, MDB_NOSYNC);
  Outcome outcome{.entries = job.total_bytes / job.entry_bytes};
  const Stopwatch watch;
  for (std::uint64_t i = 0; i != outcome.entries; ++i) environment.put();
  watch.stop(outcome);
  outcome.disk_bytes = bytes_in(job.folder);
  check(environment.count() == outcome.entries, "lmdb: entries are missing");
  return outcome;
}

const Registration kLmdb{
    {"w1", "lmdb", "durable", "fdatasync, O_DSYNC", put_durably},
    {"w2", "lmdb", "durable", "fdatasync, O_DSYNC", put_durably},
    {"w3", "lmdb", "flushed", "none", put_many},
};

}  // namespace
}  // namespace walkit::bench
