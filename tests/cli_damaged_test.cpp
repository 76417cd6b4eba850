#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "cli_harness.hpp"

// What the tool says of a damaged log: a table, one row for each way to damage it.

namespace walkit::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// Nine entries, "entry 1" to "entry 9", three in each of three segments, each in a frame of 72
// bytes: at 512, 584 and 656. Behind them a close (64) and at 792 a seal, where somebody closed.
class Folder {
 public:
  explicit Folder(fs::path path) : path_(std::move(path)) {}

  [[nodiscard]] fs::path segment(int number) const {
    return path_ / ("0000000000000000000" + std::to_string(number) + "-0000000000000000000" +
                    std::to_string(3 * number - 2) + ".wal");
  }
  [[nodiscard]] fs::path operator/(const char* name) const { return path_ / name; }
  void change(const fs::path& file, const std::function<void(std::string&)>& damage) const {
    std::string bytes = read_file(file);
    damage(bytes);
    write_file(file, bytes);
  }
  void flip(const fs::path& file, std::size_t at) const {
    change(file, [&](std::string& bytes) { bytes.at(at) = static_cast<char>(bytes.at(at) ^ 1); });
  }
  void cut(const fs::path& file, std::size_t bytes) const { fs::resize_file(file, bytes); }
  void put(const fs::path& file, std::size_t at, const std::string& text) const {
    change(file, [&](std::string& bytes) {
      bytes.resize(std::max(bytes.size(), at + text.size()));
      bytes.replace(at, text.size(), text);
    });
  }

 private:
  fs::path path_;
};

// closed: by every writer. killed: the last one, after three synced entries. flushed: the same with
// entries that no sync covers.
enum class Base { closed, killed, flushed };

struct Codes {
  int verify = 0, ls = 0, cat = 0, stat = 0;
};

struct Row {
  const char* name;
  Base base;
  std::function<void(const Folder&)> damage;
  Codes codes;
  const char* words;      // in what verify says
  int last = 9;           // cat and stat give the entries up to this one
  const char* lost = "";  // "7..9", as verify has it
};

constexpr Codes kFine{0, 0, 0, 0}, kTorn{1, 1, 1, 1}, kBad{2, 2, 2, 2};
constexpr Codes kOld{2, 0, 2, 2};  // before the end of the newest segment: all that ls looks at
constexpr Codes kUnreadable{74, 74, 74, 74};

constexpr std::size_t kFrame1 = 512, kFrame2 = 584, kFrame3 = 656, kClose = 728, kSeal = 792,
                      kEnd = 888, kBody = 64, kFrame = 72;
constexpr const char* kGone = "no valid frame where acknowledged entries were";

std::vector<Row> old_segments() {
  return {
      {"nothing", Base::closed, [](const Folder&) {}, kFine, ""},
      {"first header", Base::closed, [](const Folder& f) { f.flip(f.segment(1), 50); }, kOld,
       "00001.wal: header checksum differs", 0},
      {"first magic", Base::closed, [](const Folder& f) { f.flip(f.segment(1), 0); }, kOld,
       "00001.wal: wrong magic", 0},
      {"middle header", Base::closed, [](const Folder& f) { f.flip(f.segment(2), 50); }, kBad,
       "00004.wal: header checksum differs", 3},
      {"first frame's header", Base::closed,
       [](const Folder& f) { f.flip(f.segment(1), kFrame1 + 9); }, kOld, kGone, 0, "1..3"},
      {"second frame's header", Base::closed,
       [](const Folder& f) { f.flip(f.segment(1), kFrame2 + 9); }, kOld, kGone, 1, "2..3"},
      {"second frame's body", Base::closed,
       [](const Folder& f) { f.flip(f.segment(1), kFrame2 + kBody + 2); }, kOld, kGone, 1, "2..2"},
      {"third frame's body", Base::closed,
       [](const Folder& f) { f.flip(f.segment(2), kFrame3 + kBody + 2); }, kOld, kGone, 5, "6..6"},
      {"zeros over a frame", Base::closed,
       [](const Folder& f) { f.put(f.segment(2), kFrame2, std::string(kFrame, '\0')); }, kOld,
       kGone, 4, "5..6"},
      {"a frame twice", Base::closed,
       [](const Folder& f) {
         f.put(f.segment(1), kFrame3, read_file(f.segment(1)).substr(kFrame2, kFrame));
       },
       kOld, kGone, 2, "3..3"},
      {"a frame of another segment", Base::closed,
       [](const Folder& f) {
         f.put(f.segment(2), kFrame1, read_file(f.segment(1)).substr(kFrame1, kFrame));
       },
       kOld, kGone, 3, "4..6"},
      {"close", Base::closed, [](const Folder& f) { f.flip(f.segment(1), kClose + 9); }, kOld,
       "00001.wal at byte 728", 3},
      {"seal", Base::closed, [](const Folder& f) { f.flip(f.segment(1), kSeal + 70); }, kOld,
       "its seal is damaged", 3},
      {"seal cut by a byte", Base::closed, [](const Folder& f) { f.cut(f.segment(1), kEnd - 1); },
       kOld, "its seal is damaged or its length changed", 3},
      {"zeros behind the seal", Base::closed,
       [](const Folder& f) { f.put(f.segment(1), kEnd, std::string(1, '\0')); }, kOld,
       "its seal is damaged or its length changed", 3},
      {"cut in a frame", Base::closed, [](const Folder& f) { f.cut(f.segment(1), kFrame2 + 30); },
       kOld, kGone, 1, "2..3"},
      {"cut in the header", Base::closed, [](const Folder& f) { f.cut(f.segment(1), 100); }, kOld,
       "00001.wal: header length", 0},
      {"emptied", Base::closed, [](const Folder& f) { f.cut(f.segment(1), 0); }, kOld,
       "header cut short: 0 bytes", 0},
  };
}

std::vector<Row> names() {
  return {
      {"first segment missing", Base::closed, [](const Folder& f) { fs::remove(f.segment(1)); },
       kBad, "names segment 1, which is missing", 0, "1..3"},
      {"middle segment missing", Base::closed, [](const Folder& f) { fs::remove(f.segment(2)); },
       kBad, "are missing", 3},
      {"last segment missing", Base::closed, [](const Folder& f) { fs::remove(f.segment(3)); },
       kBad, "names segment 3, which is missing", 6, "7..9"},
      {"all segments missing", Base::closed,
       [](const Folder& f) {
         for (int n = 1; n <= 3; ++n) fs::remove(f.segment(n));
       },
       kBad, "which is missing", 0},
      {"two segments exchanged", Base::closed,
       [](const Folder& f) {
         fs::rename(f.segment(2), f / "x");
         fs::rename(f.segment(3), f.segment(2));
         fs::rename(f / "x", f.segment(3));
       },
       kBad, "its header says that it is segment", 3},
      {"a segment over another", Base::closed,
       [](const Folder& f) {
         fs::copy_file(f.segment(1), f.segment(2), fs::copy_options::overwrite_existing);
       },
       kBad, "its header says that it is segment 1", 3},
      {"a number twice", Base::closed,
       [](const Folder& f) {
         fs::copy_file(f.segment(2), f / "00000000000000000002-00000000000000000005.wal");
       },
       kBad, "two files of one number", 6},
      {"a segment renumbered", Base::closed,
       [](const Folder& f) {
         fs::rename(f.segment(3), f / "00000000000000000005-00000000000000000007.wal");
       },
       kBad, "from number 3, are missing", 6},
      {"a segment is a folder", Base::closed,
       [](const Folder& f) {
         fs::remove(f.segment(3));
         fs::create_directory(f.segment(3));
       },
       kUnreadable, "00007.wal", 0},
      {"a segment is a link", Base::closed,
       [](const Folder& f) {
         fs::rename(f.segment(3), f / "real");
         fs::create_symlink("real", f.segment(3));
       },
       kUnreadable, "00007.wal", 0},
      {"files of others", Base::closed,
       [](const Folder& f) {
         write_file(f / "notes", "mine");
         write_file(f / "00000000000000000004-00000000000000000010.wal.tmp", "left");
       },
       kFine, ""},
      {"a newer file without a header", Base::closed,
       [](const Folder& f) { write_file(f / "00000000000000000004-00000000000000000010.wal", ""); },
       kFine, ""},
  };
}

std::vector<Row> evidence() {
  return {
      {"MANIFEST missing", Base::closed, [](const Folder& f) { fs::remove(f / "MANIFEST"); }, kBad,
       "MANIFEST: is missing"},
      {"one slot", Base::closed, [](const Folder& f) { f.flip(f / "MANIFEST", 20); }, kFine,
       "MANIFEST: header checksum differs"},
      {"both slots", Base::closed,
       [](const Folder& f) {
         f.flip(f / "MANIFEST", 20);
         f.flip(f / "MANIFEST", 4116);
       },
       kBad, "MANIFEST: header checksum differs"},
      {"MANIFEST emptied", Base::closed, [](const Folder& f) { f.cut(f / "MANIFEST", 0); }, kBad,
       "MANIFEST: header cut short: 0 bytes"},
      {"MANIFEST cut in two", Base::closed, [](const Folder& f) { f.cut(f / "MANIFEST", 4096); },
       kFine, "MANIFEST at byte 4096: header cut short"},
      {"slots exchanged", Base::closed,
       [](const Folder& f) {
         f.change(f / "MANIFEST",
                  [](std::string& b) { b = b.substr(4096, 4096) + b.substr(0, 4096); });
       },
       kBad, "a manifest slot in the other's place"},
      {"LOCK missing", Base::closed, [](const Folder& f) { fs::remove(f / "LOCK"); }, kFine, ""},
      {"LOCK damaged", Base::killed, [](const Folder& f) { f.flip(f / "LOCK", 60); }, kFine,
       "did not close"},
      {"LOCK emptied", Base::killed, [](const Folder& f) { f.cut(f / "LOCK", 0); }, kFine,
       "did not close"},
  };
}

void without_lock(const Folder& f) { fs::remove(f / "LOCK"); }

std::vector<Row> ends() {
  return {
      {"last header", Base::closed, [](const Folder& f) { f.flip(f.segment(3), 50); }, kBad,
       "00007.wal: header checksum differs", 6, "7..9"},
      {"last entry", Base::closed, [](const Folder& f) { f.flip(f.segment(3), kFrame3 + kBody); },
       kOld, kGone, 8, "9..9"},
      {"zeros to the end", Base::closed,
       [](const Folder& f) { f.put(f.segment(3), kFrame2, std::string(kEnd - kFrame2, '\0')); },
       kBad, "the log ends after entry 7", 7, "8..9"},
      {"cut behind the header", Base::closed, [](const Folder& f) { f.cut(f.segment(3), 512); },
       kBad, "the log ends after entry 6", 6, "7..9"},
      {"garbage behind a clean end", Base::closed,
       [](const Folder& f) { f.put(f.segment(3), kEnd, "garbage"); }, kTorn,
       "7 bytes of a write that did not finish"},
      {"killed", Base::killed, [](const Folder&) {}, kFine, "did not close"},
      {"killed, the last entry with LOCK as witness", Base::killed,
       [](const Folder& f) { f.flip(f.segment(3), kFrame3 + kBody); }, kBad,
       "entry 9 is known to have been durable", 8, "9..9"},
      {"killed, the entry before the last", Base::killed,
       [](const Folder& f) {
         without_lock(f);
         f.flip(f.segment(3), kFrame2 + kBody);
       },
       kBad, "entry 8 is known to have been durable", 7, "8..8"},
      {"killed, a suspect end", Base::killed,
       [](const Folder& f) {
         without_lock(f);
         f.flip(f.segment(3), kFrame3 + kBody);
       },
       kTorn, "suspect bytes", 8},
      {"killed, a body that did not land", Base::killed,
       [](const Folder& f) {
         without_lock(f);
         f.put(f.segment(3), kFrame3 + kBody, std::string(8, '\0'));
       },
       kTorn, "of a write that did not finish", 8},
      {"killed, garbage behind the end", Base::killed,
       [](const Folder& f) { f.put(f.segment(3), kClose, std::string(300, 'g')); }, kTorn,
       "suspect bytes"},
      {"killed, half a header", Base::killed,
       [](const Folder& f) {
         f.put(f.segment(3), kClose, read_file(f.segment(3)).substr(kFrame3, 30));
       },
       kTorn, "25 bytes of a write that did not finish"},
      {"flushed", Base::flushed, [](const Folder&) {}, kFine, "no finished sync is known"},
      {"flushed, a hole", Base::flushed,
       [](const Folder& f) { f.put(f.segment(3), kFrame2, std::string(kFrame, '\0')); }, kTorn,
       "suspect bytes", 7},
      {"flushed, all of it", Base::flushed,
       [](const Folder& f) { f.put(f.segment(3), kFrame1, std::string(3 * kFrame, '\0')); }, kFine,
       "did not close", 6},
  };
}

class CliDamagedTest : public CliTest {
 protected:
  void make(Base base) const {
    append("entry 1\nentry 2\nentry 3\n", {"--sync", "each"});
    append("entry 4\nentry 5\nentry 6\n", {"--sync", "each"});
    if (base == Base::closed) {
      append("entry 7\nentry 8\nentry 9\n", {"--sync", "each"});
      return;
    }
    LiveAppend writer(log(), base == Base::killed ? "each" : "none");
    for (const char* line : {"entry 7", "entry 8", "entry 9"}) writer.append(line);
    writer.kill();
  }
  void check(const Row& row) const;
  void check_all(const std::vector<Row>& rows) const {
    for (const Base base : {Base::closed, Base::killed, Base::flushed}) {
      fs::remove_all(log());
      make(base);
      fs::copy(log(), path("good"), fs::copy_options::recursive);
      for (const Row& row : rows) {
        if (row.base != base) continue;
        SCOPED_TRACE(row.name);
        fs::remove_all(log());
        fs::copy(path("good"), log(), fs::copy_options::recursive);
        row.damage(Folder(log() + "/wal"));
        check(row);
      }
      fs::remove_all(path("good"));
    }
  }
};

std::string entries_through(int last) {
  std::string text;
  for (int n = 1; n <= last; ++n) text += "entry " + std::to_string(n) + "\n";
  return text;
}

void CliDamagedTest::check(const Row& row) const {
  const Outcome verified = run_tool({"verify", log(), "--json"});
  EXPECT_EQ(verified.code, row.codes.verify) << verified.err;
  EXPECT_THAT(verified.err, HasSubstr(row.words));
  const json found = json::parse(verified.out);
  EXPECT_EQ(found["exit_code"], row.codes.verify);
  EXPECT_EQ(found["error"].is_null(), row.codes.verify == 0) << verified.out;
  if (row.codes.verify != 0) {
    const json& error = found["error"];
    EXPECT_NE(error["message"], "");
    EXPECT_TRUE(error["file"].is_string()) << verified.out;
    const json& lost = error["lost"];
    const std::string range = lost.is_null() ? ""
                                             : std::to_string(lost["first"].get<int>()) + ".." +
                                                   std::to_string(lost["last"].get<int>());
    if (*row.lost != '\0') {
      EXPECT_EQ(range, row.lost);
    }
  }
  const Outcome listed = ls(), read = cat(), counted = run_tool({"stat", log(), "--json"});
  EXPECT_EQ(listed.code, row.codes.ls) << listed.err;
  EXPECT_EQ(read.code, row.codes.cat) << read.err;
  EXPECT_EQ(read.out, entries_through(row.last));
  EXPECT_EQ(counted.code, row.codes.stat) << counted.err;
  EXPECT_EQ(json::parse(counted.out).value("count", 0), row.last);
  const Outcome planned = run_tool({"repair", log()});
  EXPECT_EQ(planned.code, row.codes.verify == 74 ? 2 : row.codes.verify) << planned.err;
  for (const Outcome* run : {&verified, &listed, &read, &counted, &planned}) {
    EXPECT_EQ(run->code == 0 || run->err.find("walkit: ") != std::string::npos, true);
  }
}

TEST_F(CliDamagedTest, OldSegments) { check_all(old_segments()); }
TEST_F(CliDamagedTest, Names) { check_all(names()); }
TEST_F(CliDamagedTest, Evidence) { check_all(evidence()); }
TEST_F(CliDamagedTest, Ends) { check_all(ends()); }

TEST_F(CliDamagedTest, AreAtLeastForty) {
  EXPECT_GE(old_segments().size() + names().size() + evidence().size() + ends().size(), 40u);
}

}  // namespace
}  // namespace walkit::cli_test
