// Entries by id beside a writer that appends, rotates, comes and goes: the right entry or "not
// yet".

#include <thread>

#include "log/random_harness.hpp"

namespace walkit {
namespace {

using log::RandomReader;

constexpr std::uint64_t kEntries = 1500;

/// Reads ids at random until the last one is there, through one reader for all threads.
void read_until_all_is_there(RandomReader& reader, std::uint64_t seed,
                             const std::atomic<std::uint64_t>& acknowledged,
                             const std::atomic<std::uint64_t>& submitted) {
  std::minstd_rand random(static_cast<std::uint32_t>(seed));
  for (bool all = false; !all && !::testing::Test::HasFailure();) {
    const std::uint64_t known = acknowledged;
    all = known == kEntries;
    const EntryId id{all ? kEntries : 1 + random() % (known + 3)};
    const auto read = reader.read(id);
    if (read) {
      ASSERT_EQ(as_text(read->payload), entry_text(id.value));
      ASSERT_LE(id.value, submitted) << "nobody appended that yet";
    } else {
      ASSERT_THAT(read, HasErrc(Errc::not_found));
      ASSERT_GT(id.value, known) << "it was acknowledged";
    }
    const auto since = reader.first_since(1 + random() % 2);
    ASSERT_EQ(since.value_or(EntryId{1}), EntryId{1});
  }
}

struct Life {
  std::uint64_t entries = 0;  // of one writer
  FlushPolicy flush{};
  Durability durability = Durability::durable;
};

void read_beside(const Life& life, std::uint64_t seed) {
  SCOPED_TRACE("to repeat it: WALKIT_SEED=" + std::to_string(seed));
  const auto directory = MemoryDirectory::create();
  const auto home = directory->subdirectory("wal", OpenMode::create).value();
  RandomReader reader = random_reader(home, {.visibility = life.durability});
  std::atomic<std::uint64_t> acknowledged = 0, submitted = 0;
  std::vector<std::thread> readers;
  for (std::uint64_t n = 0; n < 2; ++n) {
    readers.emplace_back(
        [&, n] { read_until_all_is_there(reader, seed + n, acknowledged, submitted); });
  }
  for (std::uint64_t n = 1; n <= kEntries;) {
    auto wal = Wal::open(directory, {.flush = life.flush,
                                     .durability = life.durability,
                                     .segment_bytes = 4096,
                                     .preallocation = Preallocation::none});
    EXPECT_THAT(wal, IsOk());
    for (const std::uint64_t stop = std::min(n + life.entries, kEntries + 1); n < stop; ++n) {
      submitted = n;
      EXPECT_THAT(wal->append(entry_text(n)), IsOk());
      if (life.flush == FlushPolicy{}) acknowledged = n;
    }
    EXPECT_THAT(wal->close(), IsOk());
    acknowledged = n - 1;
  }
  for (std::thread& thread : readers) thread.join();
}

TEST(RandomReaderThreads, BesideOneWriter) { read_beside({.entries = kEntries}, first_seed()); }

TEST(RandomReaderThreads, BesideWritersThatComeAndGo) {
  read_beside({.entries = 8, .flush = FlushPolicy::manual()}, first_seed());
}

TEST(RandomReaderThreads, FlushedEntriesToo) {
  read_beside({.entries = 100, .durability = Durability::flushed}, first_seed());
}

}  // namespace
}  // namespace walkit
