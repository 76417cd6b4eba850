// Threads append to one writer; those who come while a sync runs share the next one.
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>
#include <walkit/walkit.hpp>

#include "check.hpp"

int main() {
  constexpr int kThreads = 4, kEach = 250;
  const auto dir = walkit::FsDirectory::open("log").value();
  auto wal = walkit::WalWriter<std::string>::open(dir).value();
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const auto id = wal.append(std::to_string(t) + ":" + std::to_string(i));
          if (!id || wal.durable_entry_id() < *id) ++failures;
        }
      });
    }
  }
  CHECK(failures == 0);
  CHECK(wal.stats().entries == kThreads * kEach);

  // Submitted by all, then one sync for everybody.
  const auto before = wal.stats();
  {
    auto quiet = walkit::WalWriter<std::string>::open(
                     dir, {.flush = walkit::FlushPolicy::manual(), .subdirectory = "quiet"})
                     .value();
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) failures += quiet.append("x") ? 0 : 1;
      });
    }
    for (std::jthread& thread : threads) thread.join();
    const auto unsynced = quiet.stats().syncs;
    CHECK(quiet.sync());
    CHECK(failures == 0);
    CHECK(quiet.stats().syncs - unsynced == 1);
    CHECK(quiet.durable_entry_id().value == kThreads * kEach);
  }
  CHECK(wal.stats().syncs == before.syncs);  // two logs of one folder do not disturb each other

  std::set<std::string> seen;
  std::vector<int> last(kThreads, -1);  // each thread's entries stand in its order
  for (auto& record : walkit::WalReader<std::string>::open(dir)->cursor()) {
    CHECK(record && seen.insert(record->payload).second);
    const auto thread = static_cast<std::size_t>(record->payload[0] - '0');
    const int number = std::stoi(record->payload.substr(2));
    CHECK(number == ++last[thread]);
  }
  CHECK(seen.size() == kThreads * kEach);
}
