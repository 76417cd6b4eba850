// What fails, and what the program does next: a second writer, a full disk, a failed sync.
#include <string>
#include <walkit/testing/crash_directory.hpp>
#include <walkit/walkit.hpp>

#include "check.hpp"

using walkit::EntryId;
using walkit::Errc;
using Wal = walkit::WalWriter<std::string, walkit::BytesCodec>;

int second_writer() {
  const auto dir = walkit::FsDirectory::open("log").value();
  auto wal = Wal::open(dir).value();
  const auto second = Wal::open(dir);
  CHECK(!second && second.error().code == Errc::locked);
  CHECK(!second.error().message.empty() && !second.error().next_step.empty());
  CHECK(wal.close());
  CHECK(Wal::open(dir));  // the lock went with the writer
  return 0;
}

/// The operation numbered `operation` fails after three entries; the writer says what is safe.
int failed_operation(std::uint64_t operation) {
  const auto disk = walkit::testing::CrashDirectory::create();
  auto wal = Wal::open(disk).value();
  for (const char* text : {"one", "two", "three"}) CHECK(wal.append(text));
  disk->fail_at(disk->operation_count() + operation, Errc::io);

  const auto failed = wal.append("four");
  CHECK(!failed);
  CHECK(wal.append("five").error().code == Errc::poisoned);
  CHECK(wal.sync().error().code == Errc::poisoned);
  const walkit::Verdict verdict = wal.verdict();
  CHECK(verdict.failure);
  CHECK(verdict.durable_through == EntryId{3});
  CHECK(verdict.in_doubt.contains(EntryId{4}));
  CHECK(wal.wait_durable(EntryId{3}));  // what was durable still is
  CHECK(!to_string(verdict).empty());
  CHECK(!wal.close());

  // The way on: open again, and append what is behind the log's end.
  auto next = Wal::open(disk).value();
  const auto last = next.last_entry_id().value();
  CHECK(last == EntryId{3} || last == EntryId{4});
  if (last == EntryId{3}) CHECK(next.append("four").value() == EntryId{4});
  CHECK(next.append("five").value() == EntryId{5});
  const auto log = walkit::WalReader<std::string, walkit::BytesCodec>::open(disk).value();
  CHECK(log.read(EntryId{4}).value().payload == "four");
  return 0;
}

int main() {
  CHECK(second_writer() == 0);
  CHECK(failed_operation(1) == 0);  // the write
  CHECK(failed_operation(2) == 0);  // its sync
}
