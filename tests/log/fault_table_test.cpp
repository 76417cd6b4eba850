// Faults that no other test proves, by their numbers in docs/faults.md.

#include <algorithm>
#include <filesystem>

#include "io/temp_directory.hpp"
#include "log/frames_by_hand.hpp"
#include "log/log_box.hpp"

namespace walkit {
namespace {

using std::ptrdiff_t;

void expect_holds(const LogBox& box, std::uint64_t count) {
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(texts_through(count)));
}

Status read_status(const LogBox& box, ReplayMode mode = ReplayMode::best_effort) {
  const auto read = read_all(box.directory, mode);
  return read ? Status{} : Status(read.error());
}

LogBox segments(std::size_t count, testing::CrashOptions device = {}) {
  LogBox box({.segment_bytes = 4096}, std::move(device));
  while (segment_files(box.directory).size() < count) box.append(1);
  return std::move(box.append(3));
}

std::vector<log::FrameHeader> frames_of(const LogBox& box) {
  return read_segment(*box.home(), box.newest().substr(4)).frames;
}

void copy_bytes(LogBox& box, std::uint64_t from, std::uint64_t to, std::uint64_t bytes) {
  box.change(box.newest(), [&](Bytes& b) {
    std::copy_n(Bytes(b).begin() + static_cast<ptrdiff_t>(from), bytes,
                b.begin() + static_cast<ptrdiff_t>(to));
  });
}

TEST(Fault06, LargeSectorTornInTheMiddleLosesNothingDurable) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    LogBox box({}, {.seed = seed, .sector_bytes = 4096});
    box.append(3).flush(5).crash(Crash::power_cut).open();
    EXPECT_GE(box.last(), 3u);
    const std::uint64_t found = box.last();
    expect_holds(box.append(1).close(), found + 1);
  }
}

TEST(Fault10, StaleFramesInTheTailAreNeverRead) {
  LogBox box, other({}, {.seed = 99});
  other.append(9);
  const Bytes foreign = other.directory->read_file(other.newest()).value();
  const std::uint64_t end = frames_of(box.append(2)).back().end();
  const std::uint64_t same_place = frames_of(other)[2].offset;
  EXPECT_EQ(same_place, end) << "so that only the salt tells them apart";
  box.kill().change(box.newest(), [&](Bytes& b) {
    std::copy_n(foreign.begin() + static_cast<ptrdiff_t>(end), 500,
                b.begin() + static_cast<ptrdiff_t>(end));
  });
  EXPECT_EQ(box.open().last(), 2u);
  EXPECT_GT(box.report().suspect_bytes, 0u);
  expect_holds(box.append(1).close(), 3);
}

TEST(Fault11, FrameBehindATornOneNeverComesBack) {
  LogBox box;
  box.append(1).flush(2).kill();
  const auto torn = frames_of(box)[1];
  box.change(box.newest(), [&](Bytes& b) {
    std::fill_n(b.begin() + static_cast<ptrdiff_t>(torn.offset), 64, std::byte{0});
  });
  const auto opened = box.try_open();
  ASSERT_THAT(opened, IsOk()) << "a later whole frame alone proves nothing";
  ASSERT_EQ(box.last(), 1u);
  box.options.flush = FlushPolicy::manual();
  ASSERT_THAT(box.wal->append("another second"), IsOk());
  const auto read = read_all(box.close().directory);
  EXPECT_THAT(read, IsOkAndHolds(std::vector<std::string>{text_of(1), "another second"}));
}

TEST(Fault16, FailedDirectorySyncAtRotationIsFinal) {
  LogBox box({.segment_bytes = 4096});
  std::uint64_t at = 0;
  for (LogBox probe = segments(2); at == 0;) {
    const auto operations = probe.directory->operations();
    for (std::size_t i = operations.size(); i-- > 0 && at == 0;) {
      if (operations[i].kind == OperationKind::sync_directory) at = i + 1;
    }
  }
  box.directory->fail_at(at, Errc::io);
  std::uint64_t durable = 0;
  while (box.wal->append(text_of(durable + 1)) && box.wal->sync()) ++durable;
  EXPECT_THAT(box.wal->append("no more"), HasErrc(Errc::poisoned));
  box.crash(Crash::power_cut).open();
  EXPECT_GE(box.last(), durable);
}

TEST(Fault23, OneUnreadableSegmentLeavesTheOthersReadable) {
  LogBox box = segments(4);
  box.kill();
  const auto first = log::parse_segment_name(box.segment(2).substr(4))->first;
  const auto reader = Reader::open(box.directory).value();
  const auto entry = [&](EntryId id) {
    return reader.replay_range({id, id}, ReplayMode::strict, [](auto&) {});
  };
  box.flip(box.segment(1), 600);
  EXPECT_THAT(entry(first - 1), HasErrc(Errc::corrupt));
  EXPECT_THAT(entry(EntryId{1}), IsOk());
  EXPECT_THAT(entry(first), IsOk());
  EXPECT_THAT(entry(EntryId{box.open().last()}), IsOk());
}

TEST(Fault26, FullDiskAtOpenIsNoSpaceAndReadingWorks) {
  LogBox box;
  box.append(2).flush(2).kill();
  const Image before = box.image();
  for (std::uint64_t at = 1; at <= 20; ++at) box.directory->fail_at(at, Errc::no_space);
  EXPECT_THAT(box.try_open(), HasErrc(Errc::no_space));
  expect_holds(box, 4);
  EXPECT_EQ(box.image(), before);
  EXPECT_EQ(box.kill().open().last(), 4u);
  expect_holds(box.append(1).close(), 5);
}

TEST(Fault35, FlippedBitInPaddingBelowAWatermarkIsCorrupt) {
  LogBox box;
  ASSERT_THAT(box.wal->append("four"), IsOk());
  const std::uint64_t padding =
      frames_of(box.append(2).kill())[0].offset + log::kFrameHeaderBytes + 5;
  for (std::uint64_t byte = 0; byte < 3; ++byte) {
    LogBox copy;
    copy.kill().directory = box.directory->clone();
    copy.flip(copy.newest(), padding + byte);
    EXPECT_THAT(copy.try_open(), HasErrc(Errc::corrupt));
    EXPECT_THAT(read_status(copy), HasErrc(Errc::corrupt));
  }
}

TEST(Fault36, PageReplacedByAnotherPageOfTheFileIsCorrupt) {
  LogBox whole;
  for (int i = 0; i < 300; ++i) whole.append(1);
  whole.kill();
  const std::uint64_t pages = frames_of(whole).back().end() / 4096;
  ASSERT_GE(pages, 5u);
  for (std::uint64_t from = 0; from < pages; ++from) {
    for (std::uint64_t to = 0; to < pages; ++to) {
      if (from == to) continue;
      LogBox box;
      box.kill().directory = whole.directory->clone();
      copy_bytes(box, from * 4096, to * 4096, 4096);
      EXPECT_THAT(box.try_open(), HasErrc(Errc::corrupt)) << from << " over " << to;
    }
  }
}

TEST(Fault37, FrameInAnotherPlaceOrFileIsCorrupt) {
  LogBox box;
  box.append(6).kill();
  const auto frames = frames_of(box);
  ASSERT_EQ(frames[1].stored_bytes, frames[2].stored_bytes);
  copy_bytes(box, frames[1].offset, frames[2].offset, 64 + frames[1].stored_bytes);
  EXPECT_THAT(box.try_open(), HasErrc(Errc::corrupt));
  EXPECT_THAT(read_status(box), HasErrc(Errc::corrupt));
  LogBox two = segments(3);
  const Bytes older = two.kill().directory->read_file(two.segment(1)).value();
  two.change(two.newest(),
             [&](Bytes& b) { std::copy_n(older.begin() + 512, 200, b.begin() + 512); });
  EXPECT_THAT(two.try_open(), HasErrc(Errc::corrupt));
}

TEST(Fault38, LostWriteIsToldOnceALaterGroupIsThere) {
  for (std::uint64_t lost = 0; lost < 5; ++lost) {
    LogBox box;
    for (int i = 0; i < 6; ++i) box.append(1);
    box.kill();
    box.remove("wal/LOCK");  // only the frames are left to say it
    const auto frame = frames_of(box)[lost];
    box.change(box.newest(), [&](Bytes& b) {
      std::fill_n(b.begin() + static_cast<ptrdiff_t>(frame.offset), 64 + frame.stored_bytes,
                  std::byte{0});
    });
    const Status opened = box.try_open();
    ASSERT_THAT(opened, HasErrc(Errc::corrupt)) << lost;
    EXPECT_EQ(opened.error().lost, (EntryIdRange{EntryId{lost + 1}, EntryId{5}}));
  }
}

TEST(Fault40, SwappedRenamedAndDoubledSegmentsAreCorrupt) {
  const LogBox whole = [] {
    LogBox box = segments(4);
    box.kill();
    return box;
  }();
  const std::vector<std::function<void(LogBox&)>> damages = {
      [](LogBox& b) { b.directory->swap_files(b.segment(0), b.segment(1)).value(); },
      [](LogBox& b) { b.directory->swap_files(b.segment(2), b.segment(3)).value(); },
      [](LogBox& b) {
        b.put("wal/" + log::to_string(log::SegmentName{5, EntryId{9999}}),
              b.directory->read_file(b.segment(3)).value());
        b.remove(b.segment(3));
      },
      [](LogBox& b) {
        b.put("wal/" + log::to_string(log::SegmentName{2, EntryId{1}}),
              b.directory->read_file(b.segment(1)).value());
      }};
  for (std::size_t i = 0; i < damages.size(); ++i) {
    LogBox box;
    box.kill().directory = whole.directory->clone();
    damages[i](box);
    EXPECT_THAT(read_status(box), HasErrc(Errc::corrupt)) << i;
  }
  LogBox foreign;
  foreign.kill().directory = whole.directory->clone();
  foreign.put("wal/2.wal", whole.directory->read_file(whole.segment(1)).value());
  EXPECT_THAT(read_status(foreign), IsOk()) << "a name that is not ours";
}

TEST(Fault41, SegmentOfAnotherLogOrLifeIsCorrupt) {
  LogBox box = segments(3), other = segments(3, {.seed = 99});
  const Bytes foreign = other.kill().directory->read_file(other.segment(1)).value();
  const Image whole = box.kill().image();
  ASSERT_EQ(box.segment(1), other.segment(1));
  box.put(box.segment(1), foreign);
  EXPECT_THAT(read_status(box), HasErrc(Errc::corrupt));
  // The same segment number, first id and bytes, written by an earlier life that was taken back.
  LogBox lives;
  lives.append(1).kill();
  const auto fork = lives.directory->clone();
  const Bytes first = lives.open().append(1).kill().directory->read_file(lives.newest()).value();
  lives.directory = fork;
  lives.open().kill().open().append(1).kill();
  lives.put(lives.newest(), first);
  EXPECT_THAT(lives.try_open(), HasErrc(Errc::corrupt));
  EXPECT_THAT(read_status(lives), HasErrc(Errc::corrupt));
}

TEST(Fault48, WriterWhoseLockFileIsGoneStops) {
  LogBox box;
  box.append(2).remove("wal/LOCK");
  EXPECT_THAT(box.wal->append(text_of(3)), IsOk()) << "buffered";
  EXPECT_THAT(box.wal->sync(), HasErrc(Errc::poisoned));
  EXPECT_EQ(box.wal->verdict().durable_through, EntryId{2});
}

TEST(Fault51, SegmentUnlinkedOrCutUnderTheWriterIsToldBeforeTheAnswer) {
  for (const bool unlinked : {true, false}) {
    const TempDirectory home;
    const auto directory = home.open();
    auto wal = Wal::open(directory).value();
    ASSERT_THAT(wal.append("one"), IsOk());
    const auto path = home.path() / "wal" / segment_files(directory).back();
    if (unlinked) {
      std::filesystem::remove(path);
    } else {
      std::filesystem::resize_file(path, 600);
    }
    EXPECT_THAT(wal.append("two"), HasErrc(Errc::poisoned));
    EXPECT_EQ(wal.verdict().durable_through, EntryId{1});
  }
}

TEST(Fault52, LinkOrDirectoryAtASegmentsNameIsAnError) {
  for (const bool link : {true, false}) {
    const TempDirectory home;
    Wal::open(home.open()).value().append("one").value();
    const auto path = home.path() / "wal" / segment_files(home.open()).back();
    std::filesystem::rename(path, home.path() / "elsewhere");
    if (link) {
      std::filesystem::create_symlink(home.path() / "elsewhere", path);
    } else {
      std::filesystem::create_directory(path);
    }
    EXPECT_THAT(Wal::open(home.open()), HasErrc(Errc::io));
    EXPECT_THAT(read_all(home.open(), ReplayMode::best_effort), HasErrc(Errc::io));
  }
}

TEST(Fault58, EpochsEndBeforeTheyWrap) {
  LogBox box;
  box.append(1).kill();
  log::LockRecord record = lock_of(box);
  record.epoch = ~std::uint64_t{0};
  put_lock(box, record);
  const Image before = box.image();
  EXPECT_THAT(box.try_open(), HasErrc(Errc::too_large));
  EXPECT_EQ(box.image(), before);
  expect_holds(box, 1);
}

TEST(Fault58, SegmentNumbersEndBeforeTheyWrap) {
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  LogBox box;
  box.append(1).kill();
  log::SegmentHeader header = read_segment(*box.home(), box.newest().substr(4)).header;
  log::ManifestSlot slot = log::read_manifest(*box.home()).value().slots[0].value();
  box.remove(box.newest());
  header.number = slot.first_segment = kMost;
  slot.set_last(header);
  slot.first_salt = slot.last_salt;
  Bytes manifest;
  for (slot.generation = 10; slot.generation < 12; ++slot.generation) {
    const auto encoded = log::encode(slot);
    manifest.insert(manifest.end(), encoded.begin(), encoded.end());
  }
  box.put("wal/MANIFEST", manifest);
  log::FramesByHand frames(header);
  box.put("wal/" + log::to_string(log::SegmentName{kMost, EntryId{1}}),
          frames.entries(1, 0, {text_of(1)}).bytes);
  const Image before = box.image();
  EXPECT_THAT(box.try_open(), HasErrc(Errc::too_large));
  EXPECT_EQ(box.image(), before);
  expect_holds(box, 1);
}

}  // namespace
}  // namespace walkit
