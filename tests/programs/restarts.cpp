// A service that restarts, now cleanly, now by a power cut, and knows what it acknowledged.
#include <string>
#include <walkit/testing/crash_directory.hpp>
#include <walkit/walkit.hpp>

#include "check.hpp"

using walkit::EntryId;
using walkit::testing::CrashDirectory;
using Origin = walkit::RecoveryReport::Origin;
using Log = walkit::WalReader<std::string, walkit::BytesCodec>;
using Wal = walkit::WalWriter<std::string, walkit::BytesCodec>;

int main() {
  std::shared_ptr<CrashDirectory> disk = CrashDirectory::create();
  EntryId acknowledged;  // told to somebody else, say a client
  Origin expected = Origin::created;
  for (int life = 0; life < 20; ++life) {
    auto wal = Wal::open(disk, {.expect_durable_through = acknowledged});
    CHECK(wal);
    CHECK(wal->recovery().origin == expected);
    CHECK(wal->recovery().entries.size() >= acknowledged.value);
    for (int i = 0; i <= life % 3; ++i) acknowledged = wal->append("order").value();
    if (life % 2 == 0) {
      CHECK(wal->append_async("nobody waited for this one"));
      disk = disk->crash();
      expected = Origin::crash;
    } else {
      CHECK(wal->close());
      expected = Origin::clean_close;
    }
  }

  // Another, empty folder in its place is an error and no new log.
  const auto wrong = walkit::MemoryDirectory::create();
  const auto refused = Wal::open(wrong, {.expect_durable_through = acknowledged});
  CHECK(!refused && refused.error().code == walkit::Errc::corrupt);

  // Nor is an older copy taken for the log, by a reader either.
  CHECK(Wal::open(wrong).value().append("order"));
  const auto older = Log::open(wrong, {.expect_durable_through = acknowledged}).value().replay();
  CHECK(!older && older.error().code == walkit::Errc::corrupt);
  CHECK(older.error().lost.contains(acknowledged));
}
