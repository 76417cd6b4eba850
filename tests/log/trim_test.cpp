// Trimming: which files go, what holds them, and that the log goes on behind what went.

#include <algorithm>
#include <future>

#include "log/five_segments.hpp"
#include "log/snapshot.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/checked_directory.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit {
namespace {

using By = TrimHold::By;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<By> why(const TrimPlan& plan) {
  std::vector<By> why;
  for (const TrimHold& hold : plan.held_by) why.push_back(hold.by);
  return why;
}

/// Entries first to last and no other, byte for byte, in all that is asked.
void expect_holds(const LogBox& box, std::uint64_t first, std::uint64_t last) {
  const auto reader = Reader::open(box.directory).value();
  const auto records = reader.replay();
  ASSERT_THAT(records, IsOk());
  ASSERT_EQ(records->size(), last + 1 - first);
  for (std::uint64_t id = first; id <= last; ++id) {
    EXPECT_EQ(records->at(id - first).entry_id, EntryId{id});
    EXPECT_EQ(records->at(id - first).payload, text_of(id));
  }
  if (first > 1) {
    EXPECT_THAT(reader.read(EntryId{first - 1}), HasErrc(Errc::gap));
  }
  EXPECT_THAT(care_for(box).verify()->damage, IsEmpty());
}

TEST(Trim, RemovesWholeSegmentsBelowAnEntryAndNoOther) {
  for (std::uint64_t keep = 0; keep <= 20; ++keep) {
    LogBox box = five_segments();
    const auto plan = care_for(box).plan_trim(EntryId{keep}).value();
    const std::uint64_t whole = std::clamp<std::uint64_t>(keep, 1, 13) - 1;
    const std::uint64_t first = whole / 3 * 3 + 1;
    EXPECT_EQ(plan.oldest, EntryId{first});
    EXPECT_THAT(segment_files(box.directory), SizeIs(5)) << "a plan changed something";
    EXPECT_THAT(care_for(box).trim_before(EntryId{keep}), IsOkAndHolds(EntryId{first}));
    EXPECT_THAT(segment_files(box.directory), SizeIs(5 - plan.segments.size()));
    EXPECT_THAT(why(plan), ElementsAre(first == 13 ? By::newest_segment : By::keep));
    expect_holds(box, first, 15);
    box.open().append(1).close();
    expect_holds(box, first, 16);
  }
}

TEST(Trim, PlanSaysWhichFilesAndBytes) {
  LogBox box = five_segments();
  const auto plan = care_for(box).plan_trim(EntryId{8}).value();
  ASSERT_THAT(plan.segments, SizeIs(2));
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string file = box.segment(i);
    EXPECT_EQ("wal/" + plan.segments[i].file, file);
    EXPECT_EQ(plan.segments[i].entries, (EntryIdRange{EntryId{3 * i + 1}, EntryId{3 * i + 3}}));
    EXPECT_EQ(plan.segments[i].bytes, box.directory->read_file(file)->size());
    bytes += plan.segments[i].bytes;
  }
  EXPECT_EQ(plan.bytes, bytes);
  const std::string text = to_string(plan);
  EXPECT_NE(text.find("oldest entry left: 7"), std::string::npos) << text;
  EXPECT_NE(text.find("remove " + plan.segments[1].file), std::string::npos) << text;
  EXPECT_NE(text.find("entries to be kept"), std::string::npos) << text;
}

TEST(Trim, NothingGoesFromALogOfOneSegmentOrNone) {
  LogBox box;
  EXPECT_THAT(box.wal->maintenance().trim_before(EntryId::max()), IsOkAndHolds(EntryId{1}));
  EXPECT_THAT(box.wal->maintenance().plan_trim(EntryId::max())->held_by, IsEmpty());
  box.append(3);
  EXPECT_THAT(box.wal->maintenance().trim_before(EntryId::max()), IsOkAndHolds(EntryId{1}));
  box.close();
  EXPECT_THAT(care_for(box).trim_before(EntryId::max()), IsOkAndHolds(EntryId{1}));
  expect_holds(box, 1, 3);
}

TEST(Trim, RetentionBySizeKeepsTheLogWithinIt) {
  LogBox box = five_segments();
  const std::uint64_t each = box.directory->read_file(box.segment(0))->size();
  for (const std::uint64_t kept : {9u, 5u, 4u, 2u, 1u}) {
    const auto plan = care_for(box).plan_trim(EntryId{13}, {.bytes = kept * each}).value();
    EXPECT_THAT(plan.segments, SizeIs(5 - std::min<std::uint64_t>(kept, 5)));
    if (kept > 1) {
      EXPECT_THAT(why(plan), ElementsAre(By::retention));
    }
  }
  const auto both = care_for(box).plan_trim(EntryId{3}, {.bytes = 5 * each}).value();
  EXPECT_THAT(why(both), ElementsAre(By::keep, By::retention));
}

/// A device whose clock a test sets.
class ClockedDirectory final : public testing::PassingDirectory {
 public:
  ClockedDirectory(std::shared_ptr<Directory> below, std::shared_ptr<std::chrono::seconds> clock)
      : PassingDirectory(std::move(below)), clock_(std::move(clock)) {}
  std::chrono::nanoseconds now() override { return *clock_; }

 private:
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view /*name*/,
                                               std::shared_ptr<Directory> directory) override {
    return std::make_shared<ClockedDirectory>(std::move(directory), clock_);
  }
  std::shared_ptr<std::chrono::seconds> clock_;
};

TEST(Trim, RetentionByAgeKeepsWhatIsYounger) {
  const auto clock = std::make_shared<std::chrono::seconds>(1000);
  const auto directory = std::make_shared<ClockedDirectory>(MemoryDirectory::create(), clock);
  for (int life = 0; life < 4; ++life) {
    auto wal = Wal::open(directory).value();
    wal.append("an entry").value();
    wal.close().value();
    *clock += std::chrono::seconds(100);
  }
  // Its successor was made at 1100, 1200, 1300; now it is 1400.
  const auto care = WalMaintenance::open(directory).value();
  const auto left_at = [&](std::int64_t age) {
    return 4 - care.plan_trim(EntryId{4}, {.age = std::chrono::seconds(age)})->segments.size();
  };
  EXPECT_EQ(left_at(0), 1u);
  EXPECT_EQ(left_at(100), 1u);
  EXPECT_EQ(left_at(101), 2u);
  EXPECT_EQ(left_at(201), 3u);
  EXPECT_EQ(left_at(301), 4u);
  EXPECT_EQ(left_at(std::chrono::seconds::max().count()), 4u);
  *clock = std::chrono::seconds(0);
  EXPECT_EQ(left_at(1), 4u) << "a clock that was set back";
}

TEST(Trim, BesideAWriterGoesThroughTheWriter) {
  LogBox box = five_segments();
  box.open().append(2);
  EXPECT_THAT(care_for(box).trim_before(EntryId{8}), HasErrc(Errc::locked));
  const auto care = box.wal->maintenance();
  EXPECT_THAT(care.trim_before(EntryId{8}), IsOkAndHolds(EntryId{7}));
  expect_holds(box, 7, 17);
  box.append(1);
  EXPECT_THAT(care.trim_before(EntryId::max()), IsOkAndHolds(EntryId{16}));
  box.append(1).close();
  expect_holds(box, 16, 19);
  EXPECT_THAT(care.trim_before(EntryId{1}), HasErrc(Errc::closed));
}

TEST(Trim, NeverRemovesTheActiveSegmentWhileTheLogRotates) {
  LogBox box({.segment_bytes = 4096});
  for (std::uint64_t n = 1; n <= 400; ++n) {
    box.append(1);
    if (n % 10 != 0) continue;
    const auto oldest = box.wal->maintenance().trim_before(EntryId{n});
    ASSERT_THAT(oldest, IsOk());
    EXPECT_LE(*oldest, EntryId{n});
    EXPECT_LE(segment_files(box.directory).size(), 2u);
  }
  const std::uint64_t oldest = box.wal->maintenance().trim_before(EntryId{})->value;
  box.kill();
  expect_holds(box, oldest, 400);
  EXPECT_EQ(box.open().last(), 400u);
}

TEST(Trim, AnswersClosedWhereTheWriterIsGone) {
  LogBox box = five_segments();
  box.open();
  const auto care = box.wal->maintenance();
  box.close();
  EXPECT_THAT(care.trim_before(EntryId{8}), HasErrc(Errc::closed));
  EXPECT_THAT(care.plan_trim(EntryId{8}), IsOk()) << "it changes nothing";
  LogWriter moved = LogWriter::open(box.directory, {}, {BytesCodec::id.value, {}}).value();
  const LogWriter other = std::move(moved);
  const auto nothing = moved.maintenance();  // NOLINT(bugprone-use-after-move)
  EXPECT_THAT(nothing.trim_before(EntryId{8}), HasErrc(Errc::closed));
  EXPECT_THAT(nothing.plan_trim(EntryId{8}), HasErrc(Errc::closed));
  EXPECT_THAT(nothing.segment_ranges(), HasErrc(Errc::closed));
  EXPECT_THAT(segment_files(box.directory), SizeIs(5));
}

TEST(Trim, InACallbackIsRefused) {
  LogBox box = five_segments();
  box.open();
  std::promise<Result<EntryId>> answer;
  const Ticket ticket = box.wal->append_async("one more").value();
  const auto care = box.wal->maintenance();
  ticket.on_durable([&](const Status&) { answer.set_value(care.trim_before(EntryId{8})); });
  EXPECT_THAT(answer.get_future().get(), HasErrc(Errc::invalid_argument));
}

/// The calls on a log's segments, but for their headers.
class NoPayloadFile final : public testing::PassingFile {
 public:
  using PassingFile::PassingFile;
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    EXPECT_EQ(offset, 0u) << "a trim reads payload";
    return PassingFile::read_at(offset, into);
  }
};
class NoPayloadDirectory final : public testing::PassingDirectory {
 public:
  using PassingDirectory::PassingDirectory;

 private:
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view /*name*/,
                                               std::shared_ptr<Directory> directory) override {
    return std::make_shared<NoPayloadDirectory>(std::move(directory));
  }
  std::unique_ptr<File> wrap_file(std::string_view name, std::unique_ptr<File> file) override {
    if (!name.ends_with(".wal")) return file;
    return std::make_unique<NoPayloadFile>(std::move(file));
  }
};

TEST(Trim, ReadsNamesAndHeadersOnly) {
  LogBox box = five_segments();
  const auto watched = std::make_shared<NoPayloadDirectory>(box.directory);
  const auto care = WalMaintenance::open(watched).value();
  const Retention retention{.bytes = 1, .age = std::chrono::seconds(1)};
  EXPECT_THAT(care.plan_trim(EntryId{9}, retention), IsOk());
  EXPECT_THAT(care.trim_before(EntryId{9}), IsOkAndHolds(EntryId{7}));
}

TEST(Trim, DamagedEndOfTheLogDoesNotHinderIt) {
  LogBox box = five_segments();
  box.flip(box.newest(), 700);
  EXPECT_THAT(care_for(box).trim_before(EntryId{9}), IsOkAndHolds(EntryId{7}));
}

TEST(Trim, LogThatCannotBeListedIsRefused) {
  LogBox box = five_segments();
  box.remove(box.segment(1));
  EXPECT_THAT(care_for(box).trim_before(EntryId{9}), HasErrc(Errc::corrupt));
  EXPECT_THAT(segment_files(box.directory), SizeIs(4));
}

TEST(Trim, WithoutAManifestNothingGoes) {
  LogBox box = five_segments();
  box.remove("wal/MANIFEST");
  EXPECT_THAT(care_for(box).trim_before(EntryId{9}), HasErrc(Errc::corrupt));
  EXPECT_THAT(segment_files(box.directory), SizeIs(5));
}

// Made by a life that was killed before its name and MANIFEST were durable.
TEST(Trim, UnbornNewestDoesNotCountAsASegment) {
  LogBox box = five_segments();
  box.put("wal/" + log::to_string(log::SegmentName{6, EntryId{16}}), Bytes(512));
  EXPECT_THAT(care_for(box).trim_before(EntryId::max()), IsOkAndHolds(EntryId{13}));
  expect_holds(box, 13, 15);
}

TEST(Trim, KeepsToTheProtocol) {
  const auto device = CrashDirectory::create();
  const auto checked = testing::CheckedDirectory::create(device);
  auto wal = Wal::open(checked, {.segment_bytes = 4096}).value();
  for (int n = 0; n < 100; ++n) wal.append(std::string(400, 'x')).value();
  EXPECT_THAT(wal.maintenance().trim_before(EntryId{50}), IsOk());
  wal.append("more").value();
  wal.close().value();
  EXPECT_THAT(WalMaintenance::open(checked)->trim_before(EntryId{90}), IsOk());
  EXPECT_THAT(checked->violations(), IsEmpty());
}

}  // namespace
}  // namespace walkit
