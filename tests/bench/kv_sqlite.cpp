// W6 by SQLite with a WAL and synchronous=FULL: a put is one transaction, of a connection of its
// thread's own.

#include <sqlite3.h>

#include <memory>
#include <vector>

#include "kv_keys.hpp"

namespace walkit::bench {
namespace {

/// One thread.
class Connection {
 public:
  explicit Connection(const Job& job) : value_(payload_of(job.entry_bytes)) {
    const std::string path = job.folder + "/db";
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    must(sqlite3_open_v2(path.c_str(), &db_, flags, nullptr));
    must(sqlite3_busy_timeout(db_, 60'000));
    for (const char* sql : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                            "CREATE TABLE IF NOT EXISTS kv(key BLOB PRIMARY KEY, value BLOB) "
                            "WITHOUT ROWID"}) {
      must(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr));
    }
    must(sqlite3_prepare_v2(db_, "INSERT OR REPLACE INTO kv(key, value) VALUES(?, ?)", -1, &put_,
                            nullptr));
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    sqlite3_finalize(put_);
    sqlite3_close(db_);
  }

  void put(const std::string& key) {
    must(sqlite3_bind_blob(put_, 1, key.data(), static_cast<int>(key.size()), SQLITE_STATIC));
    must(sqlite3_bind_blob(put_, 2, value_.data(), static_cast<int>(value_.size()), SQLITE_STATIC));
    must(sqlite3_step(put_), SQLITE_DONE);
    must(sqlite3_reset(put_));
  }
  std::uint64_t count() {
    sqlite3_stmt* query = nullptr;
    must(sqlite3_prepare_v2(db_, "SELECT count(*) FROM kv", -1, &query, nullptr));
    must(sqlite3_step(query), SQLITE_ROW);
    const auto rows = static_cast<std::uint64_t>(sqlite3_column_int64(query, 0));
    sqlite3_finalize(query);
    return rows;
  }

 private:
  void must(int code, int wanted = SQLITE_OK) const {
    if (code != wanted) fail("sqlite: " + std::string(sqlite3_errmsg(db_)));
  }

  std::string value_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* put_ = nullptr;
};

Outcome put_durably(const Job& job) {
  std::vector<std::unique_ptr<Connection>> connections;
  for (unsigned i = 0; i != job.threads; ++i)
    connections.push_back(std::make_unique<Connection>(job));
  std::uint64_t keys = 0;
  Outcome outcome = put_for(
      job, keys, [&](unsigned thread, const std::string& key) { connections[thread]->put(key); });
  check(connections[0]->count() == keys, "sqlite: keys are missing");
  return outcome;
}

const Registration kSqlite{{"w6", "sqlite", "durable", "fdatasync", put_durably}};

}  // namespace
}  // namespace walkit::bench
