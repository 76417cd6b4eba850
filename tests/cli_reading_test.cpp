#include <gmock/gmock.h>
#include <sys/stat.h>

#include <functional>
#include <map>

#include "cli_harness.hpp"

// A command that reads leaves every byte and every time of change alone, whatever it finds.

namespace walkit::cli_test {
namespace {

struct Seen {
  std::string bytes{};
  std::int64_t modified = 0, changed = 0, links = 0;
  ino_t inode = 0;
  mode_t mode = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen see(const fs::path& path) {
  struct stat now {};
  EXPECT_EQ(::lstat(path.c_str(), &now), 0) << path;
  const auto ns = [](const timespec& t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; };
  return {.bytes = fs::is_regular_file(path) ? read_file(path) : "",
          .modified = ns(now.st_mtim),
          .changed = ns(now.st_ctim),
          .links = static_cast<std::int64_t>(now.st_nlink),
          .inode = now.st_ino,
          .mode = now.st_mode};
}

std::map<std::string, Seen> see_all(const fs::path& folder) {
  std::map<std::string, Seen> all{{folder.native(), see(folder)}};
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    all[entry.path().native()] = see(entry.path());
  }
  return all;
}

class CliReadingTest : public CliTest {
 protected:
  void two_segments() const {
    append("one\ntwo\n", {"--sync", "each"});
    append("three\nfour\n", {"--sync", "each"});
  }
  // Every command that reads, in every form.
  void read_all() const {
    std::vector<Arguments> calls{{"cat", log(), "--decoder", "cat"},
                                 {"cat", log(), "--format", "raw"},
                                 {"cat", log(), "--keep-going"},
                                 {"cat", log(), "--newest"},
                                 {"cat", log(), "--follow", "--limit", "1"},
                                 {"repair", log()},
                                 {"salvage", log(), "-o", path("saved")},
                                 {"trim", log(), "--before", "3"},
                                 {"cat", log() + "/wal"},
                                 {"cat", log(), "--from", "2", "--limit", "1"}};
    for (const char* command : {"cat", "ls", "stat", "verify"}) {
      calls.push_back({command, log()});
      calls.push_back({command, log(), "--json"});
    }
    for (const auto& entry : fs::directory_iterator(log() + "/wal")) {
      calls.push_back({"inspect", entry.path().native()});
      calls.push_back({"inspect", entry.path().native(), "--json"});
      calls.push_back({"inspect", entry.path().native(), "--offset", "512"});
    }
    const auto before = see_all(log());
    for (const Arguments& call : calls) {
      run_tool(call);
      EXPECT_EQ(see_all(log()), before) << testing::PrintToString(call);
    }
  }
};

TEST_F(CliReadingTest, ACleanLog) {
  two_segments();
  read_all();
}

TEST_F(CliReadingTest, ATornLog) {
  two_segments();
  LiveAppend writer(log(), "none");
  writer.append("five");
  writer.append(std::string(600, 'x'));
  writer.kill();
  std::string bytes = read_file(newest_segment());
  const std::size_t end = bytes.find_last_not_of('\0');
  bytes.replace(end - 100, 200, 200, '\0');
  write_file(newest_segment(), bytes);
  EXPECT_EQ(verify().code, 1);
  read_all();
}

TEST_F(CliReadingTest, ADamagedLogWithFilesThatDoNotBelongThere) {
  two_segments();
  flip(newest_segment(), read_file(newest_segment()).find("three"));
  flip(file("MANIFEST"), 20);
  write_file(file("notes.txt"), "mine");
  write_file(file("00000000000000000009-00000000000000000009.wal.tmp"), "left");
  EXPECT_EQ(verify().code, 2);
  read_all();
}

TEST_F(CliReadingTest, ALogWithoutLockOrManifest) {
  two_segments();
  fs::remove(file("LOCK"));
  fs::remove(file("MANIFEST"));
  read_all();
  EXPECT_FALSE(fs::exists(file("LOCK")));
}

TEST_F(CliReadingTest, ALiveLog) {
  two_segments();
  LiveAppend writer(log(), "each");
  writer.append("five");
  read_all();
  EXPECT_EQ(writer.finish(), 0);
  EXPECT_EQ(verify().code, 0);
}

TEST_F(CliReadingTest, ALogThatMayNotBeWritten) {
  two_segments();
  for (const auto& entry : fs::directory_iterator(log() + "/wal")) {
    fs::permissions(entry.path(), fs::perms::owner_read);
  }
  read_all();
  EXPECT_EQ(verify().code, 0);
}

}  // namespace
}  // namespace walkit::cli_test
