// Every way of reading beside a trim that comes between any two of its operations: entries without
// a hole or `gap`, and never a word of damage.

#include <functional>

#include "log/backward.hpp"
#include "log/log_box.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit {
namespace {

/// Does something once, before the nth operation of who uses a directory.
class Interruption {
 public:
  explicit Interruption(std::function<void()> what) : what_(std::move(what)) {}
  void arm(std::uint64_t at) {
    at_ = at;
    seen_ = 0;
  }
  void pass() {
    if (at_ == 0 || ++seen_ != at_) return;
    at_ = 0;
    what_();
  }
  [[nodiscard]] bool came() const { return at_ == 0; }

 private:
  std::function<void()> what_;
  std::uint64_t at_ = 0, seen_ = 0;
};

class InterruptedFile final : public testing::PassingFile {
 public:
  InterruptedFile(std::unique_ptr<File> below, std::shared_ptr<Interruption> what)
      : PassingFile(std::move(below)), what_(std::move(what)) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    what_->pass();
    return PassingFile::read_at(offset, into);
  }
  Result<std::uint64_t> size() override {
    what_->pass();
    return PassingFile::size();
  }

 private:
  std::shared_ptr<Interruption> what_;
};

class InterruptedDirectory final : public testing::PassingDirectory {
 public:
  InterruptedDirectory(std::shared_ptr<Directory> below, std::shared_ptr<Interruption> what)
      : PassingDirectory(std::move(below)), what_(std::move(what)) {}
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    what_->pass();
    return PassingDirectory::open(name, mode);
  }
  Result<std::vector<std::string>> list() override {
    what_->pass();
    return PassingDirectory::list();
  }
  Result<bool> is_locked() override {
    what_->pass();
    return PassingDirectory::is_locked();
  }

 private:
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view /*name*/,
                                               std::shared_ptr<Directory> inner) override {
    return std::make_shared<InterruptedDirectory>(std::move(inner), what_);
  }
  std::unique_ptr<File> wrap_file(std::string_view /*name*/, std::unique_ptr<File> file) override {
    return std::make_unique<InterruptedFile>(std::move(file), what_);
  }

  std::shared_ptr<Interruption> what_;
};

constexpr std::uint64_t kEntries = 30, kKept = 20, kAllButTheNewest = 28;
using Keeps = std::vector<std::uint64_t>;

/// Ids as they were given, and how it ended.
struct Given {
  std::vector<std::uint64_t> ids{};
  std::optional<Error> error{};
};

using Read = std::function<Given(const std::shared_ptr<Directory>&)>;

template <class Cursor>
Given pull(Cursor cursor, std::size_t most = 100) {
  Given given;
  for (const auto& record : cursor) {
    if (!record) return {std::move(given.ids), record.error()};
    EXPECT_EQ(record->payload, text_of(record->entry_id.value));
    given.ids.push_back(record->entry_id.value);
    if (given.ids.size() == most) break;
  }
  return given;
}

Given replay_from(const std::shared_ptr<Directory>& directory, std::uint64_t from) {
  const auto reader = Reader::open(directory);
  if (!reader) return {.error = reader.error()};
  return pull(reader->cursor(EntryId{from}));
}

Given follow_from(const std::shared_ptr<Directory>& directory, std::uint64_t from) {
  const auto reader = Reader::open(directory);
  if (!reader) return {.error = reader.error()};
  auto follower = reader->follow(EntryId{from});
  Given given;
  while (given.ids.empty() || given.ids.back() < kEntries) {
    const auto next = follower.next(std::chrono::milliseconds(100));
    if (!next) return {std::move(given.ids), next.error()};
    if (!*next) return {std::move(given.ids), Error{.message = "nothing came"}};
    given.ids.push_back((*next)->entry_id.value);
  }
  return given;
}

Given backward_from(const std::shared_ptr<Directory>& directory, EntryId from) {
  const auto reader = Reader::open(directory);
  if (!reader) return {.error = reader.error()};
  Given given = pull(reader->newest_first(from));
  std::reverse(given.ids.begin(), given.ids.end());
  return given;
}

/// Each id by itself, those that were not gone.
Given one_by_one(const std::shared_ptr<Directory>& directory) {
  const auto reader = Reader::open(directory);
  if (!reader) return {.error = reader.error()};
  Given given;
  for (std::uint64_t id = 1; id <= kEntries; ++id) {
    const auto record = reader->read(EntryId{id});
    if (!record && record.error().code == Errc::gap) {
      given.ids.clear();
      continue;
    }
    if (!record) return {std::move(given.ids), record.error()};
    given.ids.push_back(id);
  }
  return given;
}

Given verified(const std::shared_ptr<Directory>& directory) {
  const auto care = WalMaintenance::open(directory);
  if (!care) return {.error = care.error()};
  const auto report = care->verify();
  if (!report) return {.error = report.error()};
  Given given;
  if (!report->damage.empty()) given.error = report->damage.front();
  for (std::uint64_t id = report->entries.first.value; id <= report->entries.last.value; ++id) {
    given.ids.push_back(id);
  }
  return given;
}

Given ranges(const std::shared_ptr<Directory>& directory) {
  const auto care = WalMaintenance::open(directory);
  if (!care) return {.error = care.error()};
  const auto segments = care->segment_ranges();
  if (!segments) return {.error = segments.error()};
  Given given;
  for (const SegmentInfo& segment : *segments) {
    for (auto id = segment.entries.first.value; id <= segment.entries.last.value; ++id) {
      given.ids.push_back(id);
    }
  }
  return given;
}

Given planned(const std::shared_ptr<Directory>& directory) {
  const auto care = WalMaintenance::open(directory);
  if (!care) return {.error = care.error()};
  const auto plan = care->plan_trim(EntryId{kKept});
  if (!plan) return {.error = plan.error()};
  return {.ids = {kEntries}};
}

struct Way {
  const char* name;
  Read read;
  bool may_be_gone = false;  // an entry was named, by who asked or by the one before
  bool from_the_end = false;
  bool takes_any = false;  // whichever is the oldest may be the first
};

const Way kWays[] = {
    {"Oldest", [](const auto& d) { return replay_from(d, 0); }, true, false, true},
    {"FromOne", [](const auto& d) { return replay_from(d, 1); }, true},
    {"FromFive", [](const auto& d) { return replay_from(d, 5); }, true},
    {"FromTheKept", [](const auto& d) { return replay_from(d, kKept); }},
    {"Follow", [](const auto& d) { return follow_from(d, 0); }, true},
    {"FollowFive", [](const auto& d) { return follow_from(d, 5); }, true},
    {"FollowTheKept", [](const auto& d) { return follow_from(d, kKept); }},
    {"NewestFirst", [](const auto& d) { return backward_from(d, EntryId::max()); }},
    {"BackwardFromFive", [](const auto& d) { return backward_from(d, EntryId{5}); }, true, true},
    {"OneByOne", [](const auto& d) { return one_by_one(d); }},
    {"Verify", [](const auto& d) { return verified(d); }},
    {"Ranges", [](const auto& d) { return ranges(d); }},
    {"PlanTrim", [](const auto& d) { return planned(d); }},
};

void expect_sound(const Given& given, const Way& way, std::uint64_t keep) {
  if (given.error) {
    EXPECT_EQ(given.error->code, Errc::gap) << *given.error;
    EXPECT_TRUE(way.may_be_gone || keep > kKept) << *given.error;
    EXPECT_FALSE(given.error->lost.empty()) << *given.error;
    EXPECT_LT(given.error->lost.last.value, keep);
    EXPECT_FALSE(way.takes_any && given.ids.empty()) << *given.error;
    if (!given.ids.empty() && !way.from_the_end) {
      EXPECT_EQ(given.error->lost.first.value, given.ids.back() + 1);
    }
  } else if (!way.from_the_end) {
    ASSERT_FALSE(given.ids.empty());
    EXPECT_EQ(given.ids.back(), kEntries);
  }
  for (std::size_t i = 1; i < given.ids.size(); ++i) {
    EXPECT_EQ(given.ids[i], given.ids[i - 1] + 1) << "a hole";
  }
}

/// Ten segments of three entries, closed.
std::shared_ptr<CrashDirectory> make_log() {
  LogBox box;
  for (std::uint64_t n = 1; n <= kEntries; n += 3) {
    box.append(3).close();
    if (n + 3 <= kEntries) box.open();
  }
  return box.directory;
}

class TrimBesideReader : public ::testing::TestWithParam<Way> {};

// With no writer: somebody else trims, in one go or in two.
TEST_P(TrimBesideReader, BetweenAnyTwoOperations) {
  const Way& way = GetParam();
  const auto log = make_log();
  for (const auto& keeps : {Keeps{kKept}, Keeps{kKept / 2, kKept}, Keeps{kAllButTheNewest}}) {
    for (std::uint64_t at = 1;; ++at) {
      SCOPED_TRACE("before operation " + std::to_string(at));
      const auto image = log->clone();
      std::size_t trims = 0;
      std::shared_ptr<Interruption> what;
      what = std::make_shared<Interruption>([&] {
        ASSERT_THAT(WalMaintenance::open(image)->trim_before(EntryId{keeps[trims]}), IsOk());
        if (++trims < keeps.size()) what->arm(3);
      });
      const auto interrupted = std::make_shared<InterruptedDirectory>(image, what);
      what->arm(at);
      expect_sound(way.read(interrupted), way, keeps.back());
      if (::testing::Test::HasFailure() || trims == 0) break;
    }
  }
}

TEST_P(TrimBesideReader, BesideTheWriterThatTrims) {
  const Way& way = GetParam();
  for (const std::uint64_t keep : {kKept, kAllButTheNewest}) {
    for (std::uint64_t at = 1;; ++at) {
      SCOPED_TRACE("before operation " + std::to_string(at));
      LogBox box;
      box.wal.reset();
      box.directory = make_log()->crash(Crash::process_kill);
      box.open();
      const auto what = std::make_shared<Interruption>(
          [&] { ASSERT_THAT(box.wal->maintenance().trim_before(EntryId{keep}), IsOk()); });
      const auto interrupted = std::make_shared<InterruptedDirectory>(box.directory, what);
      what->arm(at);
      expect_sound(way.read(interrupted), way, keep);
      if (::testing::Test::HasFailure() || !what->came()) break;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, TrimBesideReader, ::testing::ValuesIn(kWays),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace walkit
