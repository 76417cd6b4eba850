// One checkpoint, written and read piece by piece.

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/checkpoint_writer.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::checkpoint {
namespace {

using testing::CrashDirectory;
using testing::Fault;
using testing::FaultDirectory;
using testing::HasErrc;
using testing::IsOk;

constexpr EntryId kId{7};
constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

CheckpointHeader header(std::uint32_t piece_bytes) {
  return {.log = {std::byte{1}}, .entry_id = kId, .piece_bytes = piece_bytes};
}

/// Compresses, but not to nothing.
std::string state_of(std::size_t bytes) {
  std::string state;
  for (std::size_t i = 0; state.size() < bytes; ++i) state += "account " + std::to_string(i) + ";";
  state.resize(bytes);
  return state;
}

Status write(Directory& directory, const std::string& state, std::uint32_t piece_bytes,
             Compression compression = Compression::none) {
  auto file = directory.open(checkpoint_name(kId), OpenMode::create);
  if (!file) return file.error();
  CheckpointWriter writer(std::move(*file), header(piece_bytes), compression);
  if (Status ok = writer.begin(); !ok) return ok;
  // In parts that are no pieces.
  for (std::size_t at = 0; at < state.size(); at += 37) {
    writer.take(as_bytes(std::string_view(state).substr(at, 37)));
  }
  const auto end = writer.finish();
  return end ? Status{} : Status(end.error());
}

Result<std::string> read(Directory& directory, std::uint64_t bytes_max = kNoLimit) {
  auto reader = CheckpointReader::open(directory, kId);
  if (!reader) return reader.error();
  std::string state;
  for (;;) {
    const auto piece = reader->next(bytes_max);
    if (!piece) return piece.error();
    if (!*piece) return state;
    state += as_text(**piece);
  }
}

TEST(CheckpointFile, EverySizeRoundTripsInEveryCompression) {
  for (const Compression how : {Compression::none, Compression::lz4, Compression::zstd}) {
    for (const std::size_t bytes : {0u, 1u, 63u, 64u, 65u, 128u, 1000u, 5000u}) {
      const auto directory = MemoryDirectory::create();
      ASSERT_THAT(write(*directory, state_of(bytes), 64, how), IsOk());
      EXPECT_THAT(read(*directory), testing::IsOkAndHolds(state_of(bytes))) << bytes;
    }
  }
}

TEST(CheckpointFile, CompressedIsSmallerAndNeverMuchLarger) {
  const auto bytes_of = [](const std::string& state, Compression how) {
    const auto directory = MemoryDirectory::create();
    EXPECT_THAT(write(*directory, state, kPieceBytes, how), IsOk());
    return directory->open(checkpoint_name(kId), OpenMode::read).value()->size().value();
  };
  std::mt19937 random(1);  // NOLINT: the same bytes each time
  std::string noise(100'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  for (const Compression how : {Compression::lz4, Compression::zstd}) {
    EXPECT_LT(bytes_of(state_of(100'000), how), 60'000u);
    EXPECT_EQ(bytes_of(noise, how), bytes_of(noise, Compression::none));
  }
}

TEST(CheckpointFile, EqualStatesGiveEqualBytesBehindTheHeader) {
  const auto bytes_of = [](std::uint64_t created_ns) {
    const auto directory = CrashDirectory::create();
    auto file = directory->open("c", OpenMode::create);
    CheckpointHeader h = header(64);
    h.created_ns = created_ns;
    CheckpointWriter writer(std::move(*file), h, Compression::lz4);
    EXPECT_THAT(writer.begin(), IsOk());
    writer.take(as_bytes(state_of(1000)));
    EXPECT_THAT(writer.finish(), IsOk());
    Bytes bytes = directory->read_file("c").value();
    bytes.erase(bytes.begin(), bytes.begin() + kCheckpointHeaderBytes);
    return bytes;
  };
  EXPECT_EQ(bytes_of(1), bytes_of(2));
}

class DamagedFile : public ::testing::TestWithParam<Compression> {
 protected:
  void SetUp() override {
    ASSERT_THAT(write(*directory_, state_of(150), 64, GetParam()), IsOk());
    name_ = checkpoint_name(kId);
    bytes_ = directory_->read_file(name_).value();
  }

  const std::shared_ptr<CrashDirectory> directory_ = CrashDirectory::create();
  std::string name_{};
  Bytes bytes_{};
};

TEST_P(DamagedFile, EveryFlippedBitIsDamage) {
  for (std::uint64_t bit = 0; bit < bytes_.size() * 8; ++bit) {
    const auto damaged = directory_->clone();
    ASSERT_THAT(damaged->flip_bit(name_, bit), IsOk());
    ASSERT_THAT(read(*damaged), HasErrc(Errc::corrupt)) << bit;
  }
}

TEST_P(DamagedFile, EveryOtherLengthIsDamage) {
  for (std::uint64_t size = 0; size < bytes_.size(); ++size) {
    const auto damaged = directory_->clone();
    ASSERT_THAT(damaged->truncate_file(name_, size), IsOk());
    ASSERT_THAT(read(*damaged), HasErrc(Errc::corrupt)) << size;
  }
  Bytes longer = bytes_;
  longer.push_back(std::byte{0});
  ASSERT_THAT(directory_->overwrite_file(name_, longer), IsOk());
  EXPECT_THAT(read(*directory_), HasErrc(Errc::corrupt));
}

TEST_P(DamagedFile, PiecesInAnotherOrderAreDamage) {
  const std::size_t begin = kCheckpointHeaderBytes;
  const auto head = decode_piece_header(BytesView(bytes_).subspan(begin),
                                        decode_checkpoint_header(bytes_)->seed());
  ASSERT_TRUE(head);
  const auto first = bytes_.begin() + begin;
  const auto second = first + static_cast<std::ptrdiff_t>(kPieceHeaderBytes + head->stored_bytes);
  Bytes without_first(bytes_.begin(), first);
  without_first.insert(without_first.end(), second, bytes_.end());
  ASSERT_THAT(directory_->overwrite_file(name_, without_first), IsOk());
  EXPECT_THAT(read(*directory_), HasErrc(Errc::corrupt));
  Bytes twice(bytes_.begin(), second);
  twice.insert(twice.end(), first, bytes_.end());
  ASSERT_THAT(directory_->overwrite_file(name_, twice), IsOk());
  EXPECT_THAT(read(*directory_), HasErrc(Errc::corrupt));
}

TEST_P(DamagedFile, AnErrorOfTheDeviceIsNoDamage) {
  std::uint64_t reads = 0;
  for (;; ++reads) {
    const auto failing = FaultDirectory::create(directory_);
    failing->fail_read_at(reads + 1, Fault::io);
    const auto answer = read(*failing);
    if (failing->fault_count() == 0) break;
    EXPECT_THAT(answer, HasErrc(Errc::io)) << reads;
  }
  EXPECT_GT(reads, 6u);
}

INSTANTIATE_TEST_SUITE_P(, DamagedFile,
                         ::testing::Values(Compression::none, Compression::lz4, Compression::zstd));

TEST(CheckpointFile, MoreThanTheCallerTakesIsTooLarge) {
  const auto directory = MemoryDirectory::create();
  ASSERT_THAT(write(*directory, state_of(200), 64), IsOk());
  EXPECT_THAT(read(*directory, 200), IsOk());
  EXPECT_THAT(read(*directory, 199), HasErrc(Errc::too_large));
  EXPECT_THAT(read(*directory, 0), HasErrc(Errc::too_large));
}

TEST(CheckpointFile, ALengthThatIsALieTakesNoMemory) {
  const auto directory = CrashDirectory::create();
  ASSERT_THAT(write(*directory, state_of(10), kPieceBytesMax), IsOk());
  const std::string name = checkpoint_name(kId);
  Bytes bytes = directory->read_file(name).value();
  const std::uint32_t seed = decode_checkpoint_header(bytes)->seed();
  const PieceHeader lie{.stored_bytes = kPieceBytesMax, .plain_bytes = kPieceBytesMax};
  const PieceHeaderBytes head = encode(lie, seed);
  std::copy(head.begin(), head.end(), bytes.begin() + kCheckpointHeaderBytes);
  ASSERT_THAT(directory->overwrite_file(name, bytes), IsOk());
  const auto refused = read(*directory);
  ASSERT_THAT(refused, HasErrc(Errc::corrupt));
  EXPECT_EQ(refused.error().message, "the file ends in the middle of the state");
}

TEST(CheckpointFile, ACompressedPieceThatClaimsTooMuchIsDamage) {
  const auto directory = CrashDirectory::create();
  ASSERT_THAT(write(*directory, std::string(4096, 'a'), 4096, Compression::lz4), IsOk());
  const std::string name = checkpoint_name(kId);
  Bytes bytes = directory->read_file(name).value();
  CheckpointHeader h = *decode_checkpoint_header(bytes);
  const std::uint32_t seed = h.seed();
  h.piece_bytes = kPieceBytesMax;
  const CheckpointHeaderBytes larger = encode(h);
  std::copy(larger.begin(), larger.end(), bytes.begin());
  PieceHeader piece = *decode_piece_header(BytesView(bytes).subspan(kCheckpointHeaderBytes), seed);
  for (const std::uint32_t claim : {4095u, 4097u, kPieceBytesMax}) {
    piece.plain_bytes = claim;
    const PieceHeaderBytes head = encode(piece, seed);
    std::copy(head.begin(), head.end(), bytes.begin() + kCheckpointHeaderBytes);
    ASSERT_THAT(directory->overwrite_file(name, bytes), IsOk());
    EXPECT_THAT(read(*directory), HasErrc(Errc::corrupt)) << claim;
  }
}

TEST(CheckpointFile, TheHeaderMustNameTheEntryOfTheName) {
  const auto directory = MemoryDirectory::create();
  ASSERT_THAT(write(*directory, "state", 64), IsOk());
  ASSERT_THAT(directory->rename({.from = checkpoint_name(kId), .to = checkpoint_name(kId + 1)}),
              IsOk());
  EXPECT_THAT(CheckpointReader::open(*directory, kId + 1), HasErrc(Errc::corrupt));
  EXPECT_THAT(CheckpointReader::open(*directory, kId), HasErrc(Errc::not_found));
}

TEST(CheckpointFile, WhatFailsWhileItIsWrittenIsToldAtItsEnd) {
  for (std::uint64_t operation = 1;; ++operation) {
    const auto failing = FaultDirectory::create(MemoryDirectory::create());
    failing->fail_at(operation, Fault::no_space);
    const Status wrote = write(*failing, state_of(300), 64);
    if (failing->fault_count() == 0) break;
    EXPECT_THAT(wrote, HasErrc(Errc::no_space)) << operation;
    // Nothing behind the first failure.
    EXPECT_EQ(failing->operation_count(), operation);
  }
}

}  // namespace
}  // namespace walkit::checkpoint
