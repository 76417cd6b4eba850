// What an entry by id costs in reads: nobody may make it dearer unseen.

#include "log/random_harness.hpp"

namespace walkit {
namespace {

using log::RandomReader;

/// A closed log of so many segments, and a reader that counts.
struct Counted {
  explicit Counted(std::size_t segments) {
    while (segment_files(box.directory).size() < segments) box.append(20);
    box.close();
  }
  LogBox box{{.segment_bytes = 4096, .preallocation = Preallocation::none}};
  std::shared_ptr<WatchedDirectory> watched = std::make_shared<WatchedDirectory>(box.home());
  RandomReader reader{watched, {}, std::nullopt};
};

TEST(RandomReaderCost, ReadsOfSealedSegmentsAreBoundedByAConstant) {
  for (const std::size_t segments : {10, 80}) {
    Counted log(segments);
    const std::uint64_t last = model_of(log.box.directory).entries.back().id;
    ASSERT_THAT(log.reader.read(EntryId{1}), IsOk());
    std::minstd_rand random(7);
    log.watched->take_reads();
    std::uint64_t most = 0;
    for (int n = 0; n < 500; ++n) {
      ASSERT_THAT(log.reader.read(EntryId{1 + random() % last}), IsOk());
      most = std::max(most, log.watched->take_reads());
    }
    // LOCK, MANIFEST; two headers and a seal where the segment was not open; the step.
    EXPECT_LE(most, 2u + 3u + 1u) << segments;
    ASSERT_THAT(log.reader.read(EntryId{1 + last / 2}), IsOk());
    log.watched->take_reads();
    const std::uint64_t lists = log.watched->counts().lists;
    ASSERT_THAT(log.reader.read(EntryId{1 + last / 2}), IsOk());
    EXPECT_EQ(log.watched->take_reads(), 2u + 1u) << "of a segment that is open";
    EXPECT_EQ(log.watched->counts().lists, lists) << "names are not listed for it";
  }
}

// And no more of the file than the frame, or what a line of the index leads to.
TEST(RandomReaderCost, EntryCostsItsFrame) {
  constexpr std::uint64_t kFrameBytes = 256 << 10, kStepBytes = 64 << 10, kEvidenceBytes = 16 << 10;
  LogBox box({.segment_bytes = 4 << 20});
  for (int n = 0; n < 9'000; ++n) ASSERT_THAT(box.wal->append(std::string(1000, 'x')), IsOk());
  box.close();
  ASSERT_GE(segment_files(box.directory).size(), 3u);
  const auto watched = std::make_shared<WatchedDirectory>(box.home());
  RandomReader reader = random_reader(watched);
  std::minstd_rand random(7);
  for (int n = 0; n < 100; ++n) {
    const EntryId id{1 + random() % 9'000};
    ASSERT_THAT(reader.read(id), IsOk());  // opens its segment
    const std::uint64_t before = watched->counts().bytes;
    ASSERT_THAT(reader.read(id), IsOk());
    EXPECT_LE(watched->counts().bytes - before, kFrameBytes + kStepBytes + kEvidenceBytes);
  }
}

TEST(RandomReaderCost, NewestSegmentIsNotJudgedAgainBeforeSomethingChanges) {
  LogBox box({.segment_bytes = 8 << 20});
  box.append(3000).kill();
  const auto watched = std::make_shared<WatchedDirectory>(box.home());
  RandomReader reader = random_reader(watched);
  ASSERT_THAT(reader.read(EntryId{1500}), IsOk());
  const std::uint64_t bytes = watched->counts().bytes;
  for (int n = 0; n < 10; ++n) {
    watched->take_reads();
    EXPECT_THAT(reader.read(EntryId{1500}), IsOk());
    EXPECT_LE(watched->take_reads(), 5u);
    EXPECT_THAT(reader.read(EntryId{3001}), HasErrc(Errc::not_found));
    EXPECT_LE(watched->take_reads(), 4u) << "the evidence, before and after";
  }
  EXPECT_LT(watched->counts().bytes - bytes, 20u * (200u << 10));
}

TEST(RandomReaderCost, IndexOfTheActiveSegmentGrowsWithIt) {
  for (const bool evidence : {true, false}) {
    LogBox box({.segment_bytes = 64 << 20});
    const auto watched = std::make_shared<WatchedDirectory>(box.home());
    RandomReader reader = random_reader(watched);
    box.append(5000);
    ASSERT_THAT(reader.read(EntryId{4000}), IsOk());
    for (int n = 0; n < 10; ++n) {
      box.append(10);
      if (!evidence) box.flip("wal/LOCK", 99);
      EXPECT_THAT(reader.read(EntryId{box.last() - 11}), IsOk());
      watched->take_reads();
      EXPECT_EQ(as_text(reader.read(EntryId{box.last() - 10})->payload), text_of(box.last() - 10));
      EXPECT_LE(watched->take_reads(), 9u);
      if (!evidence) box.flip("wal/LOCK", 99);
    }
  }
}

}  // namespace
}  // namespace walkit
