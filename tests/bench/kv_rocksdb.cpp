// W6 by RocksDB, as it is set up by itself; each put is synced.

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <memory>

#include "kv_keys.hpp"

namespace walkit::bench {
namespace {

void must(const rocksdb::Status& status) {
  if (!status.ok()) fail("rocksdb: " + status.ToString());
}

Outcome put_durably(const Job& job) {
  const std::string value = payload_of(job.entry_bytes);
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  must(rocksdb::DB::Open(options, job.folder, &opened));
  const std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::WriteOptions durable;
  durable.sync = true;
  std::uint64_t keys = 0, seen = 0;
  Outcome outcome = put_for(
      job, keys, [&](unsigned, const std::string& key) { must(db->Put(durable, key, value)); });
  const std::unique_ptr<rocksdb::Iterator> at(db->NewIterator({}));
  for (at->SeekToFirst(); at->Valid(); at->Next()) ++seen;
  must(at->status());
  check(seen == keys, "rocksdb: keys are missing");
  return outcome;
}

const Registration kRocksDb{{"w6", "rocksdb", "durable", "fdatasync", put_durably}};

}  // namespace
}  // namespace walkit::bench
