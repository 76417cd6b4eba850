// What open makes of what a life left behind: clean ends, kills, torn writes, crashes at every step
// of rotation and of recovery itself.

#include <algorithm>

#include "log/log_box.hpp"

namespace walkit {
namespace {

using log::FrameKind;
using Origin = RecoveryReport::Origin;

void expect_holds(const LogBox& box, std::uint64_t count) {
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(texts_through(count)));
}

/// Behind the last byte that is not zero.
std::uint64_t written_end(const Bytes& bytes) {
  std::uint64_t end = bytes.size();
  while (end > 0 && bytes[end - 1] == std::byte{0}) --end;
  return end;
}

TEST(Recovery, FirstOpenCreates) {
  const LogBox box;
  EXPECT_EQ(box.report().origin, Origin::created);
  EXPECT_TRUE(box.report().entries.empty());
  EXPECT_EQ(box.wal->last_entry_id(), std::nullopt);
  EXPECT_EQ(box.directory->list_files(), (std::vector<std::string>{"wal/LOCK", "wal/MANIFEST"}));
}

TEST(Recovery, CleanCloseIsToldAndNothingIsRewritten) {
  LogBox box;
  const Image left = box.append(3).close().image();
  const RecoveryReport report = box.open().report();
  EXPECT_EQ(report.origin, Origin::clean_close);
  EXPECT_EQ(report.entries, (EntryIdRange{EntryId{1}, EntryId{3}}));
  EXPECT_TRUE(report.rewritten.empty());
  EXPECT_EQ(report.torn_bytes + report.suspect_bytes, 0u);
  EXPECT_TRUE(report.warnings.empty() && report.foreign_files.empty() &&
              report.swept_files.empty());
  Image now = box.image();
  now["wal/LOCK"] = left.at("wal/LOCK");
  EXPECT_EQ(now, left);
  expect_holds(box.append(1).close(), 4);
}

TEST(Recovery, OpenedAndNotWrittenTwiceChangesNoSegment) {
  LogBox box;
  const Image left = box.append(3).kill().open().close().image();
  for (int times = 0; times < 2; ++times) {
    Image now = box.open().close().image();
    for (const char* evidence : {"wal/LOCK", "wal/MANIFEST"}) now[evidence] = left.at(evidence);
    EXPECT_EQ(now, left);
  }
  expect_holds(box, 3);
}

TEST(Recovery, KilledWriterIsACrashWithNothingToRewrite) {
  LogBox box;
  const RecoveryReport report = box.append(3).kill().open().report();
  EXPECT_EQ(report.origin, Origin::crash);
  EXPECT_EQ(report.entries.last, EntryId{3});
  EXPECT_TRUE(report.rewritten.empty()) << "LOCK proves all three";
  expect_holds(box.append(2).close(), 5);
}

TEST(Recovery, CleanCloseBehindACrashIsACleanClose) {
  LogBox box;
  EXPECT_EQ(box.append(3).kill().open().report().origin, Origin::crash);
  EXPECT_EQ(box.close().open().report().origin, Origin::clean_close);
  EXPECT_EQ(box.kill().open().report().origin, Origin::clean_close) << "nothing was written since";
  EXPECT_EQ(box.append(1).kill().open().report().origin, Origin::crash);
  expect_holds(box.close(), 4);
}

TEST(Recovery, CleanCloseBehindACrashInRotationIsACleanClose) {
  LogBox box({.segment_bytes = 4096});
  while (segment_files(box.directory).size() < 2) {
    const auto before = box.directory->clone();
    box.append(1);
    if (segment_files(box.directory).size() < 2) continue;
    // The manifest of before, as if the crash had come between the directory and it.
    box.change("wal/MANIFEST",
               [&](Bytes& bytes) { bytes = before->read_file("wal/MANIFEST").value(); });
  }
  EXPECT_EQ(box.kill().open().report().origin, Origin::crash);
  EXPECT_EQ(box.close().open().report().origin, Origin::clean_close);
}

TEST(Recovery, UnprovenFramesMoveWithPayloadTimeAndEpoch) {
  LogBox box;
  const std::string old_file = segment_files(box.append(2).flush(3).directory).back();
  const Bytes before = box.directory->read_file("wal/" + old_file).value();
  const RecoveryReport report = box.kill().open().report();
  EXPECT_EQ(report.origin, Origin::crash);
  EXPECT_EQ(report.entries, (EntryIdRange{EntryId{1}, EntryId{5}}));
  EXPECT_EQ(report.rewritten, (EntryIdRange{EntryId{3}, EntryId{5}}));
  EXPECT_EQ(box.directory->read_file("wal/" + old_file).value(), before);
  const auto old = read_segment(*box.home(), old_file);
  const auto moved = read_segment(*box.home(), segment_files(box.directory).back());
  EXPECT_EQ(moved.header.prev_last, EntryId{2});
  EXPECT_EQ(moved.header.rehomed_through, EntryId{5});
  EXPECT_EQ(moved.header.epoch, old.header.epoch + 1);
  ASSERT_EQ(moved.frames.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto parts = log::split_body(moved.frames[i], moved.bodies[i]).value();
    EXPECT_EQ(parts.extras.original_epoch, old.header.epoch);
    EXPECT_EQ(moved.frames[i].time_ns, old.frames[i + 2].time_ns);
    EXPECT_EQ(moved.frames[i].durable_through, EntryId{2});
    EXPECT_EQ(payloads_of(moved.frames[i], moved.bodies[i]), std::vector{text_of(i + 3)});
  }
  expect_holds(box.append(1).close(), 6);
}

TEST(Recovery, FramesMovedTwiceKeepTheirFirstEpoch) {
  LogBox box;
  box.append(1).flush(2).kill();
  const auto boot = box.directory->clone();
  box.open();
  const std::uint64_t operations = box.directory->operation_count();
  for (std::uint64_t at = 1; at <= operations; ++at) {
    box.directory = boot->clone();
    box.directory->cut_power_at(at);
    box.try_open().ignore("that life ends here");
    box.kill().open();
    for (const std::string& file : segment_files(box.directory)) {
      const auto segment = read_segment(*box.home(), file);
      for (std::size_t i = 0; i < segment.frames.size(); ++i) {
        if ((segment.frames[i].flags & log::kFlagRehomed) == 0) continue;
        const auto parts = log::split_body(segment.frames[i], segment.bodies[i]).value();
        EXPECT_EQ(parts.extras.original_epoch, 1u) << "crash at " << at;
      }
    }
    expect_holds(box.close(), 3);
  }
}

TEST(Recovery, PowerCutTakesAllThatWasNotSynced) {
  LogBox box({}, {.pick = [](std::size_t) { return std::size_t{0}; }});
  box.append(2).flush(3).crash(Crash::power_cut).open();
  EXPECT_EQ(box.report().entries.last, EntryId{2});
  EXPECT_EQ(box.report().rewritten.last, EntryId{2}) << "LOCK is gone too: nothing proves them";
  expect_holds(box.append(1).close(), 3);
}

TEST(Recovery, PowerCutThatTookNothingKeepsItAll) {
  LogBox box({},
             {.pick = [](std::size_t choices) { return std::min<std::size_t>(1, choices - 1); }});
  box.append(2).flush(3).crash(Crash::power_cut).open();
  EXPECT_EQ(box.report().entries.last, EntryId{5});
  expect_holds(box.close(), 5);
}

// Every byte prefix of the last frame, header and body, with its exact bytes in the report.
TEST(Recovery, TornFrameIsCutAtEveryByte) {
  LogBox box;
  const std::string file = box.append(2).flush(1).newest();
  box.kill();
  const Bytes whole = box.directory->read_file(file).value();
  const std::uint64_t begin = read_segment(*box.home(), file.substr(4)).frames.back().offset;
  const std::uint64_t end = written_end(whole);
  for (std::uint64_t at = begin; at < end; ++at) {
    LogBox torn = LogBox();
    torn.crash(Crash::process_kill).directory = box.directory->clone();
    torn.change(file, [&](Bytes& b) {
      std::fill(b.begin() + static_cast<std::ptrdiff_t>(at), b.end(), std::byte{0});
    });
    const std::uint64_t left = written_end(torn.directory->read_file(file).value());
    EXPECT_THAT(read_all(torn.directory),
                left > begin ? HasErrc(Errc::torn)
                             : ::testing::Matcher<const Result<std::vector<std::string>>&>(
                                   IsOkAndHolds(texts_through(2))));
    torn.open();
    EXPECT_EQ(torn.report().torn_bytes, left > begin ? left - begin : 0) << "cut at " << at - begin;
    EXPECT_EQ(torn.report().suspect_bytes, 0u);
    expect_holds(torn.append(1).close(), 3);
    if (HasFailure()) return;
  }
}

TEST(Recovery, GarbageBehindTheProvenEndIsCutAsSuspect) {
  LogBox box;
  const std::string file = box.append(2).newest();
  box.kill();
  const std::uint64_t begin = read_segment(*box.home(), file.substr(4)).frames.back().end();
  box.change(file, [&](Bytes& b) {
    std::fill_n(b.begin() + static_cast<std::ptrdiff_t>(begin), 700, std::byte{0x5A});
  });
  EXPECT_THAT(read_all(box.directory), HasErrc(Errc::torn));
  EXPECT_EQ(box.open().report().suspect_bytes, 700u);
  EXPECT_EQ(box.report().torn_bytes, 0u);
  expect_holds(box.append(1).close(), 3);
}

TEST(Recovery, GarbageInWholeBlocksIsRefused) {
  LogBox box({.layout = Layout::whole_blocks});
  const std::string file = box.append(2).newest();
  const std::uint64_t begin = box.kill().directory->read_file(file).value().size() / 2;
  box.change(file, [&](Bytes& b) {
    const std::uint64_t at = read_segment(*box.home(), file.substr(4)).frames.back().end();
    ASSERT_LT(at, begin);
    std::fill_n(b.begin() + static_cast<std::ptrdiff_t>(at), 700, std::byte{0x5A});
  });
  EXPECT_THAT(box.try_open(), HasErrc(Errc::corrupt));
}

// A segment of three entries is closed, rotated or rehomed; power goes at each step of it.
void crash_at_each_step_of(const std::function<void(LogBox&)>& life, std::uint64_t acknowledged) {
  LogBox whole({.segment_bytes = 4096});
  life(whole);
  const std::uint64_t operations = whole.directory->operation_count();
  for (std::uint64_t at = 1; at <= operations; ++at) {
    for (const Crash kind : {Crash::power_cut, Crash::process_kill}) {
      const auto directory = CrashDirectory::create({.seed = at});
      directory->cut_power_at(at);
      std::uint64_t durable = 0, next = 1;
      if (auto wal = Wal::open(directory, whole.options)) {
        for (; next <= acknowledged && wal->append(text_of(next)) && wal->sync(); ++next)
          durable = next;
        wal->close().ignore("the power is off");
      }
      SCOPED_TRACE("power cut at " + std::to_string(at));
      expect_recovers(directory->crash(kind), texts_through(acknowledged + 1), durable);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(Recovery, EveryStepOfRotationAndCloseMayBeTheLast) {
  crash_at_each_step_of([](LogBox& box) { box.append(60).close(); }, 60);
}

// The next life crashes one step later than the one before, until one gets through.
TEST(Recovery, ManyCrashesInARowLoseNothing) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    LogBox box({}, {.seed = seed});
    box.append(3).flush(4).crash(seed % 2 == 0 ? Crash::power_cut : Crash::process_kill);
    for (std::uint64_t at = 1;; ++at) {
      box.directory->cut_power_at(at);
      const bool opened = box.try_open().has_value();
      const bool all_of_it = opened && box.directory->operation_count() < at;
      if (all_of_it) break;
      box.crash(at % 3 == 0 ? Crash::process_kill : Crash::power_cut);
    }
    const std::uint64_t found = box.last();
    EXPECT_GE(found, 3u);
    EXPECT_LE(found, 7u);
    expect_holds(box.close(), found);
  }
}

TEST(Recovery, EpochAndIdsRiseInEveryLife) {
  LogBox box;
  std::uint64_t epoch = 0;
  for (std::uint64_t life = 1; life <= 5; ++life) {
    EXPECT_GT(lock_of(box).epoch, epoch);
    epoch = lock_of(box).epoch;
    EXPECT_EQ(box.last(), life - 1);
    box.append(1);
    life % 2 == 0 ? box.kill() : box.close();
    box.open();
  }
  expect_holds(box.close(), 5);
}

TEST(Recovery, ChangedLimitsRotateBeforeTheFirstAppend) {
  LogBox box;
  box.append(1).flush(1).kill();
  box.options.max_entry_bytes = 1 << 10;
  box.open();
  EXPECT_EQ(read_segment(*box.home(), segment_files(box.directory).back()).header.max_entry_bytes,
            16u << 20)
      << "what was moved keeps its limits";
  box.append(1);
  const auto newest = read_segment(*box.home(), segment_files(box.directory).back());
  EXPECT_EQ(newest.header.max_entry_bytes, 1u << 10);
  EXPECT_EQ(newest.header.first, EntryId{3});
  expect_holds(box.close(), 3);
}

TEST(Recovery, ChangedFrameLimitRotatesToo) {
  LogBox box;
  box.append(1).flush(1).kill();
  box.options.max_frame_bytes = box.options.max_entry_bytes + (1 << 20);
  box.open().append(1);
  const auto newest = read_segment(*box.home(), segment_files(box.directory).back());
  EXPECT_EQ(newest.header.max_frame_bytes, box.options.max_frame_bytes);
  EXPECT_EQ(newest.header.first, EntryId{3});
  expect_holds(box.close(), 3);
}

TEST(Recovery, EveryOptionMayChangeBetweenLives) {
  LogBox box;
  const WalOptions lives[] = {{.layout = Layout::whole_blocks},
                              {.segment_bytes = 4096},
                              {.preallocation = Preallocation::none, .entry_type = {"orders", 1}},
                              {.layout = Layout::whole_blocks, .entry_type = {"orders", 2}}};
  std::uint64_t count = 0;
  for (const WalOptions& life : lives) {
    box.append(2).flush(2).kill();
    count += 4;
    box.options = life;
    box.options.flush = FlushPolicy::manual();
    EXPECT_EQ(box.open().last(), count);
  }
  box.append(1).close();
  auto reader = Reader::open(box.directory, {.entry_type = {"orders", 2}}).value();
  EXPECT_THAT(reader.entry_count(), IsOkAndHolds(count + 1));
  box.options.entry_type = {"orders", 1};
  EXPECT_THAT(box.try_open(), HasErrc(Errc::incompatible)) << "the newest schema is 2";
}

}  // namespace
}  // namespace walkit
