// The acceptance checks for a log by its numbers, 1 to 6 and 10 to 12. 7 to 9 are of checkpoints.
// Parts that stand elsewhere too: 1 FlushPolicy.RecordsAreTheSame..., 2 Rotation.CutsAtRandom...
// and Rotation.OrderIsNumeric..., 5 Damage.EachFlippedBit, 6 Rotation.SyncCovers..., 12
// WriterFailure.*.

#include <algorithm>
#include <random>

#include "io/child_process.hpp"
#include "io/temp_directory.hpp"
#include "log/log_box.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> mixed(std::uint64_t count) {
  std::vector<std::string> texts;
  for (std::uint64_t n = 1; n <= count; ++n)
    texts.push_back(entry_text(n, n % 50 == 0 ? 20'000 : 300));
  return texts;
}

std::shared_ptr<Directory> written(const std::vector<std::string>& texts,
                                   const WalOptions& options) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, options).value();
  for (const std::string& text : texts) EXPECT_THAT(wal.append(text), IsOk());
  EXPECT_THAT(wal.close(), IsOk());
  return directory;
}

TEST(AcceptanceCheck01, SameRecordsWhateverThePolicyAndBuffer) {
  const auto texts = mixed(1000);
  for (const FlushPolicy policy :
       {FlushPolicy::every_append(), FlushPolicy::every_n(7), FlushPolicy::manual(),
        FlushPolicy::every_bytes(5000), FlushPolicy::interval(1ms),
        FlushPolicy::every_n(100).or_after(1ms)}) {
    for (const std::uint64_t buffer : {1, 4096, 1 << 20}) {
      for (const Durability level : {Durability::flushed, Durability::durable}) {
        const auto log =
            written(texts, {.flush = policy, .durability = level, .max_buffer_bytes = buffer});
        ASSERT_THAT(read_all(log), IsOkAndHolds(texts));
      }
    }
  }
}

TEST(AcceptanceCheck02, OrderIsNumericAndCutsDoNotShow) {
  const auto texts = mixed(200);
  std::minstd_rand random(2);
  for (int round = 0; round < 20; ++round) {
    const std::uint64_t bytes = 4096 + random() % 30'000;
    SCOPED_TRACE("seed 2, segment_bytes " + std::to_string(bytes));
    const auto log = written(texts, {.flush = FlushPolicy::every_n(3), .segment_bytes = bytes});
    EXPECT_THAT(read_all(log), IsOkAndHolds(texts));
  }
  EXPECT_GE(segment_files(written(texts, {.segment_bytes = 4096})).size(), 11u);
}

/// Nothing but the frames themselves proves anything: LOCK is lost, as a power cut may lose it.
LogBox unproven(std::uint64_t count) {
  LogBox box({.preallocation = Preallocation::none});
  box.flush(count).kill();
  box.remove("wal/LOCK");
  return box;
}

TEST(AcceptanceCheck03, EveryTruncationIsAPrefixOrCorruptBelowAWatermark) {
  const LogBox whole = unproven(12);
  const auto frames = read_segment(*whole.home(), whole.newest().substr(4)).frames;
  const std::uint64_t size = whole.directory->read_file(whole.newest()).value().size();
  for (std::uint64_t cut = log::kSegmentHeaderBytes; cut <= size; ++cut) {
    const auto left = whole.directory->clone();
    ASSERT_THAT(left->truncate_file(whole.newest(), cut), IsOk());
    const auto entries =
        static_cast<std::uint64_t>(std::count_if(frames.begin(), frames.end(), [&](const auto& f) {
          return f.offset + log::kFrameHeaderBytes + f.body_bytes <= cut;
        }));
    ASSERT_THAT(read_all(left, ReplayMode::best_effort), IsOkAndHolds(texts_through(entries)))
        << cut;
    const auto strict = read_all(left);
    const std::uint64_t end = entries == 0 ? log::kSegmentHeaderBytes : frames[entries - 1].end();
    const bool on_a_boundary = cut <= end;  // or in the zeros behind the last frame
    ASSERT_EQ(strict.has_value(), on_a_boundary) << cut;
    ASSERT_TRUE(strict || strict.error().code == Errc::torn);
  }
}

TEST(AcceptanceCheck03, TruncationBelowAWatermarkIsCorruptInEveryMode) {
  LogBox box({.preallocation = Preallocation::none});
  const std::uint64_t size = box.append(5).directory->read_file(box.newest()).value().size();
  box.kill();
  for (std::uint64_t cut = 0; cut + 8 < size; ++cut) {
    const auto left = box.directory->clone();
    ASSERT_THAT(left->truncate_file(box.newest(), cut), IsOk());
    ASSERT_THAT(read_all(left), HasErrc(Errc::corrupt)) << cut;
    ASSERT_THAT(read_all(left, ReplayMode::best_effort), HasErrc(Errc::corrupt)) << cut;
    ASSERT_THAT(Wal::open(left), HasErrc(Errc::corrupt)) << cut;
  }
}

TEST(AcceptanceCheck04, TornLastRecordIsFollowedByTheNextId) {
  const LogBox whole = unproven(3);
  const auto frames = read_segment(*whole.home(), whole.newest().substr(4)).frames;
  for (std::uint64_t cut = frames[2].offset; cut < frames[2].end() - 8; ++cut) {
    LogBox box = LogBox({.preallocation = Preallocation::none});
    box.kill().directory = whole.directory->clone();
    ASSERT_THAT(box.directory->truncate_file(box.newest(), cut), IsOk());
    const std::string left = box.newest();
    ASSERT_EQ(box.open().last(), 2u) << cut;
    box.append(1);
    EXPECT_NE(box.newest(), left);
    ASSERT_THAT(read_all(box.close().directory), IsOkAndHolds(texts_through(3))) << cut;
  }
}

TEST(AcceptanceCheck05, EveryFlippedBitBelowAWatermarkIsToldAndNothingIsChanged) {
  LogBox box({.preallocation = Preallocation::none});
  for (int i = 0; i < 3; ++i) box.append(1);
  const std::string file = box.kill().newest();
  const auto frames = read_segment(*box.home(), file.substr(4)).frames;
  for (std::uint64_t bit = frames[0].offset * 8; bit < frames[2].offset * 8; ++bit) {
    ASSERT_THAT(box.directory->flip_bit(file, bit), IsOk());
    const std::uint64_t hash = box.directory->image_hash();
    for (const Status& answer :
         {box.try_open(), Status(read_all(box.directory).map([](auto&&) {})),
          Status(read_all(box.directory, ReplayMode::best_effort).map([](auto&&) {}))}) {
      ASSERT_THAT(answer, HasErrc(Errc::corrupt)) << bit;
      ASSERT_EQ("wal/" + answer.error().file, file);
      ASSERT_EQ(answer.error().offset, frames[bit / 8 < frames[1].offset ? 0 : 1].offset);
    }
    ASSERT_EQ(box.directory->image_hash(), hash);
    ASSERT_THAT(box.directory->flip_bit(file, bit), IsOk());
  }
  EXPECT_THAT(box.try_open(), IsOk());
}

TEST(AcceptanceCheck06, SyncOverThreeSegmentsSurvivesTheLossOfAllThatIsNotSynced) {
  LogBox box({.segment_bytes = 4096}, {.pick = [](std::size_t) { return std::size_t{0}; }});
  while (segment_files(box.directory).size() < 3) box.flush(1);
  ASSERT_THAT(box.wal->sync(), IsOk());
  const std::uint64_t count = box.last();
  box.crash(Crash::power_cut);
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(texts_through(count)));
  EXPECT_EQ(box.open().last(), count);
}

TEST(AcceptanceCheck10, SecondProcessIsRefusedAndSucceedsTheKilledOne) {
  const TempDirectory home;
  for (std::uint64_t life = 0; life < 10; ++life) {
    Channel written;
    Child writer([&] {
      auto wal = Wal::open(home.open()).value();
      wal.append(text_of(life + 1)).value();
      written.say("durable");
      for (;;) ::pause();  // until it is killed
    });
    ASSERT_EQ(written.wait(), "durable");
    const auto second = Wal::open(home.open());
    ASSERT_THAT(second, HasErrc(Errc::locked));
    EXPECT_NE(second.error().message.find("process "), std::string::npos);
    EXPECT_THAT(read_all(home.open()), IsOkAndHolds(texts_through(life + 1)));
    writer.kill_and_wait();
    auto next = Wal::open(home.open());
    ASSERT_THAT(next, IsOk());
    EXPECT_EQ(next->recovery().origin, RecoveryReport::Origin::crash);
    EXPECT_EQ(next->next_entry_id().value, life + 2);
  }
}

TEST(AcceptanceCheck11, EntryOverTheLimitIsRejectedAndTheLogStaysReplayable) {
  LogBox box({.max_frame_bytes = 4096, .max_entry_bytes = 1000});
  box.append(1);
  EXPECT_THAT(box.wal->append(std::string(1001, 'x')), HasErrc(Errc::too_large));
  const std::vector<std::string> batch = {"small", std::string(1001, 'x')};
  EXPECT_THAT(box.wal->append_batch(batch), HasErrc(Errc::too_large));
  EXPECT_EQ(box.last(), 1u) << "no id was used";
  EXPECT_THAT(box.wal->append(std::string(1000, 'x')), IsOkAndHolds(EntryId{2}));
  auto texts = texts_through(1);
  texts.emplace_back(1000, 'x');
  EXPECT_THAT(read_all(box.close().directory), IsOkAndHolds(texts));
}

/// Appends until one is refused for good; how many were acknowledged. An error before an id was
/// given, while a file is made ready, may be tried again; all others are final.
std::uint64_t append_until_refused(Wal& wal) {
  for (std::uint64_t n = 1; n <= 60; ++n) {
    auto id = wal.append(text_of(n));
    if (!id && id.error().code != Errc::poisoned) {
      EXPECT_EQ(wal.next_entry_id().value, n);
      id = wal.append(text_of(n));
      EXPECT_THAT(id, IsOk());
    }
    if (id) continue;
    EXPECT_THAT(wal.append("no more"), HasErrc(Errc::poisoned));
    EXPECT_THAT(wal.sync(), HasErrc(Errc::poisoned));
    return n - 1;
  }
  return 60;
}

TEST(AcceptanceCheck12, FaultAtEachOperationStopsTheWriterAndLosesNothingSynced) {
  for (std::uint64_t at = 1;; ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    const auto directory = CrashDirectory::create({.seed = at});
    directory->fail_at(at, Errc::io);
    std::uint64_t durable = 0;
    if (auto wal = Wal::open(directory, {.segment_bytes = 4096}))
      durable = append_until_refused(*wal);
    const bool all = directory->operation_count() < at;
    expect_recovers(directory->crash(Crash::power_cut), texts_through(60), durable);
    if (all || ::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace walkit
