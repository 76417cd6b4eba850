// The next segment's file is filled by the log's thread; whatever becomes of that, the log is
// right.

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "log/random_harness.hpp"
#include "log/writer_harness.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit {
namespace {

using testing::PassingDirectory;
using testing::PassingFile;

constexpr std::uint64_t kSegmentBytes = 8 << 20;
constexpr std::size_t kEntryBytes = 250'000;

std::string large_entry(std::uint64_t n) {
  return std::to_string(n) + std::string(kEntryBytes, static_cast<char>('a' + n % 23));
}

WalOptions large_segments() { return {.segment_bytes = kSegmentBytes}; }

// How far each file was filled with zeros by other threads than the one that made this, and how
// often by that one.
struct Fills {
  std::mutex mutex{};
  std::condition_variable changed{};
  const std::thread::id own = std::this_thread::get_id();
  std::map<std::string, std::uint64_t, std::less<>> ahead{};
  std::map<std::string, int, std::less<>> by_own_thread{};
  std::optional<Errc> refuses{};  // what others are answered

  Status note(const std::string& name, std::uint64_t to) {
    const std::lock_guard lock(mutex);
    if (std::this_thread::get_id() == own) {
      ++by_own_thread[name];
    } else if (refuses) {
      return Error{.code = *refuses, .message = "refused", .file = name};
    } else {
      ahead[name] = to;
    }
    changed.notify_all();
    return {};
  }
};

class FillsFile : public PassingFile {
 public:
  FillsFile(std::unique_ptr<File> below, std::string name, std::shared_ptr<Fills> fills)
      : PassingFile(std::move(below)), name_(std::move(name)), fills_(std::move(fills)) {}
  Status fill_zeros(std::uint64_t to) override {
    if (Status ok = fills_->note(name_, to); !ok) return ok;
    return PassingFile::fill_zeros(to);
  }

 private:
  std::string name_;
  std::shared_ptr<Fills> fills_;
};

class FillsDirectory : public PassingDirectory {
 public:
  FillsDirectory(std::shared_ptr<Directory> below, std::shared_ptr<Fills> fills)
      : PassingDirectory(std::move(below)), fills_(std::move(fills)) {}

 protected:
  std::unique_ptr<File> wrap_file(std::string_view name, std::unique_ptr<File> file) override {
    return std::make_unique<FillsFile>(std::move(file), std::string(name), fills_);
  }
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view,
                                               std::shared_ptr<Directory> directory) override {
    return std::make_shared<FillsDirectory>(std::move(directory), fills_);
  }

 private:
  std::shared_ptr<Fills> fills_;
};

struct Watched {
  std::shared_ptr<Fills> fills = std::make_shared<Fills>();
  std::shared_ptr<Directory> below = MemoryDirectory::create();
  std::shared_ptr<Directory> directory = std::make_shared<FillsDirectory>(below, fills);
};

void append_through(Wal& wal, std::uint64_t last) {
  for (std::uint64_t n = wal.next_entry_id().value; n <= last; ++n) {
    ASSERT_THAT(wal.append(large_entry(n)), IsOkAndHolds(EntryId{n}));
  }
}

void expect_entries(const std::shared_ptr<Directory>& directory, std::uint64_t count) {
  const auto texts = read_all(directory);
  ASSERT_THAT(texts, IsOk());
  ASSERT_EQ(texts->size(), count);
  for (std::uint64_t n = 1; n <= count; ++n) EXPECT_EQ((*texts)[n - 1], large_entry(n));
}

TEST(FillAhead, RotationFindsTheNextFileFilled) {
  Watched watched;
  auto wal = Wal::open(watched.directory, large_segments()).value();
  append_through(wal, 28);  // seven of eight MiB
  ASSERT_EQ(wal.stats().rotations, 1u) << "the first segment counts";
  std::string next;
  {
    std::unique_lock lock(watched.fills->mutex);
    const auto filled = [&] {
      const auto& ahead = watched.fills->ahead;
      return !ahead.empty() && ahead.begin()->second >= kSegmentBytes;
    };
    watched.fills->changed.wait(lock, filled);
    next = watched.fills->ahead.begin()->first;
  }
  append_through(wal, 40);
  EXPECT_EQ(wal.stats().rotations, 2u);
  EXPECT_EQ(watched.fills->by_own_thread.count(next), 0u) << next;
  append_through(wal, 100);
  ASSERT_THAT(wal.close(), IsOk());
  expect_entries(watched.below, 100);
}

TEST(FillAhead, WhatFailsIsLeftToTheRotation) {
  for (const Errc code : {Errc::no_space, Errc::io}) {
    Watched watched;
    watched.fills->refuses = code;
    auto wal = Wal::open(watched.directory, large_segments()).value();
    append_through(wal, 100);
    EXPECT_FALSE(wal.verdict().failure);
    ASSERT_THAT(wal.close(), IsOk());
    expect_entries(watched.below, 100);
  }
}

// What is filled ahead is given up where entries need its space.
TEST(FillAhead, FullDiskHoldsAsMuchAsWithoutIt) {
  for (std::uint64_t free = 7 << 20; free < 15 << 20; free += 300'000) {
    SCOPED_TRACE(std::to_string(free) + " bytes free");
    std::uint64_t appended[2] = {0, 0};
    for (const bool ahead : {true, false}) {
      const auto directory = CrashDirectory::create();
      directory->set_free_bytes(free);
      auto wal = Wal::open(directory, {.segment_bytes = ahead ? kSegmentBytes : 8 * kSegmentBytes});
      while (wal->append(large_entry(appended[ahead] + 1))) ++appended[ahead];
      EXPECT_THAT(wal->append(large_entry(1)), HasErrc(Errc::no_space));
      ASSERT_THAT(wal->close(), IsOk());
    }
    EXPECT_GE(appended[true] + 1, appended[false]) << "another header and seal take some room";
  }
}

TEST(FillAhead, CloseLeavesNoFileBehind) {
  Watched watched;
  {
    auto wal = Wal::open(watched.directory, large_segments()).value();
    append_through(wal, 20);
    std::unique_lock lock(watched.fills->mutex);
    watched.fills->changed.wait(lock, [&] { return !watched.fills->ahead.empty(); });
    lock.unlock();
    ASSERT_THAT(wal.close(), IsOk());
  }
  const auto names = watched.below->subdirectory("wal", OpenMode::read).value()->list().value();
  for (const std::string& name : names) EXPECT_FALSE(name.ends_with(".tmp")) << name;
  EXPECT_EQ(names.size(), 3u) << "LOCK, MANIFEST and one segment";
}

TEST(FillAhead, SmallOrFlushedLogsStartNoThreadForIt) {
  for (WalOptions options :
       {WalOptions{.segment_bytes = kSegmentBytes / 2},
        WalOptions{.durability = Durability::flushed, .segment_bytes = kSegmentBytes},
        WalOptions{.segment_bytes = kSegmentBytes, .preallocation = Preallocation::none}}) {
    Watched watched;
    auto wal = Wal::open(watched.directory, options).value();
    append_through(wal, 60);
    ASSERT_THAT(wal.close(), IsOk());
    EXPECT_TRUE(watched.fills->ahead.empty());
    expect_entries(watched.below, 60);
  }
}

// Wherever the thread is when the power goes or an operation fails.
TEST(FillAhead, EveryFaultLosesNothingAcknowledged) {
  const std::uint64_t seed = first_seed();
  std::mt19937_64 random(seed);
  std::vector<std::string> texts;
  for (std::uint64_t n = 1; n <= 70; ++n) texts.push_back(large_entry(n));
  for (int round = 0; round < 20; ++round) {
    const auto directory = CrashDirectory::create({.seed = random()});
    const std::uint64_t operation = 1 + random() % 260;
    const Errc code = round % 4 == 1 ? Errc::io : Errc::no_space;
    SCOPED_TRACE("WALKIT_SEED=" + std::to_string(seed) + ", round " + std::to_string(round));
    round % 2 == 0 ? directory->cut_power_at(operation) : directory->fail_at(operation, code);
    std::uint64_t acknowledged = 0;
    if (auto wal = Wal::open(directory, large_segments())) {
      for (const std::string& text : texts) {
        if (!wal->append(text)) break;
        ++acknowledged;
      }
    }
    expect_recovers(directory->crash(), texts, acknowledged);
  }
}

}  // namespace
}  // namespace walkit
