// Newest first: what replay gives, turned round.

#include "log/backward.hpp"

#include "log/random_harness.hpp"

namespace walkit {
namespace {

using log::BackwardReader;

struct Seen {
  std::vector<Model::Entry> entries{};
  std::optional<Error> error{};
  std::vector<Error> gaps{};
};

Seen read_back(const std::shared_ptr<Directory>& home, ReadOptions options = {},
               std::optional<std::uint64_t> from = std::nullopt) {
  const auto first = from ? std::optional(EntryId{*from}) : std::nullopt;
  BackwardReader reader(home, std::move(options), std::nullopt, first);
  Seen seen;
  for (;;) {
    const auto more = reader.advance({});
    if (!more) seen.error = more.error();
    if (!more || !*more) break;
    const EntryView& e = *reader.entries().next();
    seen.entries.push_back(
        {e.entry_id.value, std::string(as_text(e.payload)), std::string(e.file), e.offset});
  }
  EXPECT_THAT(reader.advance({}), IsOkAndHolds(false)) << "it has ended";
  seen.gaps = reader.summary().gaps;
  return seen;
}

std::vector<Model::Entry> turned_round(std::vector<Model::Entry> entries, std::uint64_t from) {
  std::erase_if(entries, [&](const Model::Entry& entry) { return entry.id > from; });
  std::reverse(entries.begin(), entries.end());
  return entries;
}

constexpr std::uint64_t kEnd = ~std::uint64_t{0};

TEST(BackwardReader, GivesWhatReplayGivesInLogsOfRandomLives) {
  for (std::uint64_t seed = first_seed(); seed < end_of_seeds(); ++seed) {
    SCOPED_TRACE("to repeat it: WALKIT_SEED=" + std::to_string(seed));
    RandomLife life(seed);
    for (int step = 0; step < 25 && !::testing::Test::HasFailure(); ++step) {
      life.step();
      for (const Durability visibility : {Durability::durable, Durability::flushed}) {
        const Model model = model_of(life.box.directory, {.visibility = visibility});
        ASSERT_THAT(model.summary, IsOk());
        const Seen all = read_back(life.box.home(), {.visibility = visibility});
        ASSERT_FALSE(all.error.has_value()) << *all.error;
        ASSERT_EQ(all.entries, turned_round(model.entries, kEnd));
        if (model.entries.empty()) continue;
        const std::uint64_t from = 1 + life.one_of(model.entries.size());
        const Seen part = read_back(life.box.home(), {.visibility = visibility}, from);
        ASSERT_EQ(part.entries, turned_round(model.entries, from));
      }
    }
  }
}

TEST(BackwardReader, TornTailIsPassedOver) {
  LogBox box;
  const std::string file = box.append(2).flush(1).newest();
  const auto frames = read_segment(*box.home(), file.substr(4)).frames;
  box.kill().change(file, [&](Bytes& bytes) { bytes.resize(frames[2].offset + 70); });
  const Seen seen = read_back(box.home());
  EXPECT_FALSE(seen.error.has_value());
  EXPECT_EQ(seen.entries, turned_round(model_of(box.directory).entries, kEnd));
  EXPECT_EQ(seen.entries.size(), 2u);
}

TEST(BackwardReader, RecordedLossIsRefusedOrPassedOverAndNoted) {
  const auto root = folder_of({segment_with_loss()}, 8);
  const auto home = root->subdirectory("wal", OpenMode::read).value();
  for (const std::optional<std::uint64_t> from : {std::optional<std::uint64_t>{}, {5}}) {
    const std::size_t above = from ? 0 : 2;
    const Seen refused = read_back(home, {}, from);
    EXPECT_EQ(refused.entries.size(), above);
    ASSERT_TRUE(refused.error.has_value());
    EXPECT_EQ(refused.error->code, Errc::corrupt);
    EXPECT_EQ(refused.error->message, "a recorded loss: a bad sector");
    EXPECT_EQ(refused.error->lost, (EntryIdRange{EntryId{3}, EntryId{6}}));
    const Seen accepted = read_back(home, {.recorded_loss = RecordedLoss::accept}, from);
    EXPECT_FALSE(accepted.error.has_value());
    EXPECT_EQ(accepted.entries, turned_round(model_of(root).entries, from.value_or(kEnd)));
    ASSERT_EQ(accepted.gaps.size(), 1u);
    EXPECT_EQ(accepted.gaps.front().lost, (EntryIdRange{EntryId{3}, EntryId{6}}));
  }
}

TEST(BackwardReader, SegmentThatEndsOtherwiseThanItsSuccessorSaysIsCorrupt) {
  EXPECT_EQ(read_back(two_segments()).entries.size(), 4u);
  using Damage = std::function<void(log::SegmentHeader&)>;
  for (const Damage& damage : {Damage([](auto& header) { ++header.prev_chain; }),
                               Damage([](auto& header) { header.prev_end += 8; }),
                               Damage([](auto& header) { header.prev_end -= 72; }),
                               Damage([](auto& header) { header.prev_end = 512; })}) {
    const Seen seen = read_back(two_segments(damage));
    EXPECT_EQ(seen.entries.size(), 2u);
    ASSERT_TRUE(seen.error.has_value());
    EXPECT_EQ(seen.error->code, Errc::corrupt);
  }
}

TEST(BackwardReader, BeyondTheEndAndBelowTheOldest) {
  LogBox box;
  box.append(3).close();
  EXPECT_EQ(read_back(box.home(), {}, 4).error->code, Errc::not_found);
  EXPECT_EQ(read_back(box.home(), {}, 0).error->code, Errc::gap);
  EXPECT_EQ(read_back(box.home(), {}, 1).entries.size(), 1u);
  EXPECT_EQ(read_back(MemoryDirectory::create()).error->code, Errc::not_found);
}

TEST(BackwardReader, EmptyLogHasNothing) {
  const Seen seen = read_back(LogBox().home());
  EXPECT_TRUE(seen.entries.empty());
  EXPECT_FALSE(seen.error.has_value());
}

/// A rotated segment, one that a crash left, and one with rehomed entries.
LogBox three_segments() {
  LogBox box({.segment_bytes = 4096, .preallocation = Preallocation::none});
  box.append(45).flush(2).kill().open().append(2).close();
  EXPECT_EQ(segment_files(box.directory).size(), 3u);
  return box;
}

// Where a replay stops at an error, a backward one meets it too, from the other side.
TEST(BackwardReader, EverySingleByteOfDamageEndsItWithThatErrorOrChangesNothing) {
  LogBox box = three_segments();
  const auto all = turned_round(model_of(box.directory).entries, kEnd);
  ASSERT_EQ(all.size(), 49u);
  std::uint64_t errors = 0;
  for (const std::string& file : segment_files(box.directory)) {
    const std::uint64_t bytes = box.directory->read_file("wal/" + file)->size();
    for (std::uint64_t byte = 0; byte < bytes; byte += 3) {
      box.flip("wal/" + file, byte);
      const Model model = model_of(box.directory);
      const Seen seen = read_back(box.home());
      ASSERT_EQ(seen.error.has_value(), !model.summary.has_value()) << file << " " << byte;
      errors += seen.error.has_value();
      ASSERT_LE(seen.entries.size(), all.size());
      if (model.summary) {
        ASSERT_EQ(seen.entries, all);
      }
      ASSERT_TRUE(std::equal(seen.entries.begin(), seen.entries.end(), all.begin()))
          << file << " " << byte;
      box.flip("wal/" + file, byte);
    }
  }
  EXPECT_GT(errors, 1000u);
}

TEST(BackwardReader, SegmentTrimmedUnderWayWasTheOldest) {
  LogBox box = three_segments();
  const auto files = segment_files(box.directory);
  BackwardReader reader(box.home(), {}, std::nullopt);
  ASSERT_THAT(reader.advance({}), IsOkAndHolds(true));
  const log::SegmentHeader newest = read_segment(*box.home(), files[2]).header;
  for (const std::uint64_t at : {0u, 4096u}) {
    box.change("wal/MANIFEST", [&](Bytes& bytes) {
      auto slot = log::decode_manifest_slot(BytesView(bytes).subspan(at, 4096)).value();
      slot.first_segment = newest.number;
      slot.first_salt = newest.salt();
      slot.begins_after = newest.first - 1;
      const auto encoded = log::encode(slot);
      std::copy(encoded.begin(), encoded.end(), bytes.begin() + static_cast<long>(at));
    });
  }
  for (const std::string& file : {files[0], files[1]}) box.remove("wal/" + file);
  Result<bool> more = true;
  while (more && *more) {
    EXPECT_NE(reader.entries().next(), nullptr);
    more = reader.advance({});
  }
  EXPECT_THAT(more, IsOkAndHolds(false));
  EXPECT_EQ(reader.entries().entry().entry_id, newest.first);
}

TEST(BackwardReader, ReadsEachPieceOfTheFileAFewTimesOnly) {
  for (const std::uint32_t bytes : {100u, 300'000u}) {
    LogBox box({.segment_bytes = 4 << 20});
    for (std::uint64_t written = 0; written < 3 << 20; written += bytes) {
      ASSERT_THAT(box.wal->append(std::string(bytes, 'x')), IsOk());
      ASSERT_THAT(written % 500 == 0 ? box.wal->flush() : Status{}, IsOk());
    }
    box.close();
    const auto watched = std::make_shared<WatchedDirectory>(box.home());
    const std::size_t all = read_back(watched).entries.size();
    EXPECT_EQ(all, model_of(box.directory).entries.size());
    EXPECT_LE(watched->counts().bytes, 8u * (3u << 20));
  }
}

}  // namespace
}  // namespace walkit
