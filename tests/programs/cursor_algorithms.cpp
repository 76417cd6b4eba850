// A cursor in algorithms and in a loop that ends early; an error is its last item.
#include <algorithm>
#include <string>
#include <walkit/testing/crash_directory.hpp>
#include <walkit/walkit.hpp>

#include "check.hpp"

using Log = walkit::WalReader<std::string, walkit::BytesCodec>;

int main() {
  const auto disk = walkit::testing::CrashDirectory::create();
  auto wal = walkit::WalWriter<std::string, walkit::BytesCodec>::open(disk).value();
  for (int i = 1; i <= 9; ++i) CHECK(wal.append("entry " + std::to_string(i)));
  CHECK(wal.close());
  const Log log = Log::open(disk).value();

  auto all = log.cursor();
  CHECK(std::ranges::count_if(all, [](const auto& item) { return item.has_value(); }) == 9);
  CHECK(all.summary().end == walkit::ReplaySummary::End::end_of_log);

  auto from_4 = log.cursor(walkit::EntryId{4});
  const auto found =
      std::ranges::find_if(from_4, [](const auto& item) { return item->payload.ends_with("6"); });
  CHECK(found != from_4.end() && (*found)->entry_id == walkit::EntryId{6});
  CHECK((*from_4.begin())->entry_id == walkit::EntryId{6});  // it goes on where it is

  std::string taken;
  for (auto& record : log.cursor()) {
    CHECK(record);
    taken = std::move(record->payload);  // a record may be moved out
    if (record->entry_id == walkit::EntryId{3}) break;
  }
  CHECK(taken == "entry 3");

  // Entry 5 is damaged: those before it are given, then the error, then nothing.
  for (const std::string& path : disk->list_files()) {
    if (!path.ends_with(".wal")) continue;
    const std::string text(walkit::as_text(disk->read_file(path).value()));
    const auto at = text.find("entry 5");
    CHECK(at != std::string::npos);
    CHECK(disk->flip_bit(path, at * 8));
  }
  int good = 0, bad = 0;
  for (auto& record : log.cursor()) {
    if (record) {
      ++good;
      continue;
    }
    ++bad;
    CHECK(record.error().code == walkit::Errc::corrupt);
    CHECK(record.error().lost.contains(walkit::EntryId{5}));
  }
  CHECK(good == 4 && bad == 1);
}
