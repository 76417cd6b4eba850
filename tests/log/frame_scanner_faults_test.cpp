// A scan over a device whose reads fail, and over losses that are none.

#include <gtest/gtest.h>

#include <vector>

#include "log/frame_scanner.hpp"
#include "log/frames_by_hand.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::log {
namespace {

using testing::Fault;
using testing::FaultDirectory;
using testing::HasErrc;

constexpr std::uint64_t kNoCap = ~std::uint64_t{0};

/// A loss between two entries, and a frame of which no scanner takes more than is there.
FramesByHand segment() {
  SegmentHeader header = first_header();
  header.max_frame_bytes = header.max_entry_bytes = 4 << 20;
  FramesByHand frames(header);
  frames.entries(1, 0, {"one"});
  frames.add(control(FrameKind::loss, EntryId{2}), encode_loss({{EntryId{2}, EntryId{6}}, "why"}));
  return frames.entries(7, 6, {std::string(3 << 20, 'x')});
}

/// One step over a frame; true: there was one.
using Step = Result<bool> (*)(FrameScanner&);
Result<bool> whole(FrameScanner& scanner) {
  const auto frame = scanner.next();
  if (!frame) return frame.error();
  return frame->has_value();
}
Result<bool> header_alone(FrameScanner& scanner) {
  const auto header = scanner.next_header();
  if (!header) return header.error();
  return header->has_value();
}

/// Each read of the scan fails once: the step says so, and the same step goes on when it is asked
/// again. The number of reads.
std::uint64_t expect_told(Step step) {
  const FramesByHand frames = segment();
  const auto directory = FaultDirectory::create(MemoryDirectory::create());
  const auto file = directory->open("segment", OpenMode::create).value();
  const BytesView parts[] = {frames.bytes};
  file->write_at(0, parts).value();
  for (std::uint64_t read = 1;; ++read) {
    FrameScanner scanner(*file, frames.header(), kNoCap, kFrameHeaderBytes);
    const std::uint64_t before = directory->fault_count();
    directory->fail_read_at(directory->read_count() + read, Fault::io);
    std::vector<Error> errors;
    for (;;) {
      const auto there = step(scanner);
      if (!there) errors.push_back(there.error());
      if (there && !*there) break;
    }
    EXPECT_EQ(scanner.expected(), EntryId{8}) << "read " << read;
    EXPECT_EQ(scanner.position(), frames.bytes.size()) << "read " << read;
    if (directory->fault_count() == before) return read - 1;
    EXPECT_EQ(errors.size(), 1u);
    if (!errors.empty()) {
      EXPECT_EQ(errors[0].code, Errc::io);
      EXPECT_EQ(errors[0].file, "segment");
    }
  }
}

TEST(FrameScannerFaults, FailedReadOfAFrameIsNotItsEnd) { EXPECT_GE(expect_told(whole), 6u); }

// Of a loss the body is read too, and with it the header that follows.
TEST(FrameScannerFaults, FailedReadOfAHeaderIsNotItsEnd) {
  EXPECT_EQ(expect_told(header_alone), 4u);
}

TEST(FrameScannerFaults, LossThatNamesNoEntriesIsStructure) {
  const Bytes bodies[] = {Bytes(15), encode_loss({{EntryId{1}, EntryId{}}, "none"}),
                          encode_loss({{EntryId{1}, EntryId::max()}, "endless"})};
  for (const Bytes& body : bodies) {
    FramesByHand frames;
    frames.add(control(FrameKind::loss, EntryId{1}), body);
    const auto file = frames.file();
    FrameScanner scanner(*file, frames.header(), kNoCap);
    EXPECT_FALSE(scanner.next().value().has_value());
    EXPECT_EQ(scanner.fault(), FrameFault::structure);
    EXPECT_EQ(scanner.expected(), EntryId{1});
  }
}

}  // namespace
}  // namespace walkit::log
