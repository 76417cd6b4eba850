// A thread follows the log into a view, over several lives of the writer, until it is stopped.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <walkit/walkit.hpp>

#include "check.hpp"

using Log = walkit::WalReader<std::string>;

int main() {
  using namespace std::chrono_literals;
  const auto dir = walkit::FsDirectory::open("log").value();
  auto wal = walkit::WalWriter<std::string>::open(dir).value();

  std::atomic<std::uint64_t> seen = 0, total = 0;
  std::atomic<bool> failed = false;
  const Log log = Log::open(dir).value();
  std::jthread view([&](const std::stop_token& stop) {
    for (auto& record : log.follow(walkit::EntryId{1}, {.stop = stop, .poll = 5ms})) {
      if (!record) failed = true;
      if (!record) return;
      total += std::stoull(record->payload);
      seen = record->entry_id.value;
    }
  });

  const auto wait_for = [&](std::uint64_t id) {
    while (seen < id && !failed) std::this_thread::yield();
  };
  for (int i = 1; i <= 100; ++i) CHECK(wal.append(std::to_string(i)));
  wait_for(100);
  CHECK(total == 5050);
  CHECK(wal.close());
  auto next_life = walkit::WalWriter<std::string>::open(dir).value();
  CHECK(next_life.append("50"));
  wait_for(101);
  CHECK(!failed && total == 5100);
  view.request_stop();
  view.join();

  // One by one, with a limit to the waiting.
  auto follower = log.follow(walkit::EntryId{101});
  CHECK(follower.next(1h).value()->payload == "50");
  CHECK(!follower.next(1ms).value());
  CHECK(next_life.append("51"));
  CHECK(follower.next(1h).value()->payload == "51");
}
