// Readers beside a writer, in threads and in other processes: a prefix, what is durable, and never
// a verdict that the next look would not confirm.

#include <atomic>
#include <thread>

#include "io/child_process.hpp"
#include "io/temp_directory.hpp"
#include "log/writer_harness.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit {
namespace {

constexpr std::uint64_t kEntries = 400;

WalOptions small_segments(FlushPolicy flush = {}) {
  return {.flush = flush, .segment_bytes = 4096, .preallocation = Preallocation::none};
}

/// One look: how many entries there are. Each must be the one that was appended under its id.
Result<std::uint64_t> look(const std::shared_ptr<Directory>& directory, ReplayMode mode,
                           Durability visibility = Durability::durable) {
  const auto reader = Reader::open(directory, {.visibility = visibility});
  if (!reader) {
    if (reader.error().code == Errc::not_found) return 0;  // before the log is born
    return reader.error();
  }
  std::uint64_t count = 0;
  const auto summary = reader->replay_each(mode, [&](const auto& record) {
    EXPECT_EQ(record.entry_id.value, ++count);
    EXPECT_EQ(record.payload, entry_text(record.entry_id.value));
  });
  if (!summary) return summary.error();
  EXPECT_LE(summary->proven_through.value, count);
  return count;
}

/// Looks again and again until the log holds them all: never an error, never fewer than before.
void look_until_all_is_there(const std::shared_ptr<Directory>& directory, ReplayMode mode,
                             Durability visibility, const std::atomic<std::uint64_t>& submitted) {
  std::uint64_t last = 0;
  while (last < kEntries && !::testing::Test::HasFailure()) {
    const auto now = look(directory, mode, visibility);
    ASSERT_THAT(now, IsOk());
    ASSERT_GE(*now, last) << "entries are gone again";
    ASSERT_LE(*now, submitted) << "nobody appended that yet";
    last = *now;
  }
}

void write_beside(const std::shared_ptr<Directory>& directory, Durability visibility,
                  const std::function<void(std::atomic<std::uint64_t>&)>& write) {
  std::atomic<std::uint64_t> submitted = 0;
  std::vector<std::thread> readers;
  for (const ReplayMode mode : {ReplayMode::strict, ReplayMode::best_effort}) {
    readers.emplace_back(
        [&, mode] { look_until_all_is_there(directory, mode, visibility, submitted); });
  }
  write(submitted);
  for (std::thread& reader : readers) reader.join();
}

TEST(ReaderBesideWriter, ThreadsSeeOnlyPrefixesWhileSegmentsRotate) {
  const auto directory = MemoryDirectory::create();
  write_beside(directory, Durability::durable, [&](std::atomic<std::uint64_t>& submitted) {
    auto wal = Wal::open(directory, small_segments()).value();
    for (std::uint64_t n = 1; n <= kEntries; ++n) {
      submitted = n;
      ASSERT_THAT(wal.append(entry_text(n)), IsOk());
    }
  });
  EXPECT_GE(segment_files(directory).size(), 20u);
}

TEST(ReaderBesideWriter, ThreadsSeeOnlyPrefixesOnAFileSystem) {
  const TempDirectory home;
  const auto directory = home.open();
  write_beside(home.open(), Durability::durable, [&](std::atomic<std::uint64_t>& submitted) {
    auto wal = Wal::open(directory, small_segments(FlushPolicy::every_n(16))).value();
    for (std::uint64_t n = 1; n <= kEntries; ++n) {
      submitted = n;
      ASSERT_THAT(wal.append(entry_text(n)), IsOk());
    }
  });
}

TEST(ReaderBesideWriter, FlushedEntriesAreSeenInMotion) {
  const auto directory = MemoryDirectory::create();
  write_beside(directory, Durability::flushed, [&](std::atomic<std::uint64_t>& submitted) {
    WalOptions options = small_segments();
    options.durability = Durability::flushed;
    auto wal = Wal::open(directory, options).value();
    for (std::uint64_t n = 1; n <= kEntries; ++n) {
      submitted = n;
      ASSERT_THAT(wal.append(entry_text(n)), IsOk());
    }
  });
}

TEST(ReaderBesideWriter, WritersThatComeAndGoMakeNoFalseVerdict) {
  const auto directory = MemoryDirectory::create();
  write_beside(directory, Durability::durable, [&](std::atomic<std::uint64_t>& submitted) {
    for (std::uint64_t n = 1; n <= kEntries;) {
      auto wal = Wal::open(directory, small_segments(FlushPolicy::manual()));
      ASSERT_THAT(wal, IsOk());
      for (std::uint64_t stop = std::min(n + 8, kEntries + 1); n < stop; ++n) {
        submitted = n;
        ASSERT_THAT(wal->append(entry_text(n)), IsOk());
      }
    }
  });
}

TEST(ReaderBesideWriter, DurableIdIsTheEndAndFlushedShowsMore) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, small_segments(FlushPolicy::manual())).value();
  for (std::uint64_t n = 1; n <= 30; ++n) {
    ASSERT_THAT(wal.append(entry_text(n)), IsOk());
    if (n == 20) {
      ASSERT_THAT(wal.sync(), IsOk());
    }
  }
  const std::uint64_t durable = wal.durable_entry_id().value;
  EXPECT_GE(durable, 20u);
  ASSERT_LT(durable, 30u);
  for (const ReplayMode mode : {ReplayMode::strict, ReplayMode::best_effort}) {
    EXPECT_THAT(look(directory, mode), IsOkAndHolds(durable));
  }
  ASSERT_THAT(wal.flush(), IsOk());
  EXPECT_THAT(look(directory, ReplayMode::strict), IsOkAndHolds(durable));
  EXPECT_THAT(look(directory, ReplayMode::strict, Durability::flushed), IsOkAndHolds(30u));
  ASSERT_THAT(wal.sync(), IsOk());
  EXPECT_THAT(look(directory, ReplayMode::strict), IsOkAndHolds(30u));
}

TEST(ReaderBesideWriter, LockWithoutARecordStillBoundsTheReader) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory, {.flush = FlushPolicy::manual()}).value();
  for (std::uint64_t n = 1; n <= 9; ++n) {
    ASSERT_THAT(wal.append(entry_text(n)), IsOk());
    ASSERT_THAT(n % 3 == 0 ? wal.sync() : wal.flush(), IsOk());
  }
  ASSERT_THAT(directory->flip_bit("wal/LOCK", 99), IsOk());
  EXPECT_THAT(look(directory, ReplayMode::strict), IsOkAndHolds(6u)) << "what the last frame says";
  EXPECT_THAT(look(directory, ReplayMode::strict, Durability::flushed), IsOkAndHolds(9u));
}

TEST(ReaderBesideWriter, RealDamageIsToldBesideAWriterToo) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory, {}).value();
  for (std::uint64_t n = 1; n <= 9; ++n) ASSERT_THAT(wal.append(entry_text(n)), IsOk());
  const std::string file = "wal/" + segment_files(directory).back();
  ASSERT_THAT(directory->flip_bit(file, 8 * 700), IsOk());
  for (const ReplayMode mode : {ReplayMode::strict, ReplayMode::best_effort}) {
    EXPECT_THAT(look(directory, mode), HasErrc(Errc::corrupt));
  }
}

TEST(ReaderBesideWriter, SnapshotsOfOneReaderAreTakenAnew) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, small_segments()).value();
  const auto reader = Reader::open(directory).value();
  for (std::uint64_t n = 1; n <= 50; ++n) {
    ASSERT_THAT(wal.append(entry_text(n)), IsOk());
    EXPECT_THAT(reader.entry_count(), IsOkAndHolds(n));
  }
}

// fork() and threads of a sanitizer do not mix: one thread in each process.
TEST(ReaderBesideWriter, OtherProcessSeesPrefixesOnly) {
  const TempDirectory home;
  Channel ready;
  Child child([&] {
    const std::atomic<std::uint64_t> any = kEntries;
    const auto directory = home.open({.access = FsAccess::read_only});
    ready.say("looking");
    look_until_all_is_there(directory, ReplayMode::strict, Durability::durable, any);
  });
  EXPECT_EQ(ready.wait(), "looking");
  for (std::uint64_t n = 1; n <= kEntries;) {
    auto wal = Wal::open(home.open(), small_segments(FlushPolicy::every_n(10))).value();
    for (std::uint64_t life = 0; life < 100 && n <= kEntries; ++life, ++n) {
      ASSERT_THAT(wal.append(entry_text(n)), IsOk());
    }
  }
  EXPECT_TRUE(child.succeeded());
}

}  // namespace
}  // namespace walkit
