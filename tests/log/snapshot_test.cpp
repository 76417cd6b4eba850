// What a reader sees of a log at one moment: beside a writer, where MANIFEST, LOCK and the newest
// file are not of that moment, and where the writers never rest.

#include "log/snapshot.hpp"

#include "log/log_box.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit::log {
namespace {

using testing::Fault;
using testing::FaultDirectory;

constexpr std::uint64_t kNoCap = ~std::uint64_t{0};

Snapshot seen(Directory& home) { return take_snapshot(home, EntryId{}, kNoCap).value(); }

/// Segments 1 and 2 of a log whose writer is open. Entry 3 is the first of segment 2.
LogBox two_segments() {
  LogBox box;
  box.append(2).close().open().append(1);
  return box;
}

TEST(Snapshot, FileBesideAWriterThatWasNeverBornIsNotListed) {
  LogBox box = two_segments();
  box.put("wal/" + to_string(SegmentName{3, EntryId{4}}), Bytes(600, std::byte{7}));
  const Snapshot snapshot = seen(*box.home());
  EXPECT_TRUE(snapshot.live);
  EXPECT_EQ(snapshot.listing.segments.size(), 2u);
  EXPECT_EQ(snapshot.end, EntryId{3});
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(texts_through(3)));
}

// Between the new segment's name and the manifest that names it.
TEST(Snapshot, NewestSegmentBesideAWriterIsListedBeforeTheManifestNamesIt) {
  LogBox box;
  box.append(2).close();
  const Bytes before = box.directory->read_file("wal/MANIFEST").value();
  box.open().append(1);
  box.put("wal/MANIFEST", before);
  EXPECT_EQ(seen(*box.home()).listing.segments.size(), 2u);
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(texts_through(3)));
}

// What the frames themselves prove: what was durable when the last of them was written.
TEST(Snapshot, LockOfAnotherLogBesideAWriterProvesNothing) {
  LogBox box = two_segments(), other({}, {.seed = 99});
  box.append(2);
  other.append(100);
  put_lock(box, lock_of(other));
  EXPECT_EQ(seen(*box.home()).end, EntryId{3}) << "of 5";
}

TEST(Snapshot, LockWithoutAManifestBesideAWriterProvesNothing) {
  LogBox box = two_segments();
  box.append(2);
  box.remove("wal/MANIFEST");
  EXPECT_EQ(seen(*box.home()).end, EntryId{3}) << "of 5";
}

/// Folders beside a writer that is open on them.
std::vector<LogBox> beside_writers() {
  std::vector<LogBox> boxes;
  boxes.push_back(two_segments());
  boxes.push_back(two_segments());
  boxes.back().put("wal/LOCK", {});
  boxes.push_back(two_segments());
  boxes.back().put("wal/" + to_string(SegmentName{3, EntryId{4}}), Bytes(600, std::byte{7}));
  return boxes;
}

TEST(Snapshot, EachFailedReadBesideAWriterIsToldOrChangesNothing) {
  for (const LogBox& box : beside_writers()) {
    const auto right = read_all(box.directory);
    ASSERT_THAT(right, IsOk());
    for (std::uint64_t read = 1;; ++read) {
      const auto faulty = FaultDirectory::create(box.directory);
      faulty->fail_read_at(read, Fault::io);
      const auto found = read_all(faulty);
      if (faulty->fault_count() == 0) break;
      SCOPED_TRACE("read " + std::to_string(read));
      if (found) {
        EXPECT_EQ(*found, *right);
      } else {
        EXPECT_THAT(found, HasErrc(Errc::io));
        EXPECT_TRUE(found.error().lost.empty());
      }
      EXPECT_THAT(read_all(faulty), IsOkAndHolds(*right));
    }
  }
}

/// A folder whose lock is taken and given back between any two questions, so many times.
class RestlessWriters final : public testing::PassingDirectory {
 public:
  RestlessWriters(std::shared_ptr<Directory> home, std::uint64_t changes)
      : PassingDirectory(std::move(home)), changes_(changes) {}
  Result<bool> is_locked() override { return asked++ < changes_ && asked % 2 == 0; }

  std::uint64_t asked = 0;

 private:
  std::uint64_t changes_;
};

/// A folder in which something happens before the lock is asked about for the second time.
class Meanwhile final : public testing::PassingDirectory {
 public:
  Meanwhile(std::shared_ptr<Directory> home, std::function<void()> happens)
      : PassingDirectory(std::move(home)), happens_(std::move(happens)) {}
  Result<bool> is_locked() override {
    if (++asked == 2) happens_();
    return PassingDirectory::is_locked();
  }

  int asked = 0;

 private:
  std::function<void()> happens_;
};

TEST(Snapshot, IsTakenAgainWhereAWriterCameAndWent) {
  LogBox box;
  box.append(3).close();
  Meanwhile home(box.home(), [&] { box.open().append(1).close(); });
  EXPECT_EQ(seen(home).end, EntryId{4});
  EXPECT_EQ(home.asked, 4);
}

// What was durable stays so: one look is enough, however far the writer is by now.
TEST(Snapshot, IsTakenOnceBesideAWriterThatGoesOn) {
  LogBox box = two_segments();
  Meanwhile home(box.home(), [&] { box.append(1); });
  EXPECT_EQ(seen(home).end, EntryId{3});
  EXPECT_EQ(home.asked, 2);
}

// Beside a writer the first look may be the older one.
TEST(Snapshot, GivesNoVerdictThatTheNextLookDoesNotConfirm) {
  LogBox box = two_segments();
  const std::string file = box.segment(0);
  const Bytes bytes = box.directory->read_file(file).value();
  box.remove(file);
  EXPECT_THAT(take_snapshot(*box.home(), EntryId{}, kNoCap), HasErrc(Errc::corrupt));
  Meanwhile home(box.home(), [&] {
    box.put(file, bytes);
    box.append(1);
  });
  EXPECT_EQ(seen(home).end, EntryId{4});
  EXPECT_EQ(home.asked, 4);
}

TEST(Snapshot, IsTakenAgainUntilTheWritersRest) {
  LogBox box = two_segments();
  for (const std::uint64_t changes : {0, 2, 4, 10}) {
    RestlessWriters home(box.home(), changes);
    EXPECT_EQ(seen(home).end, EntryId{3});
    EXPECT_EQ(home.asked, changes + 2) << "twice for each look";
  }
}

TEST(Snapshot, ComesToAnEndThoughTheWritersNeverRest) {
  LogBox box = two_segments();
  RestlessWriters home(box.home(), kNoCap);
  EXPECT_EQ(seen(home).end, EntryId{3});
  EXPECT_EQ(home.asked, 2 * 1000u - 1) << "the last look is not asked about";
}

}  // namespace
}  // namespace walkit::log
