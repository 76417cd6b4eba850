#include "cli_harness.hpp"

#include <gmock/gmock.h>

#include "walkit/io/fs_directory.hpp"
#include "walkit/log/log_writer.hpp"

namespace walkit::cli_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST_F(CliTest, UncleanAndUnprovenAreIntact) {
  LiveAppend writer(log(), "none");
  EXPECT_EQ(writer.append("a"), "1..1\n");
  writer.kill();
  const Outcome verified = verify();
  EXPECT_EQ(verified.code, 0);
  EXPECT_THAT(verified.out, HasSubstr("verdict: intact\n"));
  EXPECT_THAT(verified.err, HasSubstr("did not close the log"));
  EXPECT_THAT(verified.err, HasSubstr("no finished sync is known"));
  EXPECT_EQ(cat().out, "a\n");
}

TEST_F(CliTest, OneBadManifestSlotIsIntactWithWords) {
  append("a\n");
  std::string manifest = read_file(file("MANIFEST"));
  std::size_t slot = 0;  // the first slot with anything in it
  while (manifest.at(slot) == '\0') ++slot;
  flip(file("MANIFEST"), slot + 20);
  for (const Outcome& run : {verify(), cat(), ls()}) {
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_THAT(run.err, HasSubstr("MANIFEST"));
  }
}

TEST_F(CliTest, NoManifestIsDamage) {
  append("a\n");
  fs::remove(file("MANIFEST"));
  for (const Outcome& run : {verify(), cat(), ls(), append("b\n")}) {
    EXPECT_EQ(run.code, 2) << run.err;
    EXPECT_THAT(run.err, HasSubstr("MANIFEST"));
  }
}

TEST_F(CliTest, ATornTailIsOne) {
  LiveAppend writer(log(), "none");
  writer.append("a");
  writer.append(std::string(5'000, 'x'));
  writer.kill();
  std::string bytes = read_file(newest_segment());
  const std::size_t end = bytes.find_last_not_of('\0');
  bytes.replace(end - 1'000, bytes.size() - end + 1'000, bytes.size() - end + 1'000, '\0');
  write_file(newest_segment(), bytes);
  const Outcome read = cat();
  EXPECT_EQ(read.out, "a\n");
  EXPECT_THAT(read.err, HasSubstr("of a write that did not finish"));
  EXPECT_THAT(verify().out, HasSubstr("verdict: torn\nentries: 1..1\n"));
  for (const Outcome& run : {read, verify(), ls()}) EXPECT_EQ(run.code, 1) << run.err;
  EXPECT_EQ(append("b\n").out, "2..2\n");
  EXPECT_EQ(verify().code, 0);
}

TEST_F(CliTest, ASuspectTailIsOne) {
  LiveAppend writer(log(), "each");
  writer.append("a");
  writer.kill();
  std::string bytes = read_file(newest_segment());
  const std::size_t end = (bytes.find_last_not_of('\0') / 8 + 1) * 8;  // frames begin on these
  bytes.replace(end, 300, 300, 'g');
  write_file(newest_segment(), bytes);
  for (const Outcome& run : {verify(), cat(), ls()}) {
    EXPECT_EQ(run.code, 1) << run.err;
    EXPECT_THAT(run.err, HasSubstr("suspect"));
  }
  EXPECT_EQ(cat().out, "a\n");
}

TEST_F(CliTest, DamageIsTwo) {
  append("first\nsecond\n", {"--sync", "each"});
  flip(newest_segment(), read_file(newest_segment()).find("second"));
  for (const Outcome& run : {verify(), cat()}) {
    EXPECT_EQ(run.code, 2);
    EXPECT_THAT(run.err, HasSubstr("walkit: corrupt: " + newest_segment().filename().native()));
    EXPECT_THAT(run.err, HasSubstr("gone: 2..2"));
  }
  EXPECT_THAT(verify().out, HasSubstr("verdict: damaged\nentries: 1..1\n"));
  EXPECT_EQ(cat().out, "first\n");
  // A close proves where the log ends: what stands before it is not read, and not changed.
  EXPECT_EQ(ls().code, 0);
  EXPECT_EQ(append("third\n").out, "3..3\n");
  EXPECT_EQ(verify().code, 2);
  flip(newest_segment(), 100);
  EXPECT_EQ(ls().code, 2);
  EXPECT_EQ(append("fourth\n").code, 2);
}

TEST_F(CliTest, ASecondWriterIsFour) {
  LiveAppend writer(log(), "each");
  writer.append("a");
  const Outcome second = append("b\n");
  EXPECT_EQ(second.code, 4);
  EXPECT_THAT(second.err, HasSubstr("process " + std::to_string(writer.process())));
  EXPECT_EQ(writer.finish(), 0);
  EXPECT_EQ(append("b\n").out, "2..2\n");
}

TEST_F(CliTest, AWrongCallIsSixtyFour) {
  append("a\n");
  const Arguments calls[] = {{},
                             {"shred", log()},
                             {"cat"},
                             {"cat", log(), "--from", "0"},
                             {"cat", log(), "--from", "-1"},
                             {"cat", log(), "--from", "x"},
                             {"cat", log(), "--from", "18446744073709551616"},
                             {"cat", log(), "--from", "2", "--to", "1"},
                             {"cat", log(), "--format", "xml"},
                             {"append", log(), "--sync", "sometimes"}};
  for (const Arguments& call : calls) {
    const Outcome run = run_tool(call);
    EXPECT_EQ(run.code, 64) << testing::PrintToString(call);
    EXPECT_THAT(run.err, StartsWith("walkit: ")) << testing::PrintToString(call);
    EXPECT_EQ(run.out, "");
  }
}

TEST_F(CliTest, ALineThatIsTooLongIsSixtyFourAndWhatWasBeforeStays) {
  const Outcome run = append("short\n" + std::string((16u << 20) + 1, 'x') + "\nlater\n");
  EXPECT_EQ(run.code, 64);
  EXPECT_EQ(run.out, "1..1\n");
  EXPECT_THAT(run.err, HasSubstr("too_large"));
  EXPECT_EQ(cat().out, "short\n");
}

TEST_F(CliTest, AnotherCodecIsSixtyFiveToAppendAndReadable) {
  auto directory = FsDirectory::open(log());
  ASSERT_TRUE(directory);
  auto writer = LogWriter::open(*directory, {}, {.codec = 0x74657374});
  ASSERT_TRUE(writer);
  const BytesView payload = as_bytes("mine");
  ASSERT_TRUE(writer->append({&payload, 1}));
  ASSERT_TRUE(writer->close());
  const Outcome run = append("a\n");
  EXPECT_EQ(run.code, 65);
  EXPECT_THAT(run.err, HasSubstr("\"test\""));
  EXPECT_EQ(cat().out, "mine\n");
  EXPECT_EQ(verify().code, 0);
}

TEST_F(CliTest, NoLogIsSixtySix) {
  write_file(path("file"), "text");
  fs::create_directory(path("empty"));
  for (const char* command : {"cat", "ls", "verify"}) {
    for (const char* place : {"nothing", "file", "file/below", "empty"}) {
      const Outcome run = run_tool({command, path(place)});
      EXPECT_EQ(run.code, 66) << command << " " << place;
      EXPECT_THAT(run.err, StartsWith("walkit: not_found: ")) << command << " " << place;
      EXPECT_EQ(run.out, "");
    }
  }
  EXPECT_EQ(run_tool({"append", path("file")}, "a\n").code, 66);
  EXPECT_EQ(run_tool({"append", path("file/below")}, "a\n").code, 66);
}

TEST_F(CliTest, AFullDeviceOnStdoutIsSeventyFour) {
  append("a\n");
  const Scratch in("b\n"), err;
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  for (const char* command : {"append", "cat", "ls", "verify", "--help"}) {
    EXPECT_EQ(wait_for(start_tool({command, log()}, {in.fd(), full, err.fd()})), 74) << command;
  }
  ::close(full);
  EXPECT_THAT(err.text(),
              HasSubstr("walkit: io: cannot write to stdout (No space left on device)"));
}

TEST_F(CliTest, AnUnreadableSegmentIsSeventyFour) {
  append("a\n");
  const fs::path segment = newest_segment();
  fs::remove(segment);
  fs::create_directory(segment);
  for (const Outcome& run : {verify(), cat(), ls(), append("b\n")})
    EXPECT_EQ(run.code, 74) << run.err;
}

TEST_F(CliTest, AnUnreadableInputIsSeventyFour) {
  const int folder = ::open(path("").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const Scratch out, err;
  const int code = wait_for(start_tool({"append", log()}, {folder, out.fd(), err.fd()}));
  ::close(folder);
  EXPECT_EQ(code, 74);
  EXPECT_THAT(err.text(), HasSubstr("cannot read stdin"));
}

}  // namespace
}  // namespace walkit::cli_test
