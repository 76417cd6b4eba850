// Snapshots: still, one stream, equal where states are, refused where a byte is wrong, installed as
// a whole or not at all. Checkpoints and what they leave of the log.

#include <gtest/gtest.h>

#include "app/kv_box.hpp"
#include "walkit/testing/crash_directory.hpp"

namespace walkit::kv {
namespace {

using testing::CrashDirectory;
using testing::HasErrc;
using testing::IsOk;

constexpr Time kNow{1'700'000'000'000};

KvBox& fill(KvBox& box, int keys) {
  std::vector<Command> commands{Grant{3, kNow + Time(5000)}};
  for (int n = 0; n < keys; ++n) {
    commands.push_back(Put{"key" + std::to_string(n), std::string(n % 300, 'v'),
                           n % 3 == 0 ? std::optional(kNow + Time(1000 + n)) : std::nullopt,
                           n % 5 == 0 ? 3u : 0u});
  }
  commands.push_back(CompareAndSwap{"key0", "no", "x"});
  box.apply(std::move(commands), kNow);
  return box;
}

TEST(KvSnapshots, ASnapshotStaysAsItIs) {
  KvBox box;
  fill(box, 100);
  const KvSnapshot snapshot = box.machine().snapshot();
  const Bytes before = snapshot.bytes().value();
  box.apply({Put{"key1", "other"}, EraseRange{{"key2", "key5"}}, Put{"new", ""}});
  EXPECT_EQ(snapshot.bytes().value(), before);
  EXPECT_EQ(snapshot.get("key1"), "v");
  EXPECT_EQ(snapshot.get("new"), std::nullopt);
  EXPECT_EQ(snapshot.size(), 100u);
  EXPECT_EQ(snapshot.last_index(), 102u);
  EXPECT_EQ(snapshot.last_term(), 1u);
  EXPECT_EQ(snapshot.scan(with_prefix("key2"), 99).entries.size(), 11u);
  EXPECT_EQ(snapshot.find("key0")->lease, 3u);
  EXPECT_EQ(snapshot.now(), kNow);
}

TEST(KvSnapshots, TheEmptyOneIsOne) {
  const KvSnapshot none;
  EXPECT_EQ(none.last_index(), 0u);
  EXPECT_EQ(none.get("k"), std::nullopt);
  KvBox box;
  EXPECT_EQ(none.bytes().value(), digest(box.machine()));
  EXPECT_THAT(box.machine().install(none), IsOk());
  EXPECT_EQ(box.machine().last_index(), 0u);
}

// Fault 13 of docs/kv.md. State and label are of one point.
TEST(KvSnapshots, EqualStatesAreEqualBytesWhateverTheirPast) {
  KvBox one, two;
  one.apply({Put{"a", "1"}, Put{"b", "2"}, Noop{}, Noop{}});
  two.apply({Put{"a", "1"}, Put{"b", "2"}, Noop{}});
  EXPECT_NE(digest(one.machine()), digest(two.machine()));  // of another entry
  two.apply({Noop{}});
  EXPECT_EQ(digest(one.machine()), digest(two.machine()));
  KvBox left, right;  // other trees inside
  std::vector<Command> up, down;
  for (int n = 1000; n < 2000; ++n) up.push_back(Put{std::to_string(n), ""});
  down.assign(up.rbegin(), up.rend());
  left.apply(up), right.apply(down);
  left.apply({EraseRange{}}), right.apply({EraseRange{}});
  EXPECT_EQ(digest(left.machine()), digest(right.machine()));
}

TEST(KvSnapshots, AStreamIsReadInPiecesOfAnySize) {
  KvBox box;
  const Bytes bytes = digest(fill(box, 3000).machine());
  EXPECT_GT(bytes.size(), 256u << 10);  // more than one frame
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7777}, bytes.size()}) {
    KvSnapshotReader reader;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      ASSERT_THAT(reader.take(BytesView(bytes).subspan(at, std::min(piece, bytes.size() - at))),
                  IsOk());
    }
    auto snapshot = reader.finish();
    ASSERT_THAT(snapshot, IsOk());
    EXPECT_EQ(snapshot->bytes().value(), bytes);
  }
}

// Acceptance check 29; faults 8, 17 of docs/kv.md. Cut anywhere, or with any byte changed, it is
// refused.
TEST(KvSnapshots, NoWrongByteIsTaken) {
  KvBox box;
  const Bytes bytes = digest(fill(box, 12).machine());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto cut = KvSnapshot::read(BytesView(bytes).first(n));
    EXPECT_FALSE(cut) << n;
    for (const unsigned flip : {1u, 128u, 255u}) {
      Bytes other = bytes;
      other[n] ^= std::byte(flip);
      EXPECT_FALSE(KvSnapshot::read(other)) << n;
    }
  }
  EXPECT_THAT(KvSnapshot::read(BytesView(bytes).first(bytes.size() - 1)), HasErrc(Errc::torn));
  Bytes longer = bytes;
  longer.resize(bytes.size() + 1);
  EXPECT_THAT(KvSnapshot::read(longer), HasErrc(Errc::decode));
}

TEST(KvSnapshots, InstallingTakesTheWholeStatesPlace) {
  KvBox from, into;
  fill(from, 2000);
  into.apply({Put{"old", "1"}, Put{"key1", "old"}});
  const Bytes bytes = digest(from.machine());
  for (int life = 0; life < 3; ++life, into.reopen()) {
    if (life == 0) {
      ASSERT_THAT(into.machine().install(KvSnapshot::read(bytes).value()), IsOk());
    }
    if (life == 2) {
      ASSERT_THAT(into.machine().checkpoint(), IsOk());
    }
    EXPECT_EQ(digest(into.machine()), bytes);
    EXPECT_EQ(into.get("old"), std::nullopt);
    EXPECT_EQ(into.machine().last_index(), from.machine().last_index());
    into.expect_sound();
  }
}

TEST(KvSnapshots, OutcomesAreRememberedBehindAnInstall) {
  KvBox from, into;
  from.apply({Put{"x", "5"}});
  const auto chunk = from.requests({CompareAndSwap{"x", "0", "1"}, CompareAndSwap{"x", "5", "0"}});
  const auto outcomes = from.machine().apply(chunk).value();
  ASSERT_THAT(into.machine().install(from.machine().snapshot()), IsOk());
  EXPECT_EQ(into.machine().apply(chunk).value(), outcomes);
  EXPECT_EQ(into.get("x"), "0");
}

TEST(KvSnapshots, AnOlderOneIsRefused) {
  KvBox box;
  box.apply({Put{"k", "1"}});
  const KvSnapshot old = box.machine().snapshot();
  box.apply({Put{"k", "2"}});
  EXPECT_THAT(box.machine().install(old), HasErrc(Errc::invalid_argument));
  EXPECT_EQ(box.get("k"), "2");
  EXPECT_THAT(box.machine().install(box.machine().snapshot()), IsOk());  // the same is fine
}

TEST(KvSnapshots, APartialInstallIsForgotten) {
  KvBox from;
  fill(from, 12000);  // three parts
  const KvSnapshot snapshot = from.machine().snapshot();
  for (std::uint64_t operation = 1;; ++operation) {
    const auto disk = CrashDirectory::create({.seed = operation});
    KvBox into({.wal = {.segment_bytes = 1u << 20}}, disk);
    into.apply({Put{"old", "1"}});
    disk->fail_at(disk->operation_count() + operation, Errc::io);
    const Status installed = into.machine().install(snapshot);
    if (installed) {
      EXPECT_GT(operation, 6u);
      break;
    }
    EXPECT_EQ(into.get("old"), "1");
    EXPECT_EQ(into.machine().last_index(), 1u);
    into.reopen();
    EXPECT_EQ(into.machine().size() == 1, into.get("old") == "1");
    into.apply({});
    into.expect_sound();
  }
}

TEST(KvCheckpoints, TheLogIsTrimmedBehindThem) {
  KvBox box({.wal = {.segment_bytes = 8192}});
  for (int n = 0; n < 400; ++n) {
    box.apply({Put{"k" + std::to_string(n % 10), std::string(200, 'v')}});
    if (n % 100 == 99) {
      ASSERT_THAT(box.machine().checkpoint(), IsOk());
    }
  }
  const Bytes before = digest(box.machine());
  EXPECT_LT(box.machine().maintenance().segment_ranges().value().size(), 6u);
  box.reopen();
  EXPECT_EQ(digest(box.machine()), before);
  EXPECT_EQ(box.machine().stats().replayed.size(), 0u);
}

// Fault 5 of docs/kv.md. What a replay brought back is not lost by the next crash.
TEST(KvCheckpoints, ReplayedEntriesSurviveCrashAfterCrash) {
  KvBox box;
  fill(box, 50);
  const Bytes before = digest(box.machine());
  for (int life = 0; life < 5; ++life) {
    box.reopen();
    EXPECT_EQ(digest(box.machine()), before);
  }
}

TEST(KvCheckpoints, ADamagedOneFallsBackToTheOneBefore) {
  KvBox box;
  for (int n = 0; n < 3; ++n) {
    box.apply({Increment{"n"}});
    ASSERT_THAT(box.machine().checkpoint(), IsOk());
  }
  box.apply({Increment{"n"}});
  ASSERT_THAT(box.machine().close(), IsOk());
  auto folder = box.disk()->subdirectory("checkpoints", OpenMode::write).value();
  const auto files = CheckpointFiles::open(box.disk(), {}, std::nullopt).value().list().value();
  const std::string newest = files.back().file;
  const auto file = folder->open(newest, OpenMode::write).value();
  const Bytes wrong(8, std::byte{0xa5});
  ASSERT_THAT(file->write_at(file->size().value() / 2, std::vector<BytesView>{wrong}), IsOk());
  box.reopen();
  EXPECT_EQ(box.get("n"), "4");
  EXPECT_EQ(box.machine().stats().skipped_checkpoints.size(), 1u);
}

}  // namespace
}  // namespace walkit::kv
