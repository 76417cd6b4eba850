// W6 by LMDB: a put is a transaction, which is durable when it is committed.

#include <lmdb.h>

#include "kv_keys.hpp"

namespace walkit::bench {
namespace {

void must(int code) {
  if (code != 0) fail("lmdb: " + std::string(mdb_strerror(code)));
}

Outcome put_durably(const Job& job) {
  std::string value = payload_of(job.entry_bytes);
  MDB_env* env = nullptr;
  must(mdb_env_create(&env));
  must(mdb_env_set_mapsize(env, std::size_t{8} << 30));
  must(mdb_env_open(env, job.folder.c_str(), 0, 0644));
  MDB_txn* transaction = nullptr;
  MDB_dbi table = 0;
  must(mdb_txn_begin(env, nullptr, 0, &transaction));
  must(mdb_dbi_open(transaction, nullptr, 0, &table));
  must(mdb_txn_commit(transaction));
  std::uint64_t keys = 0;
  Outcome outcome = put_for(job, keys, [&](unsigned, std::string key) {
    MDB_txn* one = nullptr;
    must(mdb_txn_begin(env, nullptr, 0, &one));
    MDB_val k{key.size(), key.data()}, v{value.size(), value.data()};
    must(mdb_put(one, table, &k, &v, 0));
    must(mdb_txn_commit(one));
  });
  must(mdb_txn_begin(env, nullptr, MDB_RDONLY, &transaction));
  MDB_stat about{};
  must(mdb_stat(transaction, table, &about));
  mdb_txn_abort(transaction);
  check(about.ms_entries == keys, "lmdb: keys are missing");
  mdb_env_close(env);
  return outcome;
}

const Registration kLmdb{{"w6", "lmdb", "durable", "fdatasync, O_DSYNC", put_durably}};

}  // namespace
}  // namespace walkit::bench
