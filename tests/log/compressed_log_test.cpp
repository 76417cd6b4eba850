// A log whose frames are compressed behaves as one whose frames are not.

#include <algorithm>

#include "log/log_box.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit {
namespace {

constexpr Compression kAlgorithms[] = {Compression::lz4, Compression::zstd};

enum class Shape { empty, tiny, text, zeros, noise, large, mixed };
constexpr Shape kShapes[] = {Shape::empty, Shape::tiny,  Shape::text, Shape::zeros,
                             Shape::noise, Shape::large, Shape::mixed};

std::string noise_text(std::size_t bytes, std::minstd_rand& random) {
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

std::string payload(Shape shape, std::minstd_rand& random) {
  switch (shape) {
    case Shape::empty:
      return "";
    case Shape::tiny:
      return std::to_string(random() % 100);
    case Shape::text:
      return "order " + std::to_string(random()) + " of customer " + std::to_string(random() % 9) +
             " was paid in full, and shipped";
    case Shape::zeros:
      return std::string(random() % 3000, '\0');
    case Shape::noise:
      return noise_text(random() % 500, random);
    case Shape::large:
      return std::string(random() % 400'000, 'x') + std::to_string(random());
    case Shape::mixed:
      break;
  }
  return payload(kShapes[random() % 6], random);
}

std::vector<std::string> payloads(Shape shape, std::size_t count) {
  std::minstd_rand random(static_cast<std::uint32_t>(shape) + 1);
  std::vector<std::string> texts;
  for (std::size_t n = 0; n < count; ++n) texts.push_back(payload(shape, random));
  return texts;
}

/// Appends them with a flush now and then, closes, and gives what the writer counted.
WalStats write_log(const std::shared_ptr<Directory>& directory, WalOptions options,
                   const std::vector<std::string>& texts) {
  options.flush = FlushPolicy::every_n(40);
  auto wal = Wal::open(directory, options).value();
  for (const std::string& text : texts) EXPECT_THAT(wal.append(text), IsOk());
  EXPECT_THAT(wal.flush(), IsOk());
  const WalStats stats = wal.stats();
  EXPECT_THAT(wal.close(), IsOk());
  return stats;
}

std::size_t compressed_frames(const SegmentOnDisk& segment) {
  return static_cast<std::size_t>(std::count_if(
      segment.frames.begin(), segment.frames.end(),
      [](const log::FrameHeader& h) { return (h.flags & log::kFlagCompressed) != 0; }));
}

SegmentOnDisk segment_of(const std::shared_ptr<Directory>& directory, std::size_t n = 0) {
  const auto home = directory->subdirectory("wal", OpenMode::read).value();
  return read_segment(*home, segment_files(directory).at(n));
}

TEST(CompressedLog, ReplaysTheSameWhateverTheCompression) {
  for (const Shape shape : kShapes) {
    const auto texts = payloads(shape, shape == Shape::large ? 40 : 500);
    for (const Layout layout : {Layout::packed, Layout::whole_blocks}) {
      std::uint64_t plain_bytes = 0;
      for (const Compression algorithm : {Compression::none, Compression::lz4, Compression::zstd}) {
        const auto directory = MemoryDirectory::create();
        const WalStats stats =
            write_log(directory, {.layout = layout, .compression = algorithm}, texts);
        EXPECT_EQ(read_all(directory).value(), texts);
        if (algorithm == Compression::none) plain_bytes = stats.written_bytes;
        EXPECT_LE(stats.written_bytes, plain_bytes);
      }
    }
  }
}

TEST(CompressedLog, WritesFewerBytesWhereThereIsSomethingToGain) {
  const auto texts = payloads(Shape::text, 2000);
  const WalStats plain = write_log(MemoryDirectory::create(), {}, texts);
  for (const Compression algorithm : kAlgorithms) {
    const WalStats stats = write_log(MemoryDirectory::create(), {.compression = algorithm}, texts);
    EXPECT_EQ(stats.payload_bytes, plain.payload_bytes);
    EXPECT_LT(stats.written_bytes, plain.written_bytes * 2 / 3);
  }
}

TEST(CompressedLog, FramesThatGainNothingStayPlain) {
  std::minstd_rand random(5);
  for (const Compression algorithm : kAlgorithms) {
    const auto directory = MemoryDirectory::create();
    auto wal = Wal::open(directory, {.compression = algorithm}).value();
    ASSERT_THAT(wal.append(noise_text(2000, random)), IsOk());
    ASSERT_THAT(wal.append(std::string(62, 'x')), IsOk());  // 63 with its length: not tried
    ASSERT_THAT(wal.append(std::string(63, 'x')), IsOk());
    ASSERT_THAT(wal.append(std::string(2000, 'x')), IsOk());
    ASSERT_THAT(wal.close(), IsOk());
    const SegmentOnDisk segment = segment_of(directory);
    EXPECT_EQ(segment.frames[0].flags, 0u);
    EXPECT_EQ(segment.frames[1].flags, 0u);
    EXPECT_EQ(segment.frames[2].flags, log::kFlagCompressed);
    EXPECT_EQ(segment.frames[3].flags, log::kFlagCompressed);
    EXPECT_EQ(compressed_frames(segment), 2u);
  }
}

// What is cut into frames is what was given, so that a frame never decompresses to more than
// others.
TEST(CompressedLog, GroupsAreCutBeforeTheyAreCompressed) {
  const std::vector<std::string> texts(1000, std::string(1000, 'x'));
  std::vector<std::uint64_t> counts;
  for (const Compression algorithm : {Compression::none, Compression::lz4}) {
    const auto directory = MemoryDirectory::create();
    auto wal =
        Wal::open(directory, {.flush = FlushPolicy::manual(), .compression = algorithm}).value();
    for (const std::string& text : texts) ASSERT_THAT(wal.append(text), IsOk());
    ASSERT_THAT(wal.sync(), IsOk());
    counts.push_back(wal.stats().frames);
    EXPECT_EQ(read_all(directory).value(), texts);
    EXPECT_EQ(compressed_frames(segment_of(directory)),
              algorithm == Compression::none ? 0u : counts.back());
  }
  EXPECT_GE(counts[0], 4u);
  EXPECT_EQ(counts[0], counts[1]);
}

TEST(CompressedLog, LivesMayDifferInHowTheyCompress) {
  const auto directory = MemoryDirectory::create();
  const std::string text(500, 'x');
  std::vector<std::string> texts;
  for (const Compression algorithm :
       {Compression::zstd, Compression::none, Compression::lz4, Compression::none}) {
    auto wal = Wal::open(directory, {.compression = algorithm}).value();
    texts.push_back(text);
    ASSERT_THAT(wal.append(text), IsOk());
    EXPECT_EQ(wal.recovery().entries.size(), texts.size() - 1);
  }
  EXPECT_EQ(read_all(directory).value(), texts);
  EXPECT_EQ(compressed_frames(segment_of(directory, 0)), 1u);
  EXPECT_EQ(compressed_frames(segment_of(directory, 1)), 0u);
}

TEST(CompressedLog, RotatesAndSealsWithAnIndexOfItsFrames) {
  const auto texts = payloads(Shape::text, 3000);
  for (const Compression algorithm : kAlgorithms) {
    const auto directory = MemoryDirectory::create();
    write_log(directory, {.segment_bytes = 40'000, .compression = algorithm}, texts);
    ASSERT_GE(segment_files(directory).size(), 2u);
    EXPECT_EQ(read_all(directory).value(), texts);
    const SegmentOnDisk segment = segment_of(directory);
    ASSERT_TRUE(segment.frames.back().is(log::FrameKind::seal));
    const auto index = log::decode_seal(segment.bodies.back()).value();
    EXPECT_EQ(index.front().offset, segment.frames.front().offset);
  }
}

TEST(CompressedLog, LimitsOfWritingAreThoseOfReading) {
  const WalOptions limits{.max_frame_bytes = 4096, .max_entry_bytes = 3000};
  for (const Compression algorithm : kAlgorithms) {
    const auto directory = MemoryDirectory::create();
    WalOptions options = limits;
    options.compression = algorithm;
    auto wal = Wal::open(directory, options).value();
    const std::string half(2014, 'x');  // 64 + 2 * (2 + 2014) bytes are 4096
    EXPECT_THAT(wal.append_batch({half, half + "x"}), HasErrc(Errc::too_large));
    EXPECT_THAT(wal.append(std::string(3001, 'x')), HasErrc(Errc::too_large));
    ASSERT_THAT(wal.append_batch({half, half}), IsOk());
    ASSERT_THAT(wal.append(std::string(3000, 'x')), IsOk());
    ASSERT_THAT(wal.close(), IsOk());
    EXPECT_EQ(compressed_frames(segment_of(directory)), 2u);
    EXPECT_EQ(read_all(directory).value().size(), 3u);
  }
}

TEST(CompressedLog, ReadersCapCountsDecompressedBytesAndSaysSo) {
  const auto directory = MemoryDirectory::create();
  write_log(directory, {.compression = Compression::zstd}, {std::string(100'000, 'x')});
  const auto count_with = [&](std::uint64_t cap) {
    ReadOptions options;
    options.frame_bytes_max = cap;
    const auto reader = Reader::open(directory, options).value();
    return reader.replay_each(ReplayMode::best_effort, [](auto&) {});
  };
  EXPECT_THAT(count_with(100'067), IsOk());
  const auto capped = count_with(50'000);
  ASSERT_THAT(capped, HasErrc(Errc::too_large));
  EXPECT_NE(capped.error().message.find("100067"), std::string::npos) << capped.error();
}

/// Frames of entries 1, durable, and 2 to 4, flushed only; each compressible.
LogBox unproven(Compression algorithm) {
  LogBox box({.compression = algorithm});
  for (int n = 1; n <= 4; ++n) {
    EXPECT_THAT(box.wal->append(std::string(300 + n, 'x')), IsOk());
    EXPECT_THAT(n == 1 ? box.wal->sync() : box.wal->flush(), IsOk());
  }
  return box;
}

std::vector<std::string> unproven_texts() {
  std::vector<std::string> texts;
  for (int n = 1; n <= 4; ++n) texts.emplace_back(300 + n, 'x');
  return texts;
}

// The stored bytes behind the extras are not touched, whatever the writer that moves them prefers.
TEST(CompressedLog, UnprovenFramesMoveAsTheyAreStored) {
  for (const Compression algorithm : kAlgorithms) {
    for (const Compression next : {Compression::none, Compression::lz4, Compression::zstd}) {
      LogBox box = unproven(algorithm);
      box.kill();
      box.options.compression = next;
      box.open();
      EXPECT_EQ(box.report().rewritten, (EntryIdRange{EntryId{2}, EntryId{4}}));
      const SegmentOnDisk old = segment_of(box.directory, 0);
      const SegmentOnDisk moved = segment_of(box.directory, 1);
      ASSERT_EQ(moved.frames.size(), 3u);
      for (std::size_t i = 0; i < 3; ++i) {
        const auto before = log::split_body(old.frames[i + 1], old.bodies[i + 1]).value();
        const auto after = log::split_body(moved.frames[i], moved.bodies[i]).value();
        EXPECT_EQ(moved.frames[i].flags, log::kFlagRehomed | log::kFlagCompressed);
        EXPECT_EQ(after.extras.original_epoch, old.header.epoch);
        EXPECT_EQ(after.compression, algorithm);
        EXPECT_TRUE(std::equal(after.stored.begin(), after.stored.end(), before.stored.begin(),
                               before.stored.end()));
      }
      EXPECT_EQ(read_all(box.close().directory).value(), unproven_texts());
    }
  }
}

TEST(CompressedLog, TailCutAnywhereIsTornAndTheRestIsThere) {
  for (const Compression algorithm : kAlgorithms) {
    const LogBox box = unproven(algorithm);
    const auto left = box.directory->clone();
    const SegmentOnDisk segment = segment_of(left);
    const log::FrameHeader& last = segment.frames.at(3);
    const std::uint64_t end = last.offset + log::kFrameHeaderBytes + last.body_bytes;
    for (std::uint64_t bytes = last.offset + 1; bytes < end; ++bytes) {
      const auto torn = left->clone()->crash(Crash::process_kill);
      torn->truncate_file("wal/" + segment_files(torn).back(), bytes).value();
      auto wal = Wal::open(torn, box.options);
      ASSERT_THAT(wal, IsOk()) << bytes;
      EXPECT_EQ(wal->recovery().entries.last, EntryId{3}) << bytes;
      EXPECT_EQ(wal->recovery().suspect_bytes, 0u) << bytes;
    }
  }
}

TEST(CompressedLog, FlippedBitInAcknowledgedBytesIsCorrupt) {
  for (const Compression algorithm : kAlgorithms) {
    LogBox box({.compression = algorithm});
    for (int n = 1; n <= 3; ++n) {
      ASSERT_THAT(box.wal->append(std::string(300 + n, 'x')), IsOk());
      ASSERT_THAT(box.wal->sync(), IsOk());
    }
    const SegmentOnDisk segment = segment_of(box.directory);
    box.kill();
    const log::FrameHeader& second = segment.frames.at(1);
    for (std::uint64_t byte = 0; byte < second.body_bytes; ++byte) {
      const auto copy = box.directory->clone();
      const std::uint64_t at = second.offset + log::kFrameHeaderBytes + byte;
      copy->flip_bit("wal/" + segment_files(copy).back(), at * 8 + 2).value();
      EXPECT_THAT(read_all(copy, ReplayMode::best_effort), HasErrc(Errc::corrupt)) << byte;
    }
  }
}

}  // namespace
}  // namespace walkit
