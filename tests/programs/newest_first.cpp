// The last entries, newest first, without reading what is before them.
#include <string>
#include <vector>
#include <walkit/walkit.hpp>

#include "check.hpp"

using walkit::EntryId;
using Log = walkit::WalReader<std::string>;

walkit::Result<std::vector<std::string>> last(const Log& log, std::size_t count,
                                              EntryId from = EntryId::max()) {
  std::vector<std::string> lines;
  if (count == 0) return lines;
  for (auto& record : log.newest_first(from)) {
    if (!record) return record.error();
    lines.push_back(std::move(record->payload));
    if (lines.size() == count) break;
  }
  return lines;
}

int main() {
  const auto dir = walkit::FsDirectory::open("log").value();
  auto wal = walkit::WalWriter<std::string>::open(dir, {.segment_bytes = 4096}).value();
  CHECK(last(Log::open(dir).value(), 3).value().empty());
  for (int i = 1; i <= 100; ++i) {
    CHECK(wal.append(std::to_string(i)));
    if (i % 10 == 0) CHECK(wal.append_batch({"a", "b"}));
  }
  const Log log = Log::open(dir).value();
  CHECK(last(log, 4).value() == std::vector<std::string>{"b", "a", "100", "99"});
  CHECK(last(log, 2, EntryId{9}).value() == std::vector<std::string>{"9", "8"});
  const auto all = last(log, 1000).value();
  CHECK(all.size() == 120 && all.back() == "1");
}
