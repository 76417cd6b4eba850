// What broke other logs, each as it was found there: the eleven counter-examples to the closest
// one, and the known failures of etcd, raft-engine, RocksDB and LevelDB.

#include <algorithm>

#include "log/log_box.hpp"

namespace walkit {
namespace {

constexpr ReplayMode kModes[] = {ReplayMode::strict, ReplayMode::best_effort};

void expect_holds(const LogBox& box, std::uint64_t count) {
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(texts_through(count)));
}

/// No mode of reading and no open for writing takes it for a shorter log.
void expect_refused_by_all(LogBox& box, Errc code = Errc::corrupt) {
  const Image before = box.image();
  for (const ReplayMode mode : kModes) EXPECT_THAT(read_all(box.directory, mode), HasErrc(code));
  EXPECT_THAT(box.try_open(), HasErrc(code));
  EXPECT_EQ(box.image(), before);
}

/// `count` entries, each durable before the next, in one segment; the process is killed.
LogBox killed(std::uint64_t count, WalOptions options = {}) {
  LogBox box(std::move(options));
  while (box.last() < count) box.append(1);
  return std::move(box.kill());
}

LogBox segments(std::size_t count) {
  LogBox box({.segment_bytes = 4096});
  while (segment_files(box.directory).size() < count) box.append(1);
  box.append(3);
  return std::move(box.kill());
}

std::uint64_t end_of_frames(const LogBox& box) {
  return read_segment(*box.home(), box.newest().substr(4)).frames.back().end();
}

void fill(LogBox& box, std::uint64_t begin, std::uint64_t end, std::byte with) {
  box.change(box.newest(), [&](Bytes& b) {
    b.resize(std::max<std::size_t>(b.size(), end));
    std::fill(b.begin() + static_cast<std::ptrdiff_t>(begin),
              b.begin() + static_cast<std::ptrdiff_t>(end), with);
  });
}

TEST(CounterExample01, FlippedLengthOfTheFirstEntryTakesNothingAway) {
  const LogBox whole = killed(100);
  for (std::uint64_t bit = 0; bit < 64; ++bit) {
    LogBox box = LogBox();
    box.kill().directory = whole.directory->clone();
    ASSERT_THAT(box.directory->flip_bit(box.newest(), (512 + 8) * 8 + bit), IsOk());
    const auto opened = box.try_open();
    ASSERT_THAT(opened, HasErrc(Errc::corrupt));
    EXPECT_EQ(opened.error().lost, (EntryIdRange{EntryId{1}, EntryId{100}}));
  }
}

TEST(CounterExample02, TailOfZerosIsAnEnd) {
  LogBox box({.preallocation = Preallocation::none});
  box.append(3).kill();
  fill(box, end_of_frames(box), end_of_frames(box) + 10'000, std::byte{0});
  expect_holds(box, 3);
  expect_holds(box.open().append(1).close(), 4);
}

TEST(CounterExample03, GarbageTailOfAnUnsyncedAppendIsCut) {
  LogBox box = killed(3);
  fill(box, end_of_frames(box), end_of_frames(box) + 300, std::byte{0xA5});
  EXPECT_THAT(read_all(box.directory, ReplayMode::best_effort), IsOkAndHolds(texts_through(3)));
  expect_holds(box.open().append(1).close(), 4);
}

TEST(CounterExample04, MissingMiddleSegmentIsCorrupt) {
  LogBox box = segments(16);
  box.remove(box.segment(3));
  expect_refused_by_all(box);
}

TEST(CounterExample05, MissingFirstOrLastSegmentIsCorrupt) {
  for (const std::size_t which : {0, 15}) {
    LogBox box = segments(16);
    box.remove(box.segment(which));
    expect_refused_by_all(box);
  }
}

TEST(CounterExample06, ShortenedFileIsCorrupt) {
  LogBox box({.preallocation = Preallocation::none});
  while (box.last() < 100) box.append(1);
  box.kill().change(box.newest(), [](Bytes& b) { b.resize(b.size() - 1000); });
  expect_refused_by_all(box);
}

TEST(CounterExample07, DiskFullInMidAppendLeavesALogThatGoesOn) {
  LogBox box({.preallocation = Preallocation::none});
  box.append(2);
  const std::uint64_t write = box.directory->operation_count() + 1;
  box.directory->fail_at(write, Errc::no_space);
  ASSERT_THAT(box.wal->append(text_of(3)), IsOk());
  EXPECT_THAT(box.wal->sync(), HasErrc(Errc::poisoned));
  EXPECT_THAT(box.wal->append(text_of(4)), HasErrc(Errc::poisoned)) << "nothing behind the hole";
  const std::uint64_t found = box.open().last();
  EXPECT_GE(found, 2u);
  expect_holds(box.append(2).close(), found + 2);
}

TEST(CounterExample08, SecondWriterIsRefused) {
  LogBox box;
  box.append(1);
  const auto second = Wal::open(box.directory, box.options);
  ASSERT_THAT(second, HasErrc(Errc::locked));
  EXPECT_NE(second.error().message.find("process "), std::string::npos);
  expect_holds(box.append(1).close(), 2);
}

TEST(CounterExample09, SyncCoversEverySegment) {
  LogBox box({.segment_bytes = 4096}, {.pick = [](std::size_t) { return std::size_t{0}; }});
  while (segment_files(box.directory).size() < 7) box.append(9);
  const std::uint64_t count = box.last();
  const auto operations = box.directory->operations();
  for (const std::string& file : segment_files(box.directory)) {
    EXPECT_GE(count_of(operations, OperationKind::sync_file, file), 2u)
        << "born, and sealed or synced";
  }
  EXPECT_EQ(box.crash(Crash::power_cut).open().last(), count);
  expect_holds(box.close(), count);
}

// There: the applied id in a checkpoint's header. Here: every byte of every header that says ids.
TEST(CounterExample10, EveryByteOfAHeaderIsUnderItsChecksum) {
  const LogBox whole = segments(2);
  for (std::uint64_t byte = 0; byte < log::kSegmentHeaderBytes; ++byte) {
    LogBox box = LogBox();
    box.kill().directory = whole.directory->clone();
    box.flip(box.newest(), byte);
    ASSERT_THAT(box.try_open(), HasErrc(Errc::corrupt)) << "byte " << byte;
    ASSERT_THAT(read_all(box.directory, ReplayMode::best_effort), HasErrc(Errc::corrupt));
  }
}

// There: a checkpoint's path out of the log. Here no name is stored, and none can spell a path.
TEST(CounterExample11, NoNameCanSpellAPath) {
  const auto directory = CrashDirectory::create();
  for (const char* name : {"../etc", "/etc", "a/b", "..", ".", ""}) {
    WalOptions options;
    options.subdirectory = name;
    EXPECT_THAT(Wal::open(directory, options), HasErrc(Errc::invalid_argument)) << name;
    EXPECT_THAT(Reader::open(directory, {.subdirectory = name}), HasErrc(Errc::invalid_argument));
  }
  LogBox box;
  ASSERT_THAT(box.wal->append("/etc/hostname"), IsOk());
  EXPECT_THAT(read_all(box.close().directory),
              IsOkAndHolds(std::vector<std::string>{"/etc/hostname"}));
}

TEST(EtcdCounterExample, ZeroLengthFieldDoesNotEndTheLog) {
  const LogBox whole = killed(20);
  const auto frames = read_segment(*whole.home(), whole.newest().substr(4)).frames;
  for (const std::uint64_t field : {8, 12}) {
    LogBox box = LogBox();
    box.kill().directory = whole.directory->clone();
    fill(box, frames[4].offset + field, frames[4].offset + field + 4, std::byte{0});
    expect_refused_by_all(box);
  }
}

TEST(EtcdCounterExample, LengthBeyondTheFileIsNoTornTail) {
  LogBox box = killed(20);
  const auto frames = read_segment(*box.home(), box.newest().substr(4)).frames;
  fill(box, frames[4].offset + 8, frames[4].offset + 12, std::byte{0x7f});
  expect_refused_by_all(box);
}

TEST(EtcdCounterExample, ZeroedSectorBelowTheWatermarkIsNoTornTail) {
  LogBox box = killed(60);
  ASSERT_THAT(box.directory->zero_sector(box.newest(), 3), IsOk());
  expect_refused_by_all(box);
}

TEST(RaftEngineCounterExample, BrokenHeaderInTheLastFileDoesNotEmptyIt) {
  LogBox box = segments(3);
  fill(box, 0, 64, std::byte{0});
  expect_refused_by_all(box);
  LogBox empty = segments(3);
  empty.change(empty.newest(), [](Bytes& b) { b.clear(); });
  expect_refused_by_all(empty);
}

TEST(RocksDbCounterExample, FailedReadIsNotTheEndOfTheLog) {
  for (std::uint64_t at = 1; at <= 40; ++at) {
    LogBox box = killed(5);
    const std::uint64_t reads = box.directory->read_count();
    box.directory->fail_read_at(reads + at, Errc::io);
    const Image before = box.image();
    const Status opened = box.try_open();
    if (box.directory->read_count() < reads + at) break;
    if (opened) {
      EXPECT_EQ(box.last(), 5u) << "read " << at;
    } else {
      EXPECT_THAT(opened, HasErrc(Errc::io));
      EXPECT_EQ(box.image(), before);
    }
    EXPECT_EQ(box.open().last(), 5u);
  }
}

TEST(LevelDbCounterExample, AppendNeverGoesBehindGarbage) {
  LogBox box;
  for (std::uint64_t life = 1; life <= 5; ++life) {
    box.append(2).kill();
    fill(box, end_of_frames(box), end_of_frames(box) + 100 * life, std::byte{0x77});
    const std::string left = box.newest();
    const Bytes bytes = box.directory->read_file(left).value();
    box.open().append(1);
    EXPECT_EQ(box.directory->read_file(left).value(), bytes);
    EXPECT_NE(box.newest(), left);
    EXPECT_EQ(box.last(), life * 3);
  }
  expect_holds(box.close(), 15);
}

}  // namespace
}  // namespace walkit
