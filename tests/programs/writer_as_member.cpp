// A class with a writer in it whose header names the entry type only; it moves, and closes at the
// end of its life.
#include <optional>
#include <walkit/io/memory_directory.hpp>

#include "check.hpp"
#include "ledger.hpp"

int main() {
  const auto dir = walkit::MemoryDirectory::create(), other = walkit::MemoryDirectory::create();
  std::optional<Ledger> ledger = Ledger::open(dir).value();
  CHECK(ledger->book("salary", 1000));
  Ledger moved = std::move(*ledger);
  CHECK(ledger->book("lost", 1).error().code == walkit::Errc::closed);  // moved from
  ledger.reset();
  CHECK(moved.book("rent", -600).value() == walkit::EntryId{2});
  CHECK(moved.balance().value() == 400);

  // Assigning closes what it held, so the first log may be opened again.
  CHECK(Ledger::open(dir).error().code == walkit::Errc::locked);
  moved = Ledger::open(other).value();
  CHECK(moved.balance().value() == 0);
  CHECK(Ledger::open(dir).value().balance().value() == 400);
}
