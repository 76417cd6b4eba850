// Reading from a device that fails or lies, within bounded memory, and without a right to write.

#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "base/little_endian.hpp"
#include "io/temp_directory.hpp"
#include "log/frames_by_hand.hpp"
#include "log/log_box.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/fault_directory.hpp"

namespace {
std::atomic<std::size_t> live_bytes = 0, peak_bytes = 0;
std::atomic<std::size_t> allocations = 0, fail_from = ~std::size_t{0};
}  // namespace

// Each piece of memory has its size before it. Not inlined: g++ 12 would pair half of it with the
// other operator and warn.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  constexpr std::size_t kHead = alignof(std::max_align_t);
  if (allocations++ >= fail_from) throw std::bad_alloc();
  auto* memory = static_cast<std::size_t*>(std::malloc(bytes + kHead));
  if (memory == nullptr) throw std::bad_alloc();
  *memory = bytes;
  const std::size_t now = live_bytes += bytes;
  for (std::size_t peak = peak_bytes; peak < now && !peak_bytes.compare_exchange_weak(peak, now);) {
  }
  return reinterpret_cast<std::byte*>(memory) + kHead;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  auto* begin =
      reinterpret_cast<std::size_t*>(static_cast<std::byte*>(memory) - alignof(std::max_align_t));
  live_bytes -= *begin;
  std::free(begin);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}

namespace walkit {
namespace {

constexpr ReplayMode kModes[] = {ReplayMode::strict, ReplayMode::best_effort};

LogBox some_segments() {
  LogBox box({.segment_bytes = 4096});
  while (segment_files(box.directory).size() < 3) box.append(1);
  return std::move(box.append(2));
}

TEST(ReaderDevice, FailedReadIsIoAndNeverTheEnd) {
  const auto expected = [](const LogBox& box) { return texts_through(box.last()); };
  for (const bool live : {true, false}) {
    LogBox box = some_segments();
    const auto all = expected(box);
    if (!live) box.kill();
    for (const ReplayMode mode : kModes) {
      const std::uint64_t before = box.directory->read_count();
      ASSERT_THAT(read_all(box.directory, mode), IsOkAndHolds(all));
      const std::uint64_t reads = box.directory->read_count() - before;
      ASSERT_GE(reads, 8u);
      std::uint64_t told = 0;
      for (std::uint64_t at = 1; at <= reads; ++at) {
        box.directory->fail_read_at(box.directory->read_count() + at, Errc::io);
        // What only open() wants to know early, or a look beside a writer, is read again.
        const auto read = read_all(box.directory, mode);
        EXPECT_THAT(read, ::testing::AnyOf(HasErrc(Errc::io), IsOkAndHolds(all))) << "read " << at;
        told += !read;
      }
      EXPECT_GE(told, live ? 4 : reads / 2);
    }
  }
}

TEST(ReaderDevice, LieInOneReadNeverShortensWhatIsProven) {
  LogBox box = some_segments();
  const auto all = texts_through(box.last());
  box.kill();
  for (const ReplayMode mode : kModes) {
    const auto lying = testing::FaultDirectory::create(box.directory);
    ASSERT_THAT(read_all(lying, mode), IsOkAndHolds(all));
    const std::uint64_t reads = lying->read_count();
    for (std::uint64_t at = 1; at <= reads; ++at) {
      lying->fail_read_at(lying->read_count() + at, testing::Fault::wrong_bytes);
      const auto read = read_all(lying, mode);
      lying->lift();
      EXPECT_TRUE(!read || *read == all) << "read " << at;
    }
  }
}

TEST(ReaderDevice, LieInOneReadOfRecoveryMakesNoHole) {
  LogBox box;
  box.append(2).flush(5).kill();
  std::uint64_t reads = 1;
  for (std::uint64_t at = 0; at <= reads; ++at) {
    const auto copy = box.directory->clone();
    const auto lying = testing::FaultDirectory::create(copy);
    lying->fail_read_at(at, testing::Fault::wrong_bytes);
    bool opened = false;
    {
      auto wal = Wal::open(lying, box.options);
      if (at == 0) reads = lying->read_count();
      opened = wal && wal->append("one more") && wal->close();
    }
    const auto read = read_all(copy->crash(Crash::process_kill), ReplayMode::best_effort);
    EXPECT_THAT(read, IsOk()) << "read " << at << (opened ? ", opened" : "");
    EXPECT_GE(read.has_value() ? read->size() : 0, 2u);
  }
}

void read_fifty_mebibytes(Compression compression) {
  const auto directory = MemoryDirectory::create();
  std::uint64_t entries = 0;
  {
    const WalOptions options{.flush = FlushPolicy::every_bytes(200 << 10),
                             .compression = compression};
    auto wal = Wal::open(directory, options).value();
    const std::vector<std::string> batch(20, std::string(100, 'x'));
    for (; entries < 500'000; entries += batch.size()) ASSERT_THAT(wal.append_batch(batch), IsOk());
  }
  const auto reader = Reader::open(directory).value();
  const std::size_t before = live_bytes;
  peak_bytes = before;
  std::uint64_t seen = 0;
  EXPECT_THAT(reader.replay_each(ReplayMode::strict, [&](auto&) { ++seen; }), IsOk());
  EXPECT_EQ(seen, entries);
  EXPECT_LE(peak_bytes - before, 4u << 20);
}

TEST(ReaderDevice, FiftyMebibytesAreReadInConstantMemory) {
  read_fifty_mebibytes(Compression::none);
}

TEST(ReaderDevice, FiftyCompressedMebibytesAreReadInConstantMemory) {
  read_fifty_mebibytes(Compression::lz4);
}

// A body that says it holds so many bytes. One of zstd says so in its frame too, and is one block.
Bytes bomb(Compression algorithm, std::uint32_t bytes, std::uint32_t packed_bytes) {
  Bytes packed(packed_bytes, std::byte{0xff});
  if (algorithm == Compression::zstd) {
    store_le<std::uint32_t>(packed.data(), 0xFD2FB528u);
    packed[4] = std::byte{0xA0};
    store_le(packed.data() + 5, bytes);
    store_le<std::uint32_t>(packed.data() + 9, (packed_bytes - 12) << 3 | 5u);
  }
  return log::body_saying(algorithm, bytes, packed);
}

// Fault 56.
TEST(ReaderDevice, BombTakesNoMoreThanItCouldHoldAndTheCapAllows) {
  constexpr std::uint32_t kMebibyte = 1 << 20;
  const struct {
    std::uint32_t says, packed_bytes;
    std::uint64_t cap, taken_max;
  } cases[] = {{200 * kMebibyte, 100, 1u << 30, kMebibyte},
               {1u << 30, kMebibyte, 8 * kMebibyte, 4 * kMebibyte},
               {20 * kMebibyte, kMebibyte, 32 * kMebibyte, 24 * kMebibyte}};
  log::SegmentHeader header = log::first_header();
  header.max_frame_bytes = 1u << 30;
  for (const Compression algorithm : {Compression::lz4, Compression::zstd}) {
    for (const auto& c : cases) {
      log::FramesByHand segment(header);
      segment.add({.first = EntryId{1}, .count = 1, .flags = log::kFlagCompressed},
                  bomb(algorithm, c.says, c.packed_bytes));
      const auto file = segment.file();
      const std::size_t before = live_bytes;
      peak_bytes = before;
      log::FrameScanner scanner(*file, segment.header(), c.cap);
      EXPECT_FALSE(scanner.next().value().has_value());
      EXPECT_EQ(scanner.fault(), log::FrameFault::structure);
      EXPECT_LE(peak_bytes - before, c.taken_max) << c.says << " in " << c.packed_bytes;
    }
  }
}

TEST(ReaderDevice, FrameThatIsLargerTakesThePlaceOfTheOneBefore) {
  const Bytes bodies[] = {log::compressed_body(Compression::lz4, Bytes(10u << 20)),
                          log::compressed_body(Compression::lz4, Bytes(11u << 20))};
  log::Decompressor decompressor;
  const std::size_t before = live_bytes;
  peak_bytes = before;
  for (const Bytes& body : bodies) {
    const auto parts = log::split_body({.count = 1, .flags = log::kFlagCompressed}, body).value();
    EXPECT_THAT(decompressor.entries_of(parts), IsOk());
  }
  EXPECT_LE(peak_bytes - before, (11u << 20) + 1000);
}

TEST(ReaderDevice, HugeLengthInASmallFileTakesNoMemory) {
  log::SegmentHeader header = log::first_header();
  header.codec = CodecId{"byte"}.value;
  header.schema = 1;
  header.max_frame_bytes = 1u << 30;
  log::FramesByHand segment = log::FramesByHand(header).entries(1, 0, {"one"});
  log::FrameHeader huge{.stored_bytes = (200u << 20),
                        .body_bytes = (200u << 20) - 8,
                        .first = EntryId{2},
                        .offset = segment.bytes.size(),
                        .chain = segment.chain,
                        .count = 1};
  log::FrameHeaderBytes bytes;
  log::encode_frame_header(huge, segment.seed(), bytes.data());
  segment.bytes.insert(segment.bytes.end(), bytes.begin(), bytes.end());
  const auto file = segment.file();
  const std::size_t before = live_bytes;
  peak_bytes = before;
  log::FrameScanner scanner(*file, segment.header(), 256 << 20);
  EXPECT_TRUE(scanner.next().value().has_value());
  EXPECT_FALSE(scanner.next().value().has_value());
  EXPECT_EQ(scanner.fault(), log::FrameFault::body);
  EXPECT_LE(peak_bytes - before, 4u << 20);
}

// Fault 57: memory runs out at the n-th allocation, whichever that is.
TEST(ReaderDevice, NoMemoryAtAnyAllocationIsAnErrorAndNothingWorse) {
  const auto directory = MemoryDirectory::create();
  {
    auto wal = Wal::open(directory, {.segment_bytes = 4096}).value();
    for (std::uint64_t n = 1; n <= 60; ++n) ASSERT_THAT(wal.append(text_of(n)), IsOk());
  }
  for (std::size_t n = 0;; ++n) {
    std::uint64_t seen = 0;
    fail_from = allocations + n;
    const auto summary = [&]() -> Result<ReplaySummary> {
      const auto reader = LogReader::open(directory, {}, std::nullopt);
      if (!reader) return reader.error();
      return reader->replay(ReplayMode::strict, {}, [&](const EntryView&) -> Result<Step> {
        ++seen;
        return Step::next;
      });
    }();
    fail_from = ~std::size_t{0};
    if (summary) {
      EXPECT_EQ(seen, 60u);
      break;
    }
    ASSERT_THAT(summary, HasErrc(Errc::no_memory)) << "allocation " << n;
  }
}

std::map<std::string, std::pair<std::string, std::int64_t>> files_of(const TempDirectory& home) {
  std::map<std::string, std::pair<std::string, std::int64_t>> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(home.path())) {
    struct stat info {};
    EXPECT_EQ(::stat(entry.path().c_str(), &info), 0);
    const std::string name = std::filesystem::relative(entry.path(), home.path());
    files[name] = {entry.is_regular_file() ? home.get(name.c_str()) : "",
                   info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
  }
  return files;
}

TEST(ReaderDevice, ReadOnlyDirectoryIsReadAndNotChanged) {
  const TempDirectory home;
  Wal::open(home.open()).value().append("one").value();
  const auto before = files_of(home);
  const auto directory = home.open({.access = FsAccess::read_only});
  EXPECT_THAT(read_all(directory), IsOkAndHolds(std::vector<std::string>{"one"}));
  EXPECT_THAT(Wal::open(directory), HasErrc(Errc::invalid_argument));
  EXPECT_EQ(files_of(home), before);
}

}  // namespace
}  // namespace walkit
