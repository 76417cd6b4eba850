// When an entry was written, and the first since a time: by the writer's clock, for people.
#include <chrono>
#include <string>
#include <walkit/walkit.hpp>

#include "check.hpp"

int main() {
  using namespace std::chrono_literals;
  using walkit::EntryId;
  const auto dir = walkit::FsDirectory::open("log").value();
  auto wal = walkit::WalWriter<std::string>::open(dir).value();
  for (const char* text : {"one", "two", "three"}) CHECK(wal.append(text));
  const auto log = walkit::WalReader<std::string>::open(dir).value();

  const auto first = log.written_at(EntryId{1}).value();
  const auto third = log.written_at(EntryId{3}).value();
  CHECK(first <= third);

  CHECK(log.first_since(first - 1h).value() == EntryId{1});
  CHECK(log.first_since(first).value() == EntryId{1});
  CHECK(log.first_since(third).value() <= EntryId{3});
  CHECK(log.first_since(third + 1h).error().code == walkit::Errc::not_found);
  CHECK(log.written_at(EntryId{4}).error().code == walkit::Errc::not_found);

  // All since then, in order.
  int since = 0;
  for (auto& record : log.cursor(log.first_since(first).value())) since += record ? 1 : 0;
  CHECK(since == 3);
}
