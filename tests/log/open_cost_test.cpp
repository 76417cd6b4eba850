// What opening a log costs in files and bytes, where it looks at no more than the end of the newest
// segment, and that what it did not look at is found by who reads it.

#include "log/random_harness.hpp"
#include "walkit/maintenance.hpp"

namespace walkit {
namespace {

constexpr std::uint64_t kEndBytes = 250'000;  // what the end of a file may cost, its evidence too

struct Cost {
  std::uint64_t opens = 0, bytes = 0;
};

/// Of what `open` does with the log.
template <class Open>
Cost cost_of(const std::shared_ptr<Directory>& log, Open&& open) {
  const auto watched = std::make_shared<WatchedDirectory>(log);
  open(watched);
  return {watched->counts().opens, watched->counts().bytes};
}

void open_to_write(const std::shared_ptr<Directory>& log) { EXPECT_THAT(Wal::open(log), IsOk()); }

void give_newest(const std::shared_ptr<Directory>& log) {
  const auto reader = Reader::open(log).value();
  auto newest = reader.newest_first();
  EXPECT_THAT(*newest.begin(), IsOk());
}

/// What survey says and costs.
log::Survey survey_of(const LogBox& box, std::uint64_t& bytes) {
  const auto watched = std::make_shared<WatchedDirectory>(box.home());
  const auto snapshot = log::take_snapshot(*watched, EntryId{}, ~std::uint64_t{0}).value();
  bytes = watched->counts().bytes;
  return snapshot.survey;
}

TEST(OpenCost, FilesAreAsManyHoweverManySegmentsThereAre) {
  std::vector<Cost> writing, reading;
  for (const std::size_t segments : {10, 200}) {
    LogBox box({.segment_bytes = 4096, .preallocation = Preallocation::none});
    while (segment_files(box.directory).size() < segments) box.append(10);
    box.close();
    reading.push_back(cost_of(box.directory, give_newest));
    writing.push_back(cost_of(box.directory, open_to_write));
  }
  EXPECT_EQ(reading[0].opens, reading[1].opens);
  EXPECT_EQ(writing[0].opens, writing[1].opens);
  EXPECT_LE(writing[1].bytes, kEndBytes);
}

/// A log of one segment of 2 MiB, closed.
LogBox closed_box(Layout layout = Layout::packed) {
  LogBox box({.layout = layout});
  for (int n = 0; n < 20; ++n) {
    EXPECT_THAT(box.wal->append(std::string(100'000, static_cast<char>('a' + n))), IsOk());
    EXPECT_THAT(box.wal->sync(), IsOk());
  }
  box.close();
  return box;
}

TEST(OpenCost, ClosedLogIsReadFromItsEndAlone) {
  for (const Layout layout : {Layout::packed, Layout::whole_blocks}) {
    const LogBox box = closed_box(layout);
    std::uint64_t bytes = 0;
    const log::Survey survey = survey_of(box, bytes);
    EXPECT_LE(bytes, kEndBytes);
    EXPECT_TRUE(survey.closed);
    EXPECT_EQ(survey.tail.last(), EntryId{20});
    EXPECT_LE(cost_of(box.directory, open_to_write).bytes, kEndBytes);
  }
}

// The same, word for word, as a look at all of it says.
TEST(OpenCost, EndOfAClosedLogIsWhatAllOfItSays) {
  for (const Layout layout : {Layout::packed, Layout::whole_blocks}) {
    const LogBox box = closed_box(layout);
    const auto file = segment_files(box.directory)[0];
    const auto segment =
        log::open_segment(*box.home(), {file, log::parse_segment_name(file).value()}).value();
    const auto whole =
        log::read_tail(*segment.file, segment.header, ~std::uint64_t{0}, EntryId{}).value();
    const auto end = log::read_closed_tail(*segment.file, segment.header, EntryId{20}).value();
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->shape, whole.shape);
    EXPECT_EQ(end->offset, whole.offset);
    EXPECT_EQ(end->expected, whole.expected);
    EXPECT_EQ(end->dirty_bytes, whole.dirty_bytes);
    EXPECT_EQ(end->watermark, whole.watermark);
    EXPECT_EQ(end->chain, whole.chain);
    EXPECT_EQ(end->time_ns, whole.time_ns);
    EXPECT_EQ(end->proven.last, whole.proven.last);
    EXPECT_EQ(end->sealed->end, whole.sealed->end);
    EXPECT_EQ(end->sealed->seal_end, whole.sealed->seal_end);
    EXPECT_EQ(end->sealed->chain, whole.sealed->chain);
    EXPECT_EQ(end->sealed->last, whole.sealed->last);
  }
}

using Change = std::function<void(LogBox&)>;

void flip_from_end(LogBox& box, std::uint64_t bytes) {
  box.flip(box.newest(), box.directory->read_file(box.newest())->size() - bytes);
}

void change_slot(LogBox& box, const std::function<void(log::ManifestSlot&)>& change) {
  log::ManifestSlot slot = *log::read_manifest(*box.home())->newest();
  change(slot);
  box.change("wal/MANIFEST", [&](Bytes& bytes) {
    const auto encoded = log::encode(slot);
    std::copy(encoded.begin(), encoded.end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(slot.generation % 2 * 4096));
  });
}

TEST(OpenCost, AnyDoubtAboutACloseReadsAllOfIt) {
  const auto frames = read_segment(*closed_box().home(), segment_files(closed_box().directory)[0]);
  const std::uint64_t close = frames.frames[frames.frames.size() - 2].offset;
  const std::vector<std::pair<const char*, Change>> doubts = {
      {"seal", [](LogBox& box) { flip_from_end(box, 8); }},
      {"seal's header", [](LogBox& box) { flip_from_end(box, 40); }},
      {"close", [=](LogBox& box) { box.flip(box.newest(), close + 20); }},
      {"longer",
       [](LogBox& box) { box.change(box.newest(), [](Bytes& b) { b.resize(b.size() + 8); }); }},
      {"shorter",
       [](LogBox& box) { box.change(box.newest(), [](Bytes& b) { b.resize(b.size() - 8); }); }},
      {"no frame", [](LogBox& box) { box.change(box.newest(), [](Bytes& b) { b.resize(540); }); }},
      {"bad slot",
       [](LogBox& box) {
         const auto slot = log::read_manifest(*box.home())->newest()->generation;
         box.flip("wal/MANIFEST", (slot + 1) % 2 * 4096 + 60);
       }},
      {"not clean", [](LogBox& box) { change_slot(box, [](auto& slot) { slot.clean = false; }); }},
      {"LOCK knows more",
       [](LogBox& box) {
         auto record = lock_of(box);
         record.durable_through = EntryId{21};
         put_lock(box, record);
       }},
      {"MANIFEST knows more",
       [](LogBox& box) {
         change_slot(box, [](auto& slot) { slot.durable_through = EntryId{21}; });
       }},
      {"unborn segment", [](LogBox& box) {
         box.put("wal/" + log::to_string(log::SegmentName{2, EntryId{21}}), Bytes(600));
       }}};
  for (const auto& [what, change] : doubts) {
    LogBox box = closed_box();
    change(box);
    std::uint64_t bytes = 0;
    const log::Survey survey = survey_of(box, bytes);
    const bool is_short = std::string_view(what) == "no frame";
    EXPECT_TRUE(is_short || bytes > 1'900'000) << what << ": " << bytes;
    const bool whole = survey.tail.last() == EntryId{20};
    EXPECT_EQ(whole, !is_short) << what;
    const bool knows_more = std::string_view(what).ends_with("knows more") || is_short;
    EXPECT_EQ(survey.decision.verdict == log::TailVerdict::lost_acknowledged, knows_more) << what;
  }
}

// Between the last entry and the close, where no id is lost with it.
TEST(OpenCost, DamagedMarkerInFrontOfACloseIsFoundByWhoReads) {
  using log::FrameKind;
  LogBox box;
  box.append(1).close();
  log::FramesByHand segment(read_segment(*box.home(), segment_files(box.directory)[0]).header);
  segment.entries(1, 0, {text_of(1)});
  const std::uint64_t marker = segment.bytes.size();
  segment.add(log::control(FrameKind::marker, EntryId{2}, EntryId{1}), as_bytes("a note"))
      .add(log::control(FrameKind::close, EntryId{2}, EntryId{1}), {})
      .add(log::control(FrameKind::seal, EntryId{2}, EntryId{1}), Bytes(log::seal_body_bytes(0)));
  box.put(box.newest(), segment.bytes);
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(texts_through(1)));
  box.flip(box.newest(), marker + log::kFrameHeaderBytes);
  std::uint64_t bytes = 0;
  EXPECT_TRUE(survey_of(box, bytes).closed);
  for (const ReplayMode mode : {ReplayMode::strict, ReplayMode::best_effort}) {
    const auto damaged = read_all(box.directory, mode);
    ASSERT_THAT(damaged, HasErrc(Errc::corrupt));
    EXPECT_EQ(damaged.error().offset, marker);
    EXPECT_TRUE(damaged.error().lost.empty());
  }
}

// Who opens a closed log does not see it; a reader does, and goes on seeing it.
TEST(OpenCost, DamageInFrontOfACloseIsFoundByWhoReads) {
  const auto frames = read_segment(*closed_box().home(), segment_files(closed_box().directory)[0]);
  for (const std::size_t n : {0u, 7u, 19u}) {
    for (const std::uint64_t byte : {20u, 100u, 100'000u}) {  // header, body, end of the body
      LogBox box = closed_box();
      box.flip(box.newest(), frames.frames[n].offset + byte);
      const EntryId gone{n + 1};
      for (const bool written : {false, true}) {
        std::uint64_t given = 0;
        const auto reader = Reader::open(box.directory).value();
        const auto replayed = reader.replay_each(ReplayMode::best_effort, [&](auto&) { ++given; });
        ASSERT_THAT(replayed, HasErrc(Errc::corrupt));
        EXPECT_EQ(given, n);
        EXPECT_EQ(replayed.error().lost.first, gone);
        EXPECT_THAT(reader.read(gone), HasErrc(Errc::corrupt));
        const auto report = WalMaintenance::open(box.directory).value().verify().value();
        ASSERT_FALSE(report.damage.empty());
        EXPECT_EQ(report.damage[0].lost.first, gone);
        if (written) continue;
        box.open();
        EXPECT_EQ(box.report().origin, RecoveryReport::Origin::clean_close);
        EXPECT_EQ(box.last(), 20u);
        box.append(1).close();
      }
    }
  }
}

}  // namespace
}  // namespace walkit
