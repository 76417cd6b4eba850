// One operation, again and again, for callgrind to count: instructions.py runs it twice and takes
// the difference, so that what happens once cancels.
//
//   walkit_instructions list
//   walkit_instructions environment
//   walkit_instructions OPERATION TIMES

#include <gnu/libc-version.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "walkit_logs.hpp"

namespace walkit::bench {
namespace {

using Times = std::uint64_t;

// Logs in memory, so that only walkit is counted; segments so small that their change is a part of
// what an entry costs.
WalOptions small_segments(FlushPolicy flush, Durability durability) {
  return {.flush = flush, .durability = durability, .segment_bytes = 2 << 20};
}

WalOptions buffered() {
  return small_segments(FlushPolicy::every_bytes(1 << 20), Durability::flushed);
}

WalOptions durable() { return small_segments({}, Durability::durable); }

template <std::size_t kBytes>
void append(Times times, WalOptions options) {
  const std::string payload = payload_of(kBytes);
  BytesWriter wal = must(BytesWriter::open(MemoryDirectory::create(), std::move(options)));
  for (Times i = 0; i != times; ++i) must(wal.append(as_bytes(payload)));
}

void append_batches(Times times) {
  constexpr std::size_t kEntries = 64;
  const std::string payload = payload_of(100);
  const std::vector<BytesView> batch(kEntries, as_bytes(payload));
  BytesWriter wal = must(BytesWriter::open(MemoryDirectory::create(), durable()));
  for (Times i = 0; i < times; i += kEntries) must(wal.append_batch(batch));
}

void append_typed(Times times) {
  const Put put = put_of(124);
  auto wal = must(WalWriter<Put>::open(MemoryDirectory::create(), buffered()));
  for (Times i = 0; i != times; ++i) must(wal.append(put));
}

// Of the same log as often as it takes.
template <class Record, class Reader>
void replay(const std::shared_ptr<Directory>& log, Times times) {
  const Reader reader = must(Reader::open(log));
  Times seen = 0;
  while (seen < times) {
    must(reader.replay_each(ReplayMode::strict, [&](const Record&) { ++seen; }));
  }
  check(seen == times, "TIMES is no multiple of the entries in the log");
}

constexpr Times kReplayed = 20'000;

void replay_views(Times times) {
  const std::string payload = payload_of(100);
  const auto log = MemoryDirectory::create();
  BytesWriter wal = must(BytesWriter::open(log, buffered()));
  for (Times i = 0; i != kReplayed; ++i) must(wal.append(as_bytes(payload)));
  must(wal.close());
  replay<WalRecord<BytesView>, BytesReader>(log, times);
}

void replay_typed(Times times) {
  const Put put = put_of(124);
  const auto log = MemoryDirectory::create();
  auto wal = must(WalWriter<Put>::open(log, buffered()));
  for (Times i = 0; i != kReplayed; ++i) must(wal.append(put));
  must(wal.close());
  replay<WalRecord<Put>, WalReader<Put>>(log, times);
}

std::shared_ptr<Directory> small_log() {
  const auto log = MemoryDirectory::create();
  BytesWriter wal = must(BytesWriter::open(log));
  for (int i = 0; i != 10; ++i) must(wal.append(as_bytes("an entry")));
  must(wal.close());
  return log;
}

void open_to_write(Times times) {
  const auto log = small_log();
  for (Times i = 0; i != times; ++i) must(must(BytesWriter::open(log)).close());
}

void open_to_read(Times times) {
  const auto log = small_log();
  for (Times i = 0; i != times; ++i) {
    must(must(BytesReader::open(log)).replay_each(ReplayMode::strict, [](const auto&) {}));
  }
}

struct Operation {
  std::string_view name;
  Times times;  // the shorter run; the longer one is three times as long
  void (*run)(Times);
};

constexpr Operation kOperations[] = {
    {"append_100_buffered", 40'000, [](Times times) { append<100>(times, buffered()); }},
    {"append_1024_buffered", 8'000, [](Times times) { append<1024>(times, buffered()); }},
    {"append_100_durable", 10'000, [](Times times) { append<100>(times, durable()); }},
    {"append_100_in_batches_of_64", 12'800, append_batches},
    {"append_cereal_124_buffered", 20'000, append_typed},
    {"replay_100_views", kReplayed, replay_views},
    {"replay_cereal_124", kReplayed, replay_typed},
    {"open_small_log_to_write", 100, open_to_write},
    {"open_small_log_to_read", 100, open_to_read},
};

int list() {
  for (const Operation& operation : kOperations) {
    std::printf("%.*s %llu\n", static_cast<int>(operation.name.size()), operation.name.data(),
                static_cast<unsigned long long>(operation.times));
  }
  return 0;
}

// All that changes the counts without a change of walkit. Of the processor, as it shows itself to
// the program: libraries choose by that, and valgrind shows no more than it can count.
int environment() {
  __builtin_cpu_init();
  std::printf("compiler %s\nlibc %s\nprocessor %s\n", __VERSION__, gnu_get_libc_version(),
              __builtin_cpu_supports("avx2") ? "avx2" : "no avx2");
  return 0;
}

}  // namespace
}  // namespace walkit::bench

int main(int argc, char** argv) {
  using namespace walkit::bench;
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "list") return list();
  if (name == "environment") return environment();
  for (const Operation& operation : kOperations) {
    if (argc != 3 || name != operation.name) continue;
    operation.run(std::strtoull(argv[2], nullptr, 10));
    return 0;
  }
  std::fprintf(stderr, "walkit_instructions list | environment | OPERATION TIMES\n");
  return 2;
}
