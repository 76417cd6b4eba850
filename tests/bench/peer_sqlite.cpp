// SQLite: a row is a page or more in its WAL, and one transaction.

#include <sqlite3.h>

#include <memory>
#include <vector>

#include "run.hpp"

namespace walkit::bench {
namespace {

/// A connection with the statement that inserts a row. One thread.
class Connection {
 public:
  Connection(const Job& job, const char* synchronous) : payload_(payload_of(job.entry_bytes)) {
    const std::string path = job.folder + "/db";
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    must(sqlite3_open_v2(path.c_str(), &db_, flags, nullptr));
    must(sqlite3_busy_timeout(db_, 20'000));
    execute("PRAGMA journal_mode=WAL");
    execute("PRAGMA synchronous=" + std::string(synchronous));
    execute("CREATE TABLE IF NOT EXISTS log(id INTEGER PRIMARY KEY, payload BLOB)");
    must(sqlite3_prepare_v2(db_, "INSERT INTO log(payload) VALUES(?)", -1, &insert_, nullptr));
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    sqlite3_finalize(insert_);
    sqlite3_close(db_);
  }

  void insert() {
    const int bytes = static_cast<int>(payload_.size());
    must(sqlite3_bind_blob(insert_, 1, payload_.data(), bytes, SQLITE_STATIC));
    must(sqlite3_step(insert_), SQLITE_DONE);
    must(sqlite3_reset(insert_));
  }
  std::uint64_t count() {
    sqlite3_stmt* query = nullptr;
    must(sqlite3_prepare_v2(db_, "SELECT count(*), sum(length(payload)) FROM log", -1, &query,
                            nullptr));
    must(sqlite3_step(query), SQLITE_ROW);
    const auto rows = static_cast<std::uint64_t>(sqlite3_column_int64(query, 0));
    const auto bytes = static_cast<std::uint64_t>(sqlite3_column_int64(query, 1));
    sqlite3_finalize(query);
    check(bytes == rows * payload_.size(), "sqlite: wrong payloads");
    return rows;
  }

 private:
  void must(int code, int wanted = SQLITE_OK) const {
    if (code != wanted) fail("sqlite: " + std::string(sqlite3_errmsg(db_)));
  }
  void execute(const std::string& sql) {
    must(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr));
  }

  std::string payload_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

Outcome insert_durably(const Job& job) {
  std::vector<std::unique_ptr<Connection>> connections;
  for (unsigned i = 0; i != job.threads; ++i) {
    connections.push_back(std::make_unique<Connection>(job, "FULL"));
  }
  Outcome outcome = append_for(job, [&](unsigned thread) { connections[thread]->insert(); });
  check(connections[0]->count() == outcome.entries, "sqlite: rows are missing");
  return outcome;
}

Outcome insert_many(const Job& job) {
  Connection connection(job, "OFF");
  Outcome outcome{.entries = job.total_bytes / job.entry_bytes};
  const Stopwatch watch;
  for (std::uint64_t i = 0; i != outcome.entries; ++i) connection.insert();
  watch.stop(outcome);
  outcome.disk_bytes = bytes_in(job.folder);
  check(connection.count() == outcome.entries, "sqlite: rows are missing");
  return outcome;
}

const Registration kSqlite{
    {"w1", "sqlite", "durable", "fdatasync", insert_durably},
    {"w2", "sqlite", "durable", "fdatasync", insert_durably},
    {"w3", "sqlite", "flushed", "none", insert_many},
};

}  // namespace
}  // namespace walkit::bench
