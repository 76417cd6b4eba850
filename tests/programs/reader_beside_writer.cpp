// A reader in a thread beside the writer sees a prefix, never less than what was acknowledged.
#include <atomic>
#include <string>
#include <thread>
#include <walkit/walkit.hpp>

#include "check.hpp"

using Log = walkit::WalReader<std::string, walkit::BytesCodec>;

/// Replays until all are there; the first thing that was wrong, or nothing.
std::string watch(const Log& log, const std::atomic<std::uint64_t>& acknowledged,
                  std::uint64_t entries) {
  for (std::uint64_t seen = 0; seen < entries;) {
    const std::uint64_t at_least = acknowledged;
    const auto records = log.replay();
    if (!records) return to_string(records.error());
    if (records->size() < at_least) return "less than was acknowledged";
    if (records->size() < seen) return "less than before";
    seen = records->size();
    for (std::size_t i = 0; i < seen; ++i) {
      if ((*records)[i].entry_id.value != i + 1) return "a hole";
      if ((*records)[i].payload != std::to_string(i + 1)) return "another entry";
    }
  }
  return {};
}

int main() {
  constexpr std::uint64_t kEntries = 300;
  const auto dir = walkit::FsDirectory::open("log").value();
  CHECK(Log::open(dir).error().code == walkit::Errc::not_found);  // nobody wrote yet

  auto wal = walkit::WalWriter<std::string, walkit::BytesCodec>::open(
                 dir, {.segment_bytes = 8192})  // small files, so that they change while reading
                 .value();
  const Log log = Log::open(dir).value();
  CHECK(log.replay().value().empty());
  std::atomic<std::uint64_t> acknowledged = 0;
  std::string wrong;
  std::thread reader([&] { wrong = watch(log, acknowledged, kEntries); });
  bool all = true;
  for (std::uint64_t i = 1; i <= kEntries; ++i) {
    all = wal.append(std::to_string(i)) && all;
    acknowledged = i;
  }
  reader.join();
  std::fputs(wrong.c_str(), stderr);
  CHECK(all && wrong.empty());
  CHECK(wal.stats().rotations > 0);
}
