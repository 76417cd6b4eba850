#include "log/backup_list.hpp"

#include "base/crc32c.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::log {
namespace {

using testing::HasErrc;
using testing::IsOk;
using testing::IsOkAndHolds;

BackupList list_of_two() {
  LogIdentity log;
  for (std::size_t i = 0; i < log.size(); ++i) log[i] = static_cast<std::byte>(0xF0 + i);
  return {.log = log,
          .entries = {EntryId{5}, EntryId{17}},
          .files = {{"00000000000000000001-00000000000000000005.wal", 1234, 0x12AB34CD},
                    {"MANIFEST", 8192, 7}}};
}

TEST(BackupList, IsTheTextThatFormatMdShows) {
  const std::string lines =
      "walkit backup 0\n"
      "log f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff\n"
      "entries 5 17\n"
      "12ab34cd 1234 00000000000000000001-00000000000000000005.wal\n"
      "00000007 8192 MANIFEST\n";
  char end[16];
  std::snprintf(end, sizeof end, "end %08x\n", crc32c(as_bytes(lines)));
  EXPECT_EQ(to_text(list_of_two()), lines + end);
}

TEST(BackupList, RoundTrips) {
  EXPECT_THAT(parse_backup_list(to_text(list_of_two())), IsOkAndHolds(list_of_two()));
  const BackupList empty{.entries = {EntryId{11}, EntryId{10}}};
  EXPECT_THAT(parse_backup_list(to_text(empty)), IsOkAndHolds(empty));
  const auto directory = MemoryDirectory::create();
  EXPECT_THAT(read_backup_list(*directory), HasErrc(Errc::not_found));
  ASSERT_THAT(write_backup_list(*directory, list_of_two()), IsOk());
  EXPECT_THAT(read_backup_list(*directory), IsOkAndHolds(list_of_two()));
}

TEST(BackupList, EveryTruncationAndEveryFlippedBitIsCorrupt) {
  const std::string text = to_text(list_of_two());
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_THAT(parse_backup_list(text.substr(0, size)), HasErrc(Errc::corrupt)) << size;
  }
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    EXPECT_THAT(parse_backup_list(flipped), HasErrc(Errc::corrupt)) << bit;
  }
}

/// The lines with a checksum that fits.
Result<BackupList> parsed(const std::string& lines) {
  char end[16];
  std::snprintf(end, sizeof end, "end %08x\n", crc32c(as_bytes(lines)));
  return parse_backup_list(lines + end);
}

TEST(BackupList, OtherLinesAreCorruptAndNeverACrash) {
  const std::string title = "walkit backup 0\n";
  const std::string log = "log f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff\n", entries = "entries 5 17\n";
  EXPECT_THAT(parsed(title + log + entries), IsOk());
  for (const std::string& lines :
       {std::string(), title, title + log, title + entries + log, title + "log f0\n" + entries,
        title + "log g0f1f2f3f4f5f6f7f8f9fafbfcfdfeff\n" + entries, title + log + "entries 5\n",
        title + log + "entries 5 \n", title + log + "entries -5 17\n",
        title + log + "entries 5 99999999999999999999\n", title + log + entries + "\n",
        title + log + entries + "12 5 a\n", title + log + entries + "12345678 5\n",
        title + log + entries + "12345678 5 \n", title + log + entries + "1234567g 5 a\n",
        title + log + entries + "12345678 x a\n", title + log + entries + "12345678 5 a"}) {
    EXPECT_THAT(parsed(lines), HasErrc(Errc::corrupt)) << lines;
  }
}

TEST(BackupList, NewerOneIsIncompatible) {
  EXPECT_THAT(parsed("walkit backup 1\nsomething else\n"), HasErrc(Errc::incompatible));
}

}  // namespace
}  // namespace walkit::log
