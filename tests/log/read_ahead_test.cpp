// Replay and verify with helper threads: what one thread gives and tells, entry for entry and word
// for word, of whole logs and of damaged ones.

#include <malloc.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>

#include "io/temp_directory.hpp"
#include "log/log_box.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit {
namespace {

using testing::Fault;
using testing::FaultDirectory;
using Home = std::shared_ptr<Directory>;

constexpr std::uint64_t kSegmentBytes = 3 << 20;  // several pieces

struct Shape {
  Compression compression = Compression::none;
  std::uint64_t entry_bytes_max = 30'000;
  std::uint64_t entries = 600;
  FlushPolicy flush = FlushPolicy::every_bytes(200'000);
  std::string history = "a";  // ends each entry
};

/// Half random, half of it repeated, so that it compresses by as much.
std::string text_of(std::uint64_t n, const Shape& shape) {
  const std::string half = entry_text(n, shape.entry_bytes_max / 2);
  return half + half + shape.history;
}

Home make_log(const Shape& shape, Home home = MemoryDirectory::create()) {
  auto wal = Wal::open(home, {.flush = shape.flush,
                              .durability = Durability::flushed,
                              .segment_bytes = kSegmentBytes,
                              .preallocation = Preallocation::none,
                              .compression = shape.compression})
                 .value();
  for (std::uint64_t n = 1; n <= shape.entries; ++n) {
    EXPECT_THAT(wal.append(text_of(n, shape)), IsOk());
  }
  EXPECT_THAT(wal.close(), IsOk());
  EXPECT_GE(segment_files(home).size(), 2u);
  return home;
}

/// All that one replay gave and said.
struct Told {
  std::vector<std::pair<std::uint64_t, std::size_t>> entries{};  // id, hash of the payload
  std::string end{};
};

Told replayed(const Home& home, ReplayMode mode, unsigned threads, ReplayRange range = {},
              SealedSegments how = SealedSegments::copied) {
  Told told;
  const ReadOptions options{.threads = threads, .sealed_segments = how};
  const auto reader = LogReader::open(home, options, std::nullopt);
  if (!reader) return {.end = to_string(reader.error())};
  const auto summary = reader->replay(mode, range, [&](const EntryView& entry) -> Result<Step> {
    told.entries.emplace_back(entry.entry_id.value,
                              std::hash<std::string_view>()(as_text(entry.payload)));
    return Step::next;
  });
  if (!summary) {
    told.end = to_string(summary.error());
    return told;
  }
  told.end = to_string(summary->entries) + " " + std::to_string(summary->entry_count) + " " +
             std::to_string(static_cast<int>(summary->end)) + " proven " +
             to_string(summary->proven_through);
  for (const Error& gap : summary->gaps) told.end += "\n" + to_string(gap);
  return told;
}

std::string verified(const Home& home, unsigned threads) {
  const auto report = WalMaintenance::open(home, {.threads = threads}).value().verify();
  return report ? to_string(*report) : to_string(report.error());
}

/// The same whatever the number of threads.
void expect_same(const Home& home) {
  for (const ReplayMode mode : {ReplayMode::strict, ReplayMode::best_effort, ReplayMode::salvage}) {
    const Told alone = replayed(home, mode, 1);
    for (const auto how : {SealedSegments::copied, SealedSegments::mapped}) {
      for (const unsigned threads : {1u, 2u, 5u}) {
        const Told together = replayed(home, mode, threads, {}, how);
        EXPECT_EQ(together.end, alone.end) << threads << " threads";
        EXPECT_TRUE(together.entries == alone.entries) << threads << " threads";
      }
    }
  }
  EXPECT_EQ(verified(home, 3), verified(home, 1));
}

void change(const Home& home, const std::string& file, std::uint64_t offset, std::byte flip) {
  const auto opened =
      home->subdirectory("wal", OpenMode::read).value()->open(file, OpenMode::write).value();
  std::byte byte{};
  if (opened->read_at(offset, {&byte, 1}).value() == 0) return;
  byte ^= flip;
  const BytesView part(&byte, 1);
  opened->write_at(offset, {&part, 1}).value();
}

const Shape kShapes[] = {
    {},
    {.compression = Compression::lz4},
    {.compression = Compression::zstd},
    {.entry_bytes_max = 60, .entries = 120'000, .flush = FlushPolicy::every_n(20)},
    {.entry_bytes_max = 2 << 20, .entries = 20, .flush = FlushPolicy::every_append()},
};

TEST(ReadAhead, GivesWhatOneThreadGives) {
  for (const Shape& shape : kShapes) {
    const Home home = make_log(shape);
    const Told alone = replayed(home, ReplayMode::strict, 1);
    EXPECT_EQ(alone.entries.size(), shape.entries);
    expect_same(home);
  }
}

TEST(ReadAhead, GivesTheSameOfMappedSegments) {
  for (const Compression compression : {Compression::none, Compression::lz4}) {
    const TempDirectory temp;
    const Home home = make_log({.compression = compression}, temp.open());
    expect_same(home);
    change(home, segment_files(home)[0], 1'500'000, std::byte{1});
    expect_same(home);
  }
}

TEST(ReadAhead, KeepsToARange) {
  const Home home = make_log({});
  for (const ReplayMode mode : {ReplayMode::strict, ReplayMode::salvage}) {
    for (const auto& [first, last] : {std::pair{1, 1}, {290, 310}, {599, 600}, {1, 600}}) {
      const ReplayRange range{EntryId(static_cast<std::uint64_t>(first)),
                              EntryId(static_cast<std::uint64_t>(last))};
      const Told together = replayed(home, mode, 3, range);
      EXPECT_EQ(together.entries.size(), static_cast<std::size_t>(last - first + 1));
      EXPECT_EQ(together.end, replayed(home, mode, 1, range).end);
    }
  }
}

TEST(ReadAhead, TellsDamageAsOneThreadDoes) {
  const std::uint64_t seed = 20;
  std::mt19937_64 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (const Shape& shape : kShapes) {
    const Home home = make_log(shape);
    const auto files = segment_files(home);
    for (int n = 0; n < 5; ++n) {
      const std::string& file = files[random() % files.size()];
      const std::uint64_t offset = 512 + random() % kSegmentBytes;
      const auto flip = static_cast<std::byte>(1 + random() % 255);
      SCOPED_TRACE(file + " at " + std::to_string(offset));
      change(home, file, offset, flip);
      expect_same(home);
      change(home, file, offset, flip);
    }
  }
}

TEST(ReadAhead, TellsAFileCutShortAsOneThreadDoes) {
  const Home home = make_log({});
  for (const std::string& file : segment_files(home)) {
    const auto wal = home->subdirectory("wal", OpenMode::read).value();
    const auto opened = wal->open(file, OpenMode::write).value();
    ASSERT_THAT(opened->truncate(opened->size().value() - 100'000), IsOk());
    expect_same(home);
  }
}

// Whose frames verify by themselves: their place, salt and ids are right.
TEST(ReadAhead, PieceOfAnotherHistoryIsNotGiven) {
  const auto a = CrashDirectory::create({.seed = 5}), b = CrashDirectory::create({.seed = 5});
  make_log({.history = "a"}, a);
  make_log({.history = "b"}, b);
  ASSERT_EQ(segment_files(a), segment_files(b));
  const std::string file = "wal/" + segment_files(a)[0];
  const Bytes first = a->read_file(file).value(), second = b->read_file(file).value();
  ASSERT_EQ(first.size(), second.size());
  const auto frames = read_segment(*a->subdirectory("wal", OpenMode::read).value(), file.substr(4));
  for (const std::size_t from : {3u, 4u, 8u}) {
    const auto at = static_cast<std::ptrdiff_t>(frames.frames[from].offset);
    Bytes mixed = first;
    std::copy(second.begin() + at, second.end(), mixed.begin() + at);
    ASSERT_THAT(a->overwrite_file(file, mixed), IsOk());
    const Told told = replayed(a, ReplayMode::strict, 4);
    EXPECT_EQ(told.entries.size(), frames.frames[from].first.value - 1);
    expect_same(a);
  }
}

// A read that fails for a helper is done again by who asks.
TEST(ReadAhead, FailedReadIsToldOrDoesNoHarm) {
  const Home whole = make_log({});
  const Told right = replayed(whole, ReplayMode::strict, 1);
  for (std::uint64_t number = 1; number < 60; ++number) {
    const auto faulty = FaultDirectory::create(whole);
    faulty->fail_read_at(number, Fault::io);
    const Told told = replayed(faulty, ReplayMode::strict, 3);
    if (told.end == right.end) {
      EXPECT_TRUE(told.entries == right.entries) << "read " << number;
    } else {
      EXPECT_NE(told.end.find("io:"), std::string::npos) << told.end;
    }
    EXPECT_LE(told.entries.size(), right.entries.size());
    EXPECT_TRUE(std::equal(told.entries.begin(), told.entries.end(), right.entries.begin()));
  }
}

TEST(ReadAhead, EndsWithACallbackThatDoes) {
  const Home home = make_log({});
  const auto reader = Reader::open(home, {.threads = 4}).value();
  const auto stopped = reader.replay_each(ReplayMode::strict, [](const auto& record) {
    return record.entry_id == EntryId{100} ? Step::stop : Step::next;
  });
  ASSERT_THAT(stopped, IsOk());
  EXPECT_EQ(stopped->entry_count, 100u);
  EXPECT_EQ(stopped->end, ReplaySummary::End::stopped);
  const auto refused = reader.replay_each(ReplayMode::strict, [](const auto&) -> Status {
    return Error{.code = Errc::decode, .message = "not this one"};
  });
  EXPECT_THAT(refused, HasErrc(Errc::decode));
  EXPECT_THROW(reader
                   .replay_each(ReplayMode::strict,
                                [](const auto& record) {
                                  if (record.entry_id == EntryId{300}) throw std::runtime_error("");
                                })
                   .ignore("it throws"),
               std::runtime_error);
}

/// Which threads open files.
class Watched final : public testing::PassingDirectory {
 public:
  struct Seen {
    void note() {
      const std::scoped_lock guard(mutex);
      threads.insert(std::this_thread::get_id());
      changed.notify_all();
    }
    void wait_for(std::size_t count) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return threads.size() >= count; });
    }
    std::mutex mutex{};
    std::condition_variable changed{};
    std::set<std::thread::id> threads{};
  };
  Watched(Home below, std::shared_ptr<Seen> seen)
      : PassingDirectory(std::move(below)), seen_(std::move(seen)) {}

  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    seen_->note();
    return PassingDirectory::open(name, mode);
  }

 private:
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view /*name*/,
                                               std::shared_ptr<Directory> below) override {
    return std::make_shared<Watched>(std::move(below), seen_);
  }
  std::shared_ptr<Seen> seen_;
};

TEST(ReadAhead, IsAtWorkOnlyWhereThreadsAreAskedFor) {
  const auto seen = std::make_shared<Watched::Seen>();
  const Home home = std::make_shared<Watched>(make_log({}), seen);
  const auto first_entry_waits_for = [&](std::size_t count, unsigned threads) {
    const auto reader = Reader::open(home, {.threads = threads}).value();
    const auto wait = [&](const auto&) { seen->wait_for(count); };
    EXPECT_THAT(reader.replay_each(ReplayMode::strict, wait), IsOk());
  };
  for (const unsigned threads : {0u, 1u}) first_entry_waits_for(1, threads);
  for (auto& record : Reader::open(home, {.threads = 3}).value().cursor()) {
    EXPECT_THAT(record, IsOk());
  }
  EXPECT_EQ(seen->threads.size(), 1u) << "a cursor may live long, and has none";
  first_entry_waits_for(2, 3);  // for ever, if there are none
  EXPECT_GE(seen->threads.size(), 2u);
}

// Frames of all sizes, each time at another place of its piece: what is kept between pieces must
// not be the largest of each place.
TEST(ReadAhead, MemoryDoesNotGrowWithTheFramesOfAllPieces) {
  constexpr std::size_t kMiB = 1 << 20;
  const Home home = MemoryDirectory::create();
  auto wal = Wal::open(home, {.durability = Durability::flushed,
                              .segment_bytes = 256 * kMiB,
                              .preallocation = Preallocation::none,
                              .compression = Compression::lz4})
                 .value();
  for (std::uint64_t piece = 0; piece < 60; ++piece) {
    for (std::uint64_t n = 0; n < 6; ++n) wal.append(entry_text(7 * piece + n, 100'000)).value();
    for (std::uint64_t n = 0; n < piece % 20; ++n) wal.append(std::string(2000, 'x')).value();
    wal.append(std::string(4 * kMiB, 'x')).value();
  }
  ASSERT_THAT(wal.close(), IsOk());
  const auto in_use = [] {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const std::size_t before = in_use();
  std::size_t most = before;
  const auto reader = Reader::open(home, {.threads = 2}).value();
  ASSERT_THAT(
      reader.replay_each(ReplayMode::strict, [&](const auto&) { most = std::max(most, in_use()); }),
      IsOk());
  EXPECT_LT(most - before, 100 * kMiB);
}

}  // namespace
}  // namespace walkit
