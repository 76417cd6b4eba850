// Frames stored smaller; a reader needs no option, and one log may hold all kinds.
#include <string>
#include <vector>
#include <walkit/walkit.hpp>

#include "check.hpp"

using walkit::Compression;
using Wal = walkit::WalWriter<std::string>;

int main() {
  const std::vector<std::string> batch(500, "the same words again and again");
  const auto dir = walkit::FsDirectory::open("log").value();
  std::uint64_t plain = 0;
  for (const Compression kind : {Compression::none, Compression::lz4, Compression::zstd}) {
    auto wal =
        Wal::open(dir, {.preallocation = walkit::Preallocation::none, .compression = kind}).value();
    CHECK(wal.append_batch(batch));
    CHECK(wal.append("short"));  // not smaller: stored as it is
    const walkit::WalStats stats = wal.stats();
    if (kind == Compression::none) plain = stats.written_bytes;
    CHECK(stats.payload_bytes > 500 * 30);
    CHECK(kind == Compression::none || stats.written_bytes * 3 < plain);
    CHECK(wal.close());
  }

  const auto log = walkit::WalReader<std::string>::open(dir).value();
  CHECK(log.entry_count().value() == 3 * 501);
  for (auto& record : log.cursor()) {
    CHECK(record);
    const bool last = record->entry_id.value % 501 == 0;
    CHECK(record->payload == (last ? "short" : batch[0]));
  }
  CHECK(walkit::WalMaintenance::open(dir).value().verify().value().damage.empty());
}
