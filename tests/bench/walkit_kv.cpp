// W6 and W7 by walkit: durable puts into a map, and a map that comes back.

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "kv_keys.hpp"
#include "walkit/app/kv_store.hpp"
#include "walkit_logs.hpp"

namespace walkit::bench {
namespace {

namespace fs = std::filesystem;

/// The defaults: durable when put returns, checkpoints in the background.
Outcome put_durably(const Job& job) {
  const std::string value = payload_of(job.entry_bytes);
  auto store = must(kv::Store::open(directory_of(job)));
  std::uint64_t keys = 0;
  Outcome outcome =
      put_for(job, keys, [&](unsigned, const std::string& key) { must(store.put(key, value)); });
  const kv::KvStats stats = store.stats();
  check(stats.wal.entries == outcome.entries, "the log counts other entries");
  outcome.groups = stats.wal.syncs;
  must(store.close());
  outcome.disk_bytes = bytes_in(job.folder);
  auto again = must(kv::Store::open(directory_of(job)));
  check(must(again.size()) == keys, "keys are missing");
  return outcome;
}

std::string key_of(std::uint64_t number) {
  return "key/" + std::to_string(1'000'000'000'000 + number);
}

std::uint64_t keys_of(const Job& job) { return job.total_bytes / job.entry_bytes; }

/// As many keys as fit, in a checkpoint, and as many entries above it, one for each; then the
/// process ends as if it were killed.
Outcome make(const Job& job) {
  const std::string value = payload_of(job.entry_bytes);
  kv::KvOptions options{.checkpoint_every_bytes = 0,
                        .checkpoint_every_entries = 0,
                        .checkpoint_every = std::chrono::milliseconds(0)};
  options.wal.segment_bytes = job.segment_bytes;
  auto& machine =
      *new kv::KvStateMachine(must(kv::KvStateMachine::open(directory_of(job), options)));
  Outcome outcome{.entries = keys_of(job)};
  std::uint64_t index = 0;
  for (const int round : {1, 2}) {
    for (std::uint64_t n = 0; n != outcome.entries;) {
      std::vector<kv::Request> chunk;
      for (int i = 0; i != 1000 && n != outcome.entries; ++i, ++n) {
        chunk.push_back({++index, kv::Put{key_of(n), value}, 1});
      }
      must(machine.apply(chunk));
    }
    if (round == 1) must(machine.checkpoint());
  }
  return outcome;
}

Outcome open_map(const Job& job) {
  Outcome outcome;
  const Stopwatch watch;
  auto& machine = *new kv::KvStateMachine(must(kv::KvStateMachine::open(directory_of(job))));
  watch.stop(outcome);
  outcome.entries = machine.stats().replayed.size();
  check(machine.size() == keys_of(job) && outcome.entries == keys_of(job), "keys are missing");
  return outcome;
}

/// The bytes of the same files, read once and looked at by nobody.
Outcome read_plainly(const Job& job) {
  std::vector<char> buffer(1 << 20);
  Outcome outcome{.entries = 1};
  const Stopwatch watch;
  for (const auto& entry : fs::recursive_directory_iterator(job.folder)) {
    if (!entry.is_regular_file()) continue;
    const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    check_call(file >= 0, "open");
    for (ssize_t got = 1; got > 0;) {
      got = ::read(file, buffer.data(), buffer.size());
      check_call(got >= 0, "read");
      outcome.disk_bytes += static_cast<std::uint64_t>(got);
    }
    ::close(file);
  }
  watch.stop(outcome);
  return outcome;
}

const Registration kKv{
    {"w6", "walkit", "durable", "fdatasync", put_durably},
    {"make", "walkit_kv", "durable", "fdatasync", make},
    {"w7", "walkit", "all of it", "fdatasync", open_map},
    {"w7", "floor_read", "bytes", "none", read_plainly},
};

}  // namespace
}  // namespace walkit::bench
