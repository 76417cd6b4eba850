// Entries that are bytes already, written and read without a copy of one's own.
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <walkit/walkit.hpp>

#include "check.hpp"

int main() {
  using walkit::BytesCodec;
  const auto dir = walkit::MemoryDirectory::create();
  auto wal = walkit::WalWriter<std::string_view, BytesCodec>::open(dir).value();
  CHECK(wal.append("one"));
  CHECK(wal.append(std::string_view("\0two", 4)));
  CHECK(wal.append(""));
  CHECK(wal.append_batch({"three", "four"}).value().size() == 2);

  // A view lives for the callback.
  std::string all;
  const auto views = walkit::WalReader<std::string_view, BytesCodec>::open(dir).value();
  const auto done = views.replay_each(
      walkit::ReplayMode::strict,
      [&](const walkit::WalRecord<std::string_view>& record) { all += record.payload; });
  CHECK(done && done->entry_count == 5);
  CHECK(all == std::string("one\0twothreefour", 16));

  // In a loop it lives until the next item.
  std::size_t bytes = 0;
  for (auto& record : walkit::WalReader<walkit::BytesView, BytesCodec>::open(dir)->cursor()) {
    CHECK(record);
    bytes += record->payload.size();
  }
  CHECK(bytes == all.size());

  // Kept longer: as std::string or walkit::Bytes.
  const auto log = walkit::WalReader<walkit::Bytes, BytesCodec>::open(dir).value();
  CHECK(walkit::as_text(log.read(walkit::EntryId{4}).value().payload) == "three");
}
