#include "walkit/testing/crash_test.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <string>

#include "walkit/testing/matchers.hpp"

namespace walkit::testing {
namespace {

enum class Bug { none, acknowledges_before_sync, never_syncs_directory, renames_before_sync };

/// A log of single letters: each append writes the whole text to "tmp" and renames it to "log".
class ToyLog {
 public:
  ToyLog(std::shared_ptr<Directory> directory, Bug bug)
      : directory_(std::move(directory)), bug_(bug) {}

  /// True when the letter is acknowledged.
  bool append(char letter) {
    text_ += letter;
    return publish() || (bug_ == Bug::acknowledges_before_sync && written_);
  }

  /// Reads the log and makes it durable, as an open for writing does.
  Result<std::string> recover() {
    const auto names = directory_->list();
    if (!names) return names.error();
    if (std::ranges::count(*names, "tmp") > 0) {
      if (Status removed = directory_->remove("tmp"); !removed) return removed.error();
    }
    if (std::ranges::count(*names, "log") == 0) return std::string{};
    const auto file = directory_->open("log", OpenMode::read);
    if (!file) return file.error();
    Bytes bytes(100);
    const auto read = (*file)->read_at(0, bytes);
    if (!read) return read.error();
    text_ = std::string(as_text(BytesView{bytes}.first(*read)));
    if (!publish()) return Error{.code = Errc::io, .message = "cannot publish"};
    return text_;
  }

 private:
  bool publish() {
    written_ = false;
    const auto file = directory_->open("tmp", OpenMode::create);
    if (!file) return false;
    const BytesView part = as_bytes(text_);
    written_ = (*file)->write_at(0, {&part, 1}).has_value();
    if (!written_) return false;
    if (bug_ != Bug::renames_before_sync && !(*file)->sync()) return false;
    if (!directory_->rename({"tmp", "log"})) return false;
    if (bug_ == Bug::renames_before_sync && !(*file)->sync()) return false;
    return bug_ == Bug::never_syncs_directory || directory_->sync().has_value();
  }

  std::shared_ptr<Directory> directory_;
  Bug bug_;
  std::string text_{};
  bool written_ = false;
};

std::string run_toy(std::shared_ptr<Directory> directory, Bug bug) {
  ToyLog log(std::move(directory), bug);
  std::string acknowledged;
  for (const char letter : std::string_view("xyz")) {
    if (!log.append(letter)) break;
    acknowledged += letter;
  }
  return acknowledged;
}

Status judge_toy(std::shared_ptr<Directory> directory, const std::string& acknowledged) {
  const auto found = ToyLog(std::move(directory), Bug::none).recover();
  if (!found) return found.error();
  const bool prefix = std::string_view("xyz").starts_with(*found);
  if (prefix && found->size() >= acknowledged.size()) return {};
  return Error{.code = Errc::corrupt,
               .message = "found '" + *found + "', acknowledged '" + acknowledged + "'"};
}

Result<CrashTestReport> test_toy(Bug bug, const CrashTestOptions& options = {}) {
  return crash_test(
      options, [bug](std::shared_ptr<Directory> d) { return run_toy(d, bug); }, judge_toy);
}

/// The state that the message of a failed crash test names.
CrashState named_state(const std::string& message) {
  std::smatch found;
  const std::regex state(R"(crash_point = (\d+), .recoveries = (\d+), .picks = \{([0-9, ]*)\})");
  EXPECT_TRUE(std::regex_search(message, found, state)) << message;
  CrashState result{std::stoull(found[1]), static_cast<std::uint32_t>(std::stoul(found[2])), {}};
  const std::string picks = found[3];
  const std::regex number(R"(\d+)");
  for (std::sregex_iterator at(picks.begin(), picks.end(), number), end; at != end; ++at) {
    result.picks.push_back(std::stoul(at->str()));
  }
  return result;
}

void expect_found_and_repeated(Bug bug, CrashTestOptions options = {}) {
  const auto found = test_toy(bug, options);
  ASSERT_THAT(found, HasErrc(Errc::corrupt));
  options.replay = named_state(found.error().message);
  const auto repeated = test_toy(bug, options);
  ASSERT_THAT(repeated, HasErrc(Errc::corrupt));
  EXPECT_EQ(repeated.error().message, found.error().message);
}

TEST(CrashTest, CorrectLogPasses) {
  const auto report = test_toy(Bug::none, {.recovery_depth = 2});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->crash_points, 3U * 5 + 1);  // create, write, sync, rename, sync; and the end
  EXPECT_GT(report->states, 3 * report->crash_points);
}

TEST(CrashTest, AcknowledgingBeforeSyncIsFound) {
  expect_found_and_repeated(Bug::acknowledges_before_sync);
}

TEST(CrashTest, MissingDirectorySyncIsFound) {
  expect_found_and_repeated(Bug::never_syncs_directory);
}

TEST(CrashTest, RenameBeforeSyncIsFound) { expect_found_and_repeated(Bug::renames_before_sync); }

TEST(CrashTest, SampledStatesFindTheBugToo) {
  expect_found_and_repeated(Bug::renames_before_sync, {.seed = 5, .states_max = 100});
}

TEST(CrashTest, SameSeedGivesTheSameReport) {
  const CrashTestOptions options{.seed = 9, .states_max = 60, .recovery_depth = 1};
  const auto one = test_toy(Bug::none, options);
  const auto two = test_toy(Bug::none, options);
  ASSERT_THAT(one, IsOk());
  EXPECT_EQ(one->states, two->states);
}

TEST(CrashTest, ReplayJudgesOneState) {
  const auto report = test_toy(Bug::none, {.replay = CrashState{.crash_point = 4, .picks = {1}}});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->crash_points, 1U);
  EXPECT_EQ(report->states, 1U);
}

TEST(CrashTest, EveryOperationIsACrashPoint) {
  std::set<std::size_t> lengths;
  const auto report = crash_test(
      CrashTestOptions{}, [](std::shared_ptr<Directory> d) { return run_toy(d, Bug::none); },
      [&](std::shared_ptr<Directory>, const std::string& acknowledged) -> Status {
        lengths.insert(acknowledged.size());
        return {};
      });
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(lengths, (std::set<std::size_t>{0, 1, 2, 3}));
}

TEST(CrashTest, ProcessKillLosesNothingThatWasWritten) {
  // Without a single sync all is still there when only the process dies.
  EXPECT_THAT(test_toy(Bug::acknowledges_before_sync, {.crash = Crash::power_cut}),
              HasErrc(Errc::corrupt));
  const auto report =
      test_toy(Bug::never_syncs_directory, {.crash = Crash::process_kill, .recovery_depth = 0});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->states, report->crash_points);
}

/// A recovery that deletes the good file before it has written the new one.
Status recover_in_place(const std::shared_ptr<Directory>& directory) {
  const auto names = directory->list();
  if (!names) return names.error();
  if (std::ranges::count(*names, "log") == 0) {
    return Error{.code = Errc::corrupt, .message = "the log is gone"};
  }
  if (Status removed = directory->remove("log"); !removed) return removed;
  if (const auto file = directory->open("log", OpenMode::create); !file) return file.error();
  return directory->sync();
}

TEST(CrashTest, BugInRecoveryIsFoundOnlyByCrashingRecovery) {
  // What is judged about was durable before the first crash, so only recovery can lose it.
  const auto make_log = [](const std::shared_ptr<Directory>& d) {
    const auto file = d->open("log", OpenMode::create);
    return file.has_value() && d->sync().has_value();
  };
  const auto check = [](std::shared_ptr<Directory> d, bool durable) -> Status {
    return durable ? recover_in_place(d) : Status{};
  };
  CrashTestOptions options{.recovery_depth = 0};
  EXPECT_THAT(crash_test(options, make_log, check), IsOk());
  options.recovery_depth = 1;
  const auto found = crash_test(options, make_log, check);
  ASSERT_THAT(found, HasErrc(Errc::corrupt));
  EXPECT_EQ(named_state(found.error().message).recoveries, 1U);
  options.replay = named_state(found.error().message);
  EXPECT_THAT(crash_test(options, make_log, check), HasErrc(Errc::corrupt));
}

/// A recovery that takes a note of itself, and gives up where it finds three of them.
Status recover_in_three_tries(const std::shared_ptr<Directory>& directory) {
  auto notes = directory->list();
  if (!notes) return notes.error();
  if (notes->size() == 3) return Error{.code = Errc::corrupt, .message = "gave up"};
  for (const std::string name : {"1", "2", "3"}) {
    if (std::ranges::count(*notes, name) > 0) continue;
    if (const auto note = directory->open(name, OpenMode::create); !note) return note.error();
    notes->push_back(name);
    break;
  }
  if (Status ok = directory->sync(); !ok) return ok;
  for (const std::string& name : *notes) {
    if (Status ok = directory->remove(name); !ok) return ok;
  }
  return directory->sync();
}

TEST(CrashTest, CrashesInRecoveryAreTriedThreeDeep) {
  const auto nothing = [](const std::shared_ptr<Directory>&) { return 0; };
  const auto check = [](std::shared_ptr<Directory> d, int) { return recover_in_three_tries(d); };
  EXPECT_THAT(crash_test({.recovery_depth = 2}, nothing, check), IsOk());
  const auto found = crash_test({}, nothing, check);
  ASSERT_THAT(found, HasErrc(Errc::corrupt));
  EXPECT_EQ(named_state(found.error().message).recoveries, 3U);
}

TEST(CrashTest, ShortestFailingScheduleIsNamed) {
  const auto make_files = [](const std::shared_ptr<Directory>& d) {
    for (const char* name : {"a", "b", "c", "d", "e"}) {
      const auto file = d->open(name, OpenMode::create);
      const BytesView part = as_bytes("text");
      if (!file || !(*file)->write_at(0, {&part, 1})) break;
    }
    return 0;
  };
  const auto check = [](const std::shared_ptr<Directory>& d, int) -> Status {
    if (!d->open("c", OpenMode::read)) return {};
    return Error{.code = Errc::corrupt, .message = "c is there"};
  };
  for (const std::uint64_t states_max : {10u, 100'000u}) {  // by seed, and enumerated
    const auto found = crash_test({.states_max = states_max}, make_files, check);
    ASSERT_THAT(found, HasErrc(Errc::corrupt));
    const CrashState state = named_state(found.error().message);
    EXPECT_EQ(state.picks, (std::vector<std::size_t>{0, 0, 1})) << found.error().message;
    if (states_max > 10) {
      EXPECT_EQ(state.crash_point, 6U);  // "c" is made by the fifth operation
      EXPECT_NE(found.error().message.find("power cut at operation 6 (write_at c): c is there"),
                std::string::npos)
          << found.error().message;
    }
  }
}

TEST(CrashTest, ModelSaysWhatAPowerCutMayLeave) {
  const auto make_file = [](const std::shared_ptr<Directory>& d) {
    const auto file = d->open("a", OpenMode::create);
    return file && (*file)->sync();
  };
  const auto check = [](const std::shared_ptr<Directory>& d, bool made) -> Status {
    if (!made || d->open("a", OpenMode::read)) return {};
    return Error{.code = Errc::corrupt, .message = "the file is gone"};
  };
  EXPECT_THAT(crash_test({.model = CrashModel::ext4()}, make_file, check), IsOk());
  const auto found = crash_test({.model = CrashModel::weakest_posix()}, make_file, check);
  ASSERT_THAT(found, HasErrc(Errc::corrupt));
  EXPECT_NE(found.error().message.find("weakest_posix"), std::string::npos);
}

TEST(CrashTest, DiskThatLiesDoesSoTheSameWayEachTime) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    expect_found_and_repeated(Bug::none, {.seed = seed, .model = CrashModel::lying_disk()});
  }
}

}  // namespace
}  // namespace walkit::testing
