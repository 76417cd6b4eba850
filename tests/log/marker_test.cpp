// Markers: their bytes, and that they use no id, are durable, and keep the room of what is
// buffered.

#include "walkit/log/marker.hpp"

#include <future>
#include <thread>

#include "log/log_box.hpp"
#include "walkit/maintenance.hpp"

namespace walkit {
namespace {

using Kind = Marker::Kind;

MarkerBody checkpoint(std::uint64_t id) {
  return MarkerBody({.kind = Kind::checkpoint, .entry_id = EntryId{id}});
}

TEST(MarkerBody, StandsAsFormatMdSays) {
  LogIdentity log;
  for (std::size_t i = 0; i < log.size(); ++i) log[i] = static_cast<std::byte>(i + 100);
  const MarkerBody one = checkpoint(0x0102030405060708);
  EXPECT_EQ(as_text(one.bytes()), std::string("\x01\x08\x07\x06\x05\x04\x03\x02\x01"));
  const MarkerBody two({Kind::parent, EntryId{7}, log});
  EXPECT_EQ(as_text(two.bytes()),
            "\x02" + std::string(as_text(log)) + std::string("\x07\0\0\0\0\0\0\0", 8));
}

TEST(MarkerBody, RoundTrips) {
  LogIdentity log{std::byte{9}};
  for (const Marker& marker :
       {Marker{Kind::checkpoint, EntryId::max(), {}}, Marker{Kind::checkpoint, EntryId{}, {}},
        Marker{Kind::parent, EntryId{17}, log}}) {
    EXPECT_EQ(decode_marker(MarkerBody(marker).bytes()), marker);
  }
}

TEST(MarkerBody, OtherKindsAndFormsArePassedOver) {
  for (const Kind kind : {Kind::checkpoint, Kind::parent}) {
    const MarkerBody body({.kind = kind, .entry_id = EntryId{5}});
    Bytes bytes(body.bytes().begin(), body.bytes().end());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(decode_marker(BytesView(bytes).first(size)), std::nullopt) << size;
    }
    bytes.emplace_back();
    EXPECT_EQ(decode_marker(bytes), std::nullopt) << "one byte too many";
  }
  for (unsigned kind = 0; kind < 256; ++kind) {
    Bytes bytes(9);
    bytes[0] = static_cast<std::byte>(kind);
    EXPECT_EQ(decode_marker(bytes).has_value(), kind == 1) << kind;
  }
}

std::optional<EntryId> marked(const LogBox& box) {
  return Reader::open(box.directory)->marked_checkpoint().value();
}

void expect_holds(const LogBox& box, std::uint64_t count) {
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(texts_through(count)));
}

TEST(Marker, IsDurableAndUsesNoId) {
  LogBox box({}, {.pick = [](std::size_t) { return std::size_t{0}; }});
  box.append(3);
  EXPECT_EQ(marked(box), std::nullopt);
  ASSERT_THAT(box.wal->write_marker(checkpoint(2).bytes()), IsOk());
  EXPECT_EQ(box.wal->next_entry_id(), EntryId{4});
  EXPECT_EQ(marked(box), EntryId{2});
  ASSERT_THAT(box.wal->write_marker(checkpoint(3).bytes()), IsOk());
  box.crash(Crash::power_cut);
  EXPECT_EQ(marked(box), EntryId{3});
  expect_holds(box, 3);
  box.open();
  EXPECT_EQ(marked(box), EntryId{3}) << "written again with what was not proven";
  box.append(1).close();
  expect_holds(box, 4);
  EXPECT_TRUE(WalMaintenance::open(box.directory)->verify()->damage.empty());
}

TEST(Marker, CostsAWriteAndASync) {
  LogBox box;
  box.append(1);
  const std::uint64_t before = box.directory->operation_count();
  ASSERT_THAT(box.wal->write_marker(checkpoint(1).bytes()), IsOk());
  const auto operations = box.directory->operations(before);
  ASSERT_EQ(operations.size(), 2u);
  EXPECT_EQ(operations[0], (Operation{OperationKind::write_at, box.newest()}));
  EXPECT_EQ(operations[1], (Operation{OperationKind::sync_file, box.newest()}));
}

TEST(Marker, StandsBehindAllThatWasAppendedAndTakesItAlong) {
  LogBox box;
  for (int n = 1; n <= 3; ++n) box.wal->append(text_of(n)).value();
  const Ticket ticket = box.wal->append_async(text_of(4)).value();
  ASSERT_THAT(box.wal->write_marker(checkpoint(1).bytes()), IsOk());
  EXPECT_EQ(box.wal->durable_entry_id(), EntryId{4});
  EXPECT_TRUE(ticket.ready());
  const auto segment = read_segment(*box.home(), box.newest().substr(4));
  const log::FrameHeader& last = segment.frames.back();
  EXPECT_TRUE(last.is(log::FrameKind::marker));
  EXPECT_EQ(last.first, EntryId{5});
  EXPECT_EQ(last.durable_through, EntryId{4});
  box.close();
  expect_holds(box, 4);
}

TEST(Marker, OfALogWithoutEntriesBeginsItsFirstSegment) {
  LogBox box;
  ASSERT_THAT(box.wal->write_marker(checkpoint(0).bytes()), IsOk());
  EXPECT_EQ(marked(box), EntryId{0});
  box.kill().open().append(1).close();
  expect_holds(box, 1);
}

TEST(Marker, OfAnOlderSegmentIsNotKnown) {
  LogBox box;
  box.append(1);
  ASSERT_THAT(box.wal->write_marker(checkpoint(1).bytes()), IsOk());
  box.close();
  EXPECT_EQ(marked(box), EntryId{1});
  box.open().append(1);
  EXPECT_EQ(marked(box), std::nullopt);
}

TEST(Marker, HasABlockOfItsOwnWhereTheLayoutSaysSo) {
  LogBox box({.layout = Layout::whole_blocks});
  box.append(1);
  ASSERT_THAT(box.wal->write_marker(checkpoint(1).bytes()), IsOk());
  box.append(1);
  const auto segment = read_segment(*box.home(), box.newest().substr(4));
  ASSERT_EQ(segment.frames.size(), 3u);
  for (const log::FrameHeader& frame : segment.frames) {
    EXPECT_EQ(frame.offset % log::kBlockBytes, 0u);
  }
  box.kill();
  expect_holds(box, 2);
}

TEST(Marker, TooLargeIsRefused) {
  LogBox box;
  box.append(1);
  EXPECT_THAT(box.wal->write_marker(Bytes(log::kControlFrameBytesMax - 64)), IsOk());
  EXPECT_THAT(box.wal->write_marker(Bytes(log::kControlFrameBytesMax - 63)),
              HasErrc(Errc::too_large));
  box.append(1).close();
  expect_holds(box, 2);
}

// Room for entries that are buffered stays theirs, and where there is none nothing happens.
TEST(Marker, WithoutSpaceNothingHappens) {
  for (const Layout layout : {Layout::packed, Layout::whole_blocks}) {
    LogBox box({.segment_bytes = 64 << 20, .layout = layout});
    box.append(1);
    box.directory->set_free_bytes(0);
    const Bytes body(40'000);
    const auto append = [&] {
      return box.wal->append(text_of(box.wal->next_entry_id().value)).has_value();
    };
    std::uint64_t markers = 0, buffered = 0;
    Status marked;
    for (; marked; ++markers) {
      ASSERT_TRUE(append());
      marked = box.wal->write_marker(body);
    }
    EXPECT_THAT(marked, HasErrc(Errc::no_space));
    EXPECT_GT(markers, 10u);
    while (append()) ++buffered;
    EXPECT_GT(buffered, 0u);
    EXPECT_THAT(box.wal->write_marker(checkpoint(1).bytes()), HasErrc(Errc::no_space));
    EXPECT_THAT(box.wal->sync(), IsOk());
    EXPECT_FALSE(box.wal->verdict().failure);
    box.directory->set_free_bytes(10 << 20);
    EXPECT_THAT(box.wal->write_marker(body), IsOk());
    const std::uint64_t last = box.last();
    box.append(1).close();
    expect_holds(box, last + 1);
  }
}

TEST(Marker, FailedWriteOrSyncIsFinal) {
  for (const std::uint64_t at : {1u, 2u}) {
    LogBox box;
    box.append(2);
    box.directory->fail_at(box.directory->operation_count() + at, Errc::io);
    EXPECT_THAT(box.wal->write_marker(checkpoint(1).bytes()), HasErrc(Errc::poisoned));
    EXPECT_THAT(box.wal->append("more"), HasErrc(Errc::poisoned));
    EXPECT_THAT(box.wal->write_marker(checkpoint(1).bytes()), HasErrc(Errc::poisoned));
    EXPECT_EQ(box.wal->verdict().durable_through, EntryId{2});
    EXPECT_TRUE(box.wal->verdict().in_doubt.empty());
    box.crash(Crash::power_cut);
    expect_holds(box.open().append(1).close(), 3);
  }
}

TEST(Marker, IsRefusedWhereAppendsAre) {
  LogBox box;
  std::promise<Status> answer;
  box.wal->append_async("an entry")->on_durable([&](const Status&) {
    answer.set_value(box.wal->write_marker(checkpoint(1).bytes()));
  });
  EXPECT_THAT(answer.get_future().get(), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(box.wal->close(), IsOk());
  EXPECT_THAT(box.wal->write_marker(checkpoint(1).bytes()), HasErrc(Errc::closed));
  LogWriter moved = LogWriter::open(box.directory, {}, {BytesCodec::id.value, {}}).value();
  const LogWriter other = std::move(moved);
  EXPECT_THAT(moved.write_marker({}), HasErrc(Errc::closed));  // NOLINT(bugprone-use-after-move)
}

// Rotations, groups and markers take the file in turn.
TEST(Marker, AmongThreadsThatAppend) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, {.segment_bytes = 16384}).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int n = 0; n < 300; ++n) wal.append(std::string(100, 'x')).value();
    });
  }
  for (int n = 0; n < 100; ++n) ASSERT_THAT(wal.write_marker(checkpoint(5).bytes()), IsOk());
  for (std::thread& thread : threads) thread.join();
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_THAT(Reader::open(directory)->entry_count(), IsOkAndHolds(900u));
}

}  // namespace
}  // namespace walkit
