// A batch is there whole or not at all, whatever goes wrong and whenever the power goes.
#include <string>
#include <vector>
#include <walkit/testing/crash_test.hpp>
#include <walkit/walkit.hpp>

#include "check.hpp"

using Transfers = walkit::WalWriter<std::string, walkit::BytesCodec>;

std::size_t transfer_twice(const std::shared_ptr<walkit::Directory>& dir) {
  auto wal = Transfers::open(dir);
  std::size_t acknowledged = 0;
  while (wal && acknowledged < 2 && wal->append_batch({"take 5 from a", "give 5 to b"})) {
    ++acknowledged;
  }
  return acknowledged;
}

walkit::Status no_half(const std::shared_ptr<walkit::Directory>& dir, std::size_t acknowledged) {
  auto wal = Transfers::open(dir);
  if (!wal) return wal.error();
  const std::uint64_t entries = wal->recovery().entries.size();
  if (entries % 2 == 0 && entries / 2 >= acknowledged) return {};
  return walkit::Error{.code = walkit::Errc::corrupt, .message = "half a transfer"};
}

int main() {
  const auto dir = walkit::MemoryDirectory::create();
  auto wal = Transfers::open(dir, {.max_entry_bytes = 100}).value();
  const std::vector<std::string> three{"a", "b", "c"};
  const auto ids = wal.append_batch(three);
  CHECK(ids.value() == walkit::EntryIdRange{walkit::EntryId{1}, walkit::EntryId{3}});
  CHECK(wal.append_batch(std::vector<std::string>{}).value().empty());

  // One entry too large: none is appended, no id is used, the writer goes on.
  const auto refused = wal.append_batch({"d", std::string(101, 'e')});
  CHECK(!refused && refused.error().code == walkit::Errc::too_large);
  CHECK(wal.append("d").value() == walkit::EntryId{4});

  const auto report = walkit::testing::crash_test({}, transfer_twice, no_half);
  if (!report) std::fprintf(stderr, "%s\n", to_string(report.error()).c_str());
  CHECK(report && report->crash_points > 10 && report->states > report->crash_points);
}
