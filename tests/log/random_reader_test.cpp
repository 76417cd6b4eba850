// Entries by id and by time, against what replay gives: logs of random lives, torn, damaged,
// exchanged and trimmed, through readers that kept what they knew.

#include "log/random_harness.hpp"
#include "seed.hpp"

namespace walkit {
namespace {

using log::RandomReader;

void expect_no_entry(const Model& model, const Result<OwnedEntry>& read, std::uint64_t id) {
  if (!model.summary) {
    EXPECT_EQ(read.error().code, model.summary.error().code) << id << ": " << read.error();
    return;
  }
  const bool trimmed = !model.entries.empty() && id < model.entries.front().id;
  EXPECT_THAT(read, HasErrc(trimmed ? Errc::gap : Errc::not_found)) << id;
}

/// read() gives what replay gives, and nothing else.
void expect_reads_as(const Model& model, RandomReader& reader) {
  const std::uint64_t last = model.entries.empty() ? 0 : model.entries.back().id;
  std::size_t known = 0;
  for (std::uint64_t id = 1; id <= last + 3; ++id) {
    const auto read = reader.read(EntryId{id});
    if (known < model.entries.size() && model.entries[known].id == id) {
      ASSERT_THAT(read, IsOk());
      ASSERT_EQ(entry_of(*read), model.entries[known]);
      ++known;
    } else {
      ASSERT_FALSE(read.has_value()) << id;
      expect_no_entry(model, read, id);
    }
  }
}

/// time_of() never falls, and first_since() is its inverse.
void expect_times_fit(const Model& model, RandomReader& reader) {
  std::uint64_t before = 0, first = 0;
  for (const Model::Entry& entry : model.entries) {
    const auto time = reader.time_of(EntryId{entry.id});
    ASSERT_THAT(time, IsOk());
    ASSERT_GE(*time, before);
    if (*time > before || first == 0) {
      first = entry.id;
      ASSERT_THAT(reader.first_since(before + 1), IsOkAndHolds(EntryId{first}));
    }
    ASSERT_THAT(reader.first_since(*time), IsOkAndHolds(EntryId{first}));
    before = *time;
  }
  if (model.summary) {
    EXPECT_THAT(reader.first_since(before + 1), HasErrc(Errc::not_found));
  }
}

TEST(RandomReader, GivesWhatReplayGivesInLogsOfRandomLives) {
  for (std::uint64_t seed = first_seed(); seed < end_of_seeds(); ++seed) {
    SCOPED_TRACE("to repeat it: WALKIT_SEED=" + std::to_string(seed));
    RandomLife life(seed);
    const auto watched = std::make_shared<WatchedDirectory>(life.box.home());
    RandomReader kept = random_reader(watched);
    RandomReader flushed = random_reader(watched, {.visibility = Durability::flushed});
    for (int step = 0; step < 25 && !::testing::Test::HasFailure(); ++step) {
      life.step();
      watched->move_to(life.box.home());
      const Model model = model_of(life.box.directory);
      expect_reads_as(model, kept);
      expect_times_fit(model, kept);
      expect_reads_as(model_of(life.box.directory, {.visibility = Durability::flushed}), flushed);
      RandomReader fresh = random_reader(watched);
      expect_reads_as(model, fresh);
    }
  }
}

TEST(RandomReader, TornTailEndsWhereReplayEnds) {
  LogBox box;
  const std::string file = box.append(3).flush(3).newest();
  const Bytes whole = box.directory->read_file(file).value();
  const std::uint64_t end = read_segment(*box.home(), file.substr(4)).frames.back().end();
  box.kill();
  RandomReader kept = random_reader(box.home());
  for (std::uint64_t cut = end; cut >= log::kSegmentHeaderBytes; cut -= 3) {
    box.change(file, [&](Bytes& bytes) { bytes.resize(cut); });
    expect_reads_as(model_of(box.directory), kept);
  }
}

TEST(RandomReader, LogsOfNoneAndOfOneEntry) {
  for (const std::uint64_t count : {0, 1}) {
    LogBox box;
    RandomReader kept = random_reader(box.home());
    expect_reads_as(model_of(box.directory), kept);
    box.append(count);
    expect_reads_as(model_of(box.directory), kept);
    expect_times_fit(model_of(box.directory), kept);
    box.close();
    expect_reads_as(model_of(box.directory), kept);
    EXPECT_THAT(kept.read(EntryId{}), HasErrc(Errc::invalid_argument));
    EXPECT_THAT(kept.read(EntryId::max()), HasErrc(Errc::not_found));
  }
}

TEST(RandomReader, NoLogIsNotFound) {
  RandomReader reader = random_reader(MemoryDirectory::create());
  EXPECT_THAT(reader.read(EntryId{1}), HasErrc(Errc::not_found));
  EXPECT_THAT(reader.first_since(0), HasErrc(Errc::not_found));
}

/// Three small segments: one rotated, one that a crash left, one with rehomed entries.
LogBox three_segments() {
  LogBox box({.segment_bytes = 4096, .preallocation = Preallocation::none});
  box.append(12);
  EXPECT_THAT(box.wal->append(std::string(3500, 'x')), IsOk());
  box.append(2).flush(2).kill().open().append(2);
  EXPECT_EQ(segment_files(box.directory).size(), 4u);
  return box;
}

std::string text_in(std::uint64_t id) { return id == 13 ? std::string(3500, 'x') : text_of(id); }

TEST(RandomReader, EverySingleByteOfDamageGivesTheRightEntryOrAnError) {
  const std::uint64_t step = from_environment("WALKIT_READER_STEP", 1);
  for (const bool live : {false, true}) {
    LogBox box = three_segments();
    const std::uint64_t last = box.last();
    if (!live) box.kill();
    RandomReader kept = random_reader(box.home());
    std::uint64_t errors = 0;
    for (const std::string& path : box.directory->list_files()) {
      const Bytes good = box.directory->read_file(path).value();
      const bool segment = path.ends_with(".wal");
      for (std::uint64_t byte = 0; byte < good.size(); byte += segment ? step : 61) {
        if (byte + 200 < good.size() && good[byte] == std::byte{'x'})
          byte += 200;  // all of one body
        box.flip(path, byte);
        RandomReader fresh = random_reader(box.home());
        for (RandomReader* reader : {&fresh, &kept}) {
          for (std::uint64_t id = 1; id <= last; ++id) {
            const auto read = reader->read(EntryId{id});
            errors += !read;
            const std::string text = read ? std::string(as_text(read->payload)) : text_in(id);
            ASSERT_EQ(text, text_in(id)) << path << " " << byte;
          }
        }
        box.flip(path, byte);
      }
    }
    EXPECT_GT(errors, 1000u);
    for (std::uint64_t id = 1; id <= last; ++id) EXPECT_THAT(kept.read(EntryId{id}), IsOk());
  }
}

TEST(RandomReader, DamageIsToldWithFileOffsetAndIdsAndTheRestStillReads) {
  enum class Left { live, closed, killed };
  for (const Left left : {Left::live, Left::closed, Left::killed}) {
    LogBox box;
    const std::string file = box.append(9).newest();
    const auto frames = read_segment(*box.home(), file.substr(4)).frames;
    if (left == Left::closed) box.close();
    if (left == Left::killed) box.kill();
    const bool judged = left == Left::killed;  // then the tail is judged as a whole
    box.flip(file, frames[3].offset + 70);
    RandomReader reader = random_reader(box.home());
    const auto gone = reader.read(EntryId{4});
    ASSERT_THAT(gone, HasErrc(Errc::corrupt));
    EXPECT_EQ("wal/" + gone.error().file, file);
    EXPECT_EQ(gone.error().offset, frames[3].offset);
    EXPECT_EQ(gone.error().lost, (EntryIdRange{EntryId{4}, EntryId{judged ? 9u : 4u}}));
    EXPECT_EQ(as_text(reader.read(EntryId{3})->payload), text_of(3));
    const auto behind = reader.read(EntryId{5});
    EXPECT_EQ(behind.has_value(), !judged) << "nothing behind the first fault of a tail is given";
    if (behind) {
      EXPECT_EQ(as_text(behind->payload), text_of(5));
    }
    box.flip(file, frames[3].offset + 70);
    box.flip(file, frames[3].offset + 17);
    const auto lost = reader.read(EntryId{8});
    ASSERT_THAT(lost, HasErrc(Errc::corrupt));
    EXPECT_EQ(lost.error().lost, (EntryIdRange{EntryId{4}, EntryId{9}}));
  }
}

TEST(RandomReader, RecordedLossIsNamedWhateverTheOptionSays) {
  const auto root = folder_of({segment_with_loss()}, 8);
  const auto home = root->subdirectory("wal", OpenMode::read).value();
  for (const RecordedLoss option : {RecordedLoss::refuse, RecordedLoss::accept}) {
    RandomReader reader = random_reader(home, {.recorded_loss = option});
    for (const std::uint64_t id : {3, 4, 6}) {
      const auto read = reader.read(EntryId{id});
      ASSERT_THAT(read, HasErrc(Errc::corrupt));
      EXPECT_EQ(read.error().message, "a recorded loss: a bad sector");
      EXPECT_EQ(read.error().lost, (EntryIdRange{EntryId{3}, EntryId{6}}));
      EXPECT_THAT(reader.time_of(EntryId{id}), HasErrc(Errc::corrupt));
    }
    EXPECT_EQ(as_text(reader.read(EntryId{2})->payload), "two");
    EXPECT_EQ(as_text(reader.read(EntryId{7})->payload), "seven");
    EXPECT_THAT(reader.read(EntryId{9}), HasErrc(Errc::not_found));
  }
}

TEST(RandomReader, FirstSinceATimeThatTwoSegmentsShareIsInTheFirst) {
  RandomReader reader = random_reader(two_segments());
  const std::uint64_t expected[] = {1, 1, 1, 1, 1, 1, 2, 2, 4, 4};
  for (std::uint64_t time = 0; time < 10; ++time) {
    EXPECT_THAT(reader.first_since(time), IsOkAndHolds(EntryId{expected[time]})) << time;
  }
  EXPECT_THAT(reader.first_since(10), HasErrc(Errc::not_found));
  EXPECT_THAT(reader.time_of(EntryId{3}), IsOkAndHolds(7u));
}

TEST(RandomReader, OtherCodecOrNewerSchemaIsIncompatible) {
  LogBox box;
  box.append(3).close();
  const std::uint32_t codec = CodecId{"byte"}.value;
  RandomReader right(box.home(), {}, StoredType{.codec = codec});
  EXPECT_THAT(right.read(EntryId{2}), IsOk());
  RandomReader other(box.home(), {}, StoredType{.codec = codec + 1});
  EXPECT_THAT(other.read(EntryId{2}), HasErrc(Errc::incompatible));
  EXPECT_THAT(other.time_of(EntryId{2}), HasErrc(Errc::incompatible));
}

TEST(RandomReader, WhatTheCallerKnowsMustBeThere) {
  LogBox box;
  box.append(3).kill();
  RandomReader reader = random_reader(box.home(), {.expect_durable_through = EntryId{5}});
  EXPECT_THAT(reader.read(EntryId{3}), IsOk());
  for (const std::uint64_t id : {4, 5, 6}) {
    EXPECT_THAT(reader.read(EntryId{id}), HasErrc(Errc::corrupt));
  }
}

TEST(RandomReader, UnprovenEntriesAreReadWhereTheyCount) {
  LogBox box;
  box.append(2).flush(2).kill();
  const auto watched = std::make_shared<WatchedDirectory>(box.home());
  RandomReader kept = random_reader(watched);
  expect_reads_as(model_of(box.directory), kept);
  const std::string before = kept.read(EntryId{3})->file;
  // A writer that was stopped right behind the commit point: LOCK and MANIFEST are as they were.
  const Bytes manifest = box.directory->read_file("wal/MANIFEST").value();
  const Bytes lock = box.directory->read_file("wal/LOCK").value();
  const auto old = box.directory;  // with power on, so that open files of it still read
  box.directory = old->clone();
  box.open().kill();
  box.put("wal/MANIFEST", manifest);
  box.put("wal/LOCK", lock);
  watched->move_to(box.home());
  EXPECT_NE(kept.read(EntryId{3})->file, before);
  expect_reads_as(model_of(box.directory), kept);
}

TEST(RandomReader, TrimmedEntriesAreAGap) {
  for (const bool removed : {true, false}) {
    LogBox box({.segment_bytes = 4096, .preallocation = Preallocation::none});
    box.append(100).close();
    RandomReader kept = random_reader(box.home());
    EXPECT_THAT(kept.read(EntryId{1}), IsOk());
    const auto files = segment_files(box.directory);
    ASSERT_GE(files.size(), 3u);
    const log::SegmentHeader second = read_segment(*box.home(), files[1]).header;
    for (const std::uint64_t at : {0u, 4096u}) {
      box.change("wal/MANIFEST", [&](Bytes& bytes) {
        auto slot = log::decode_manifest_slot(BytesView(bytes).subspan(at, 4096)).value();
        slot.first_segment = second.number;
        slot.first_salt = second.salt();
        slot.begins_after = second.first - 1;
        const auto encoded = log::encode(slot);
        std::copy(encoded.begin(), encoded.end(), bytes.begin() + static_cast<long>(at));
      });
    }
    if (removed) box.remove("wal/" + files[0]);
    const auto gone = kept.read(EntryId{1});
    ASSERT_THAT(gone, HasErrc(Errc::gap));
    EXPECT_EQ(gone.error().lost, (EntryIdRange{EntryId{1}, second.first - 1}));
    expect_reads_as(model_of(box.directory), kept);
  }
}

TEST(RandomReader, AnotherLogInPlaceIsReadAnew) {
  LogBox one, other;
  one.append(5).close();
  other.append(2);
  ASSERT_THAT(other.wal->append("other"), IsOk());
  other.close();
  const auto watched = std::make_shared<WatchedDirectory>(one.home());
  RandomReader kept = random_reader(watched);
  EXPECT_EQ(as_text(kept.read(EntryId{3})->payload), text_of(3));
  watched->move_to(other.home());
  EXPECT_EQ(as_text(kept.read(EntryId{3})->payload), "other");
  EXPECT_THAT(kept.read(EntryId{4}), HasErrc(Errc::not_found));
}

}  // namespace
}  // namespace walkit
