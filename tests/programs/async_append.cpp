// Many entries on their way at once; waiting for the last is waiting for all.
#include <string>
#include <vector>
#include <walkit/walkit.hpp>

#include "check.hpp"

int main() {
  const auto dir = walkit::FsDirectory::open("journal").value();
  auto wal =
      walkit::WalWriter<std::string>::open(dir, {.flush = walkit::FlushPolicy::manual()}).value();
  std::vector<walkit::Ticket> tickets;
  for (int i = 0; i < 1000; ++i) {
    auto ticket = wal.append_async("entry " + std::to_string(i));
    CHECK(ticket);
    tickets.push_back(*ticket);
  }
  CHECK(tickets.front().entry_id() == walkit::EntryId{1});
  CHECK(!tickets.back().ready());
  CHECK(wal.durable_entry_id() == walkit::EntryId{});

  CHECK(tickets.back().wait());  // asking makes the log sync
  for (const walkit::Ticket& ticket : tickets) CHECK(ticket.ready() && ticket.wait());
  CHECK(wal.durable_entry_id() == walkit::EntryId{1000});
  CHECK(wal.stats().syncs < 10);

  // Of a batch it is the last entry's. Closing answers tickets that are still open.
  const std::vector<std::string> more{"a", "b"};
  const auto batch = wal.append_batch_async(more).value();
  CHECK(batch.entry_id() == walkit::EntryId{1002});
  CHECK(wal.close());
  CHECK(batch.ready() && batch.wait());
  CHECK(walkit::WalReader<std::string>::open(dir).value().entry_count().value() == 1002);
}
