// Where one segment ends and the next begins, and that no reader can tell.

#include <algorithm>

#include "log/format.hpp"
#include "log/frame_scanner.hpp"
#include "log/writer_harness.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit {
namespace {

using namespace std::chrono_literals;

// A directory whose clock the test sets; all else is the directory below.
class ClockDirectory final : public testing::PassingDirectory {
 public:
  using Clock = std::shared_ptr<std::chrono::nanoseconds>;
  ClockDirectory(std::shared_ptr<Directory> below, Clock clock)
      : PassingDirectory(std::move(below)), clock_(std::move(clock)) {}
  std::chrono::nanoseconds now() override { return *clock_; }

 private:
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view /*name*/,
                                               std::shared_ptr<Directory> inner) override {
    return std::make_shared<ClockDirectory>(std::move(inner), clock_);
  }

  Clock clock_;
};

std::uint64_t size_of(const std::shared_ptr<Directory>& directory, const std::string& file) {
  auto wal = directory->subdirectory("wal", OpenMode::read).value();
  return wal->open(file, OpenMode::read).value()->size().value();
}

TEST(Rotation, SegmentsStayBelowTheirSize) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, {.segment_bytes = 10'000}).value();
  for (std::uint64_t n = 1; n <= 100; ++n) ASSERT_THAT(wal.append(entry_text(n)), IsOk());
  EXPECT_EQ(wal.stats().rotations, segment_files(directory).size());
  ASSERT_THAT(wal.close(), IsOk());
  const auto files = segment_files(directory);
  EXPECT_GE(files.size(), 4u);
  // A close frame and the seal with its index come on top.
  for (const std::string& file : files) EXPECT_LE(size_of(directory, file), 10'000u + 1024);
  EXPECT_EQ(read_all(directory).value(), entry_texts(100));
}

TEST(Rotation, FrameLargerThanASegmentGetsOneOfItsOwn) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, {.segment_bytes = 4096}).value();
  const std::vector<std::string> texts = {"small", std::string(50'000, 'b'), "after",
                                          std::string(60'000, 'c'), std::string(70'000, 'd')};
  for (const std::string& text : texts) ASSERT_THAT(wal.append(text), IsOk());
  EXPECT_EQ(segment_files(directory).size(), texts.size());
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(read_all(directory).value(), texts);
}

TEST(Rotation, LargeFirstFrameNeedsNoEmptySegmentBefore) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, {.segment_bytes = 4096}).value();
  ASSERT_THAT(wal.append(std::string(50'000, 'b')), IsOk());
  EXPECT_EQ(segment_files(directory).size(), 1u);
}

TEST(Rotation, AgeRotatesAtTheNextAppend) {
  const auto clock = std::make_shared<std::chrono::nanoseconds>(1h);
  const auto directory = std::make_shared<ClockDirectory>(MemoryDirectory::create(), clock);
  auto wal = Wal::open(directory, {.segment_age = 60s}).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  *clock += 60s - 1ns;
  ASSERT_THAT(wal.append("b"), IsOk());
  EXPECT_EQ(segment_files(directory).size(), 1u);
  *clock += 1ns;
  EXPECT_EQ(segment_files(directory).size(), 1u);
  ASSERT_THAT(wal.append("c"), IsOk());
  EXPECT_EQ(segment_files(directory).size(), 2u);
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(read_all(directory).value(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Rotation, ClockThatJumpsChangesNothingButTheFiles) {
  const auto clock = std::make_shared<std::chrono::nanoseconds>(1h);
  const auto directory = std::make_shared<ClockDirectory>(MemoryDirectory::create(), clock);
  auto wal = Wal::open(directory, {.segment_age = 60s}).value();
  std::minstd_rand random(7);
  for (std::uint64_t n = 1; n <= 100; ++n) {
    *clock = std::chrono::seconds(random() % 100'000);
    ASSERT_THAT(wal.append(entry_text(n)), IsOkAndHolds(EntryId{n}));
  }
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(read_all(directory).value(), entry_texts(100));
}

// Acceptance check 2.
TEST(Rotation, CutsAtRandomNeverChangeTheReplay) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::minstd_rand random(seed);
    const auto directory = MemoryDirectory::create();
    const std::vector<std::string> texts = entry_texts(200);
    std::size_t done = 0;
    while (done < texts.size()) {
      auto wal = Wal::open(directory, {.flush = FlushPolicy::every_n(random() % 5),
                                       .segment_bytes = 4096 + random() % 20'000,
                                       .layout = Layout(random() % 2),
                                       .preallocation = Preallocation(random() % 2)});
      const std::size_t end = std::min(texts.size(), done + random() % 60);
      const std::span<const std::string> batch(texts.data() + done,
                                               std::min<std::size_t>(3, end - done));
      ASSERT_THAT(wal.value().append_batch(batch), IsOk());
      done += batch.size();
      for (; done < end; ++done) ASSERT_THAT(wal->append(texts[done]), IsOk());
      ASSERT_THAT(wal->close(), IsOk());
    }
    EXPECT_EQ(read_all(directory).value(), texts);
  }
}

TEST(Rotation, OrderIsNumericBeyondNineSegments) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, {.segment_bytes = 4096}).value();
  std::vector<std::string> texts;
  for (char c = 'a'; c < 'p'; ++c) texts.emplace_back(3000, c);
  for (const std::string& text : texts) ASSERT_THAT(wal.append(text), IsOk());
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(segment_files(directory).size(), 15u);
  EXPECT_EQ(read_all(directory).value(), texts);
}

// Acceptance check 6.
TEST(Rotation, SyncCoversTheSegmentsBefore) {
  for (const Durability level : {Durability::flushed, Durability::durable}) {
    const auto directory =
        CrashDirectory::create({.pick = [](std::size_t) { return std::size_t{0}; }});
    auto wal = Wal::open(
        directory, {.flush = FlushPolicy::manual(), .durability = level, .segment_bytes = 4096});
    std::vector<std::string> texts;
    for (const char c : {'a', 'b', 'c'}) texts.emplace_back(3000, c);
    for (const std::string& text : texts) ASSERT_THAT(wal.value().append(text), IsOk());
    ASSERT_THAT(wal->sync(), IsOk());
    ASSERT_EQ(segment_files(directory).size(), 3u);
    EXPECT_EQ(read_all(directory->crash(Crash::power_cut)).value(), texts);
  }
}

TEST(Rotation, WithoutSyncThePowerCutTakesTheNewestSegmentsEntries) {
  const auto directory =
      CrashDirectory::create({.pick = [](std::size_t) { return std::size_t{0}; }});
  auto wal = Wal::open(directory, {.flush = FlushPolicy::manual(), .segment_bytes = 4096}).value();
  for (const char c : {'a', 'b', 'c'}) ASSERT_THAT(wal.append(std::string(3000, c)), IsOk());
  EXPECT_EQ(read_all(directory->crash(Crash::power_cut)).value().size(), 2u);
}

TEST(Rotation, PrefillGrowsInSteps) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory, {.segment_bytes = 20 << 20}).value();
  std::vector<std::uint64_t> sizes;
  for (int n = 0; n < 100; ++n) {
    ASSERT_THAT(wal.append(std::string(100'000, 'x')), IsOk());
    const std::uint64_t size = size_of(directory, segment_files(directory).at(0));
    if (sizes.empty() || size != sizes.back()) sizes.push_back(size);
  }
  EXPECT_EQ(sizes, (std::vector<std::uint64_t>{1 << 20, 2 << 20, 4 << 20, 8 << 20, 16 << 20}));
}

TEST(Rotation, SealedFilesAreCutToWhatTheyHold) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory, {.segment_bytes = 8 << 20}).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  const std::string file = segment_files(directory).at(0);
  EXPECT_EQ(size_of(directory, file), 1u << 20);
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_LT(size_of(directory, file), 2048u);
}

TEST(Rotation, WithoutPreallocationFilesHoldOnlyFrames) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory, {.preallocation = Preallocation::none}).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  EXPECT_LT(size_of(directory, segment_files(directory).at(0)), 1024u);
  EXPECT_EQ(count_of(directory->operations(), OperationKind::fill_zeros), 0u);
}

// Where each frame of entries begins.
std::vector<std::uint64_t> frame_offsets(const std::shared_ptr<Directory>& directory) {
  auto wal = directory->subdirectory("wal", OpenMode::read).value();
  auto file = wal->open(segment_files(directory).at(0), OpenMode::read).value();
  Bytes bytes(log::kSegmentHeaderBytes);
  EXPECT_THAT(file->read_at(0, bytes), IsOk());
  const log::SegmentHeader header = log::decode_segment_header(bytes).value();
  log::FrameScanner scanner(*file, header, ~std::uint64_t{0});
  std::vector<std::uint64_t> offsets;
  for (auto frame = scanner.next(); frame.value(); frame = scanner.next()) {
    if ((*frame)->header.is(log::FrameKind::entries)) offsets.push_back((*frame)->header.offset);
  }
  return offsets;
}

TEST(Rotation, WholeBlocksStartsEachSyncGroupOnItsOwnBlock) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, {.layout = Layout::whole_blocks}).value();
  for (const std::size_t bytes : {0, 1, 4000, 4032, 4033, 5000, 3}) {
    ASSERT_THAT(wal.append(std::string(bytes, 'x')), IsOk());
  }
  const auto offsets = frame_offsets(directory);
  EXPECT_EQ(offsets.size(), 7u);
  for (const std::uint64_t offset : offsets) EXPECT_EQ(offset % log::kBlockBytes, 0u) << offset;
}

TEST(Rotation, PackedFramesFollowEachOther) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory).value();
  for (int n = 0; n < 7; ++n) ASSERT_THAT(wal.append("abc"), IsOk());
  const auto offsets = frame_offsets(directory);
  ASSERT_EQ(offsets.size(), 7u);
  EXPECT_LT(offsets.back(), 1100u);
}

}  // namespace
}  // namespace walkit
