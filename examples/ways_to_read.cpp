// Every way to read a log. `walkit::WalReader` takes no lock and changes nothing.
#include <iostream>
#include <string>
#include <thread>
#include <walkit/walkit.hpp>

using namespace std::chrono_literals;
using Log = walkit::WalReader<std::string, walkit::BytesCodec>;
using Writer = walkit::WalWriter<std::string, walkit::BytesCodec>;

walkit::Status read_all_ways(const Log& log) {
  // [readme]
  // A loop of your own. The log's end or the first error, itself an item, ends it.
  for (auto& record : log.cursor()) {
    if (!record) return record.error();
    std::cout << record->entry_id << " " << record->payload << "\n";
  }

  // One entry, at the cost of one look into an index and one read.
  const auto third = log.read(walkit::EntryId{3});
  if (!third) return third.error();  // gap: trimmed; not_found: not written yet

  // From the end backwards.
  for (auto& record : log.newest_first()) {
    if (!record) return record.error();
    std::cout << "the newest is " << record->payload << "\n";
    break;
  }

  // By time: what the writer's clock said, for people. It decides nothing.
  const auto since = log.first_since(std::chrono::system_clock::now() - 1h);
  if (!since) return since.error();
  std::cout << "since an hour ago: from entry " << *since << "\n";
  // [/readme]
  return {};
}

int main() {
  const auto dir = walkit::FsDirectory::open("events").value();
  auto wal = Writer::open(dir).value();
  wal.append_batch({"one", "two", "three"}).value();

  const auto log = Log::open(dir).value();
  if (auto done = read_all_ways(log); !done) std::cout << done.error() << "\n";

  // A follower waits for what comes, from this process or another, until it is stopped.
  std::stop_source stop;
  std::thread consumer([&] {
    for (auto& record : log.follow(walkit::EntryId{4}, {.stop = stop.get_token()})) {
      if (!record) break;  // gap: trimmed before it was read; rewound: taken back by a crash
      std::cout << "came: " << record->payload << "\n";
      if (record->payload == "five") stop.request_stop();
    }
  });
  wal.append("four").value();
  wal.append("five").value();
  consumer.join();
}
