// What crash_test says of a run() or check() that is not what it has to be, and of a recovery that
// is cut at many places.

#include <gmock/gmock.h>

#include <stdexcept>
#include <string>

#include "walkit/testing/crash_test.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::testing {
namespace {

using ::testing::HasSubstr;

Status put(Directory& directory, const std::string& name) {
  auto file = directory.open(name, OpenMode::create);
  if (!file && file.error().code == Errc::already_exists) {
    file = directory.open(name, OpenMode::write);
  }
  if (!file) return file.error();
  const BytesView part = as_bytes("text");
  if (Status ok = (*file)->write_at(0, {&part, 1}); !ok) return ok;
  if (Status ok = (*file)->sync(); !ok) return ok;
  return directory.sync();
}

std::size_t put_files(const std::shared_ptr<Directory>& directory) {
  std::size_t files = 0;
  while (files < 3 && put(*directory, "file" + std::to_string(files))) ++files;
  return files;
}

Status all_there(const std::shared_ptr<Directory>& directory, std::size_t files) {
  const auto names = directory->list();
  if (!names) return names.error();
  if (names->size() >= files) return {};
  return Error{.code = Errc::corrupt, .message = "a file is gone"};
}

// A recovery of many steps that cannot go on where it was stopped behind exactly so many of them.
Result<CrashTestReport> recover_by_steps(int stuck_behind, std::uint32_t depth) {
  constexpr int kSteps = 40;
  const auto step = [](int n) { return "step" + std::to_string(n); };
  return crash_test({.recovery_depth = depth}, put_files,
                    [&](const std::shared_ptr<Directory>& directory, std::size_t) -> Status {
                      int done = 0;
                      while (done < kSteps && directory->open(step(done), OpenMode::read)) ++done;
                      if (done == stuck_behind) {
                        return Error{.code = Errc::corrupt, .message = "stuck"};
                      }
                      for (; done < kSteps; ++done) {
                        if (Status ok = put(*directory, step(done)); !ok) return ok;
                      }
                      return {};
                    });
}

TEST(CrashTestRecovery, IsCutAtEachOfManyOperationsAtEveryDepth) {
  for (const std::uint32_t depth : {1u, 2u, 3u, 7u}) {
    for (const int behind : {1, 2, 19, 38, 39}) {
      EXPECT_THAT(recover_by_steps(behind, depth), HasErrc(Errc::corrupt))
          << "depth " << depth << ", stuck behind step " << behind;
    }
  }
  const auto report = recover_by_steps(-1, 1).value();
  EXPECT_GT(report.checks_cut, 160u * report.crash_points);
  EXPECT_EQ(report.checks_not_cut, 0u);
}

TEST(CrashTestRecovery, WhatIsLeftOutIsCounted) {
  const auto report =
      crash_test({.states_max = 40, .recovery_depth = 1}, put_files,
                 [](const std::shared_ptr<Directory>& directory, std::size_t) -> Status {
                   return put_files(directory) == 3 ? Status{} : Error{.code = Errc::io};
                 })
          .value();
  EXPECT_GT(report.checks_cut, 0u);
  EXPECT_GT(report.checks_not_cut, 0u);
}

TEST(CrashTestRecovery, DepthWithoutEndEndsWhereNoStateIsNew) {
  const auto report = crash_test({.recovery_depth = 4'000'000'000}, put_files, all_there).value();
  EXPECT_EQ(report.checks_cut, 0u);  // it writes nothing
}

TEST(CrashTestMisuse, ExceptionInCheckIsAFailureWithItsPlace) {
  const auto found =
      crash_test({}, put_files, [](const std::shared_ptr<Directory>&, std::size_t files) -> Status {
        if (files > 0) throw std::runtime_error("a file is gone");
        return {};
      });
  ASSERT_THAT(found, HasErrc(Errc::corrupt));
  EXPECT_THAT(found.error().message, HasSubstr("check() threw: a file is gone"));
  EXPECT_THAT(found.error().message, HasSubstr(".crash_point = "));
}

TEST(CrashTestMisuse, ExceptionOfACheckThatLosesPowerIsNone) {
  const auto found =
      crash_test({}, put_files, [](const std::shared_ptr<Directory>& directory, std::size_t) {
        put(*directory, "mark").value();
        return Status{};
      });
  EXPECT_THAT(found, IsOk());
  EXPECT_GT(found->checks_cut, 0u);
}

TEST(CrashTestMisuse, RunThatThrowsIsToldHowToEnd) {
  const auto found = crash_test(
      {},
      [](const std::shared_ptr<Directory>& directory) {
        put(*directory, "file").value();
        return std::size_t{1};
      },
      all_there);
  ASSERT_THAT(found, HasErrc(Errc::invalid_argument));
  EXPECT_THAT(found.error().message, HasSubstr("run() threw, at operation 1"));
  EXPECT_THAT(found.error().next_step, HasSubstr("end run() where a call fails"));
}

TEST(CrashTestMisuse, RunThatDoesOtherThingsTheNextTimeIsRefused) {
  int runs = 0;
  const auto found = crash_test(
      {},
      [&](const std::shared_ptr<Directory>& directory) {
        return put(*directory, "file" + std::to_string(runs++)) ? std::size_t{1} : std::size_t{0};
      },
      all_there);
  ASSERT_THAT(found, HasErrc(Errc::invalid_argument));
  EXPECT_THAT(found.error().message, HasSubstr("its operation 1 was create file0, and is create"));
}

TEST(CrashTestMisuse, RunThatDoesLessTheNextTimeIsRefused) {
  int runs = 0;
  const auto found = crash_test(
      {},
      [&](const std::shared_ptr<Directory>& directory) {
        return runs++ == 0 ? put_files(directory) : std::size_t{0};
      },
      all_there);
  ASSERT_THAT(found, HasErrc(Errc::invalid_argument));
  EXPECT_THAT(found.error().message, HasSubstr("its operation 1 was create file0, and is none"));
}

TEST(CrashTestMisuse, ReplayOfAStateThatThereIsNotIsRefused) {
  const auto replay = [](CrashState state) {
    return crash_test({.replay = std::move(state)}, put_files, all_there);
  };
  EXPECT_THAT(replay({.crash_point = 2, .picks = {0}}), IsOk());
  EXPECT_THAT(replay({.crash_point = 0}), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(replay({.crash_point = 10'000}), HasErrc(Errc::invalid_argument));
  const auto pick = replay({.crash_point = 2, .picks = {99'999}});
  ASSERT_THAT(pick, HasErrc(Errc::invalid_argument));
  EXPECT_THAT(pick.error().message, HasSubstr("pick 1 is 99999, of "));
  EXPECT_THAT(replay({.crash_point = 2, .picks = {0, 0, 0, 0, 0, 0, 0, 0, 0}}),
              HasErrc(Errc::invalid_argument));
}

}  // namespace
}  // namespace walkit::testing
