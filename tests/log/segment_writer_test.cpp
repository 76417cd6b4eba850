#include "log/segment_writer.hpp"

#include <gtest/gtest.h>

#include "log/frame_scanner.hpp"
#include "log/frames_by_hand.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::log {
namespace {

using testing::Fault;
using testing::FaultDirectory;
using testing::HasErrc;
using testing::IsOk;
using testing::OperationKind;

struct SegmentWriting : ::testing::Test {
  std::shared_ptr<FaultDirectory> directory = FaultDirectory::create(MemoryDirectory::create());
  SegmentName name{2, EntryId{1}};
  std::string temporary = to_string(name) + ".tmp";
};

TEST_F(SegmentWriting, LeftoverOfTheSameNameIsReplaced) {
  const Bytes old(100, std::byte{7});
  const BytesView parts[] = {old};
  directory->open(temporary, OpenMode::create).value()->write_at(0, parts).value();
  ASSERT_THAT(SegmentWriter::prepare(*directory, name, 0), IsOk());
  EXPECT_EQ(directory->open(temporary, OpenMode::read).value()->size().value(), 0u);
}

TEST_F(SegmentWriting, LeftoverThatCannotBeRemovedIsAnError) {
  directory->open(temporary, OpenMode::create).value();
  const std::uint64_t remove = directory->operation_count() + 2;  // behind the create that fails
  directory->fail_at(remove, Fault::io);
  const auto segment = SegmentWriter::prepare(*directory, name, 0);
  ASSERT_THAT(segment, HasErrc(Errc::io));
  EXPECT_EQ(segment.error().file, temporary);
  EXPECT_EQ(directory->operations().at(remove - 1).kind, OperationKind::remove);
}

TEST_F(SegmentWriting, RoomThatIsThereIsNotMadeAgain) {
  const auto segment = SegmentWriter::prepare(*directory, name, 8192).value();
  const std::uint64_t before = directory->operation_count();
  EXPECT_THAT(segment->prefill(8192), IsOk());
  EXPECT_THAT(segment->prefill(4096), IsOk());
  EXPECT_EQ(directory->operation_count(), before);
  EXPECT_THAT(segment->prefill(8193), IsOk());
  EXPECT_EQ(directory->operation_count(), before + 1);
}

// The epoch goes behind the schema number, and what follows stays as it is.
TEST_F(SegmentWriting, FrameWithASchemaNumberIsMovedWithIt) {
  Bytes body = body_of({"one", "two"});
  body.insert(body.begin(), std::byte{9});
  FramesByHand old;
  old.add({.first = EntryId{1}, .count = 2, .flags = kFlagSchema}, body);
  auto segment = SegmentWriter::prepare(*directory, name, 0).value();
  SegmentHeader header = first_header();
  header.number = 2;
  ASSERT_THAT(segment->begin(header), IsOk());
  ASSERT_THAT(segment->rehome(old.last, body, 5, EntryId{}), IsOk());
  ASSERT_THAT(segment->publish(*directory), IsOk());
  const auto file = directory->open(segment->file(), OpenMode::read).value();
  FrameScanner scanner(*file, segment->header(), ~std::uint64_t{0});
  const auto moved = scanner.next().value();
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->extras.schema, 9u);
  EXPECT_EQ(moved->extras.original_epoch, 5u);
  const BytesView entries = moved->entries;
  EXPECT_EQ(Bytes(entries.begin(), entries.end()), body_of({"one", "two"}));
}

}  // namespace
}  // namespace walkit::log
