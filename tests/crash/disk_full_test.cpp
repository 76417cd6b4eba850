// A disk that is full from some byte on, in the life of a log and in the recovery that follows.

#include <gtest/gtest.h>

#include <cstdio>

#include "crash/workload.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using testing::CrashModel;

constexpr std::uint64_t kPlenty = 1 << 30;
constexpr std::uint64_t kBytesMax = 24'000;  // what the trace needs, and some more

const Trace kTrace = {Call::append, Call::append_large, Call::batch,  Call::append_large,
                      Call::reopen, Call::append_large, Call::append, Call::sync};

struct Case {
  const char* name;
  CrashModel model{};
  Preallocation preallocation{};
};

class DiskFull : public ::testing::TestWithParam<Case> {
 protected:
  DiskFull() { setup_.preallocation = GetParam().preallocation; }

  /// What is left of a life on a disk with so much room, and what it vouched for.
  std::shared_ptr<CrashDirectory> live_with(std::uint64_t bytes, Model& model) const {
    auto disk = CrashDirectory::create({.seed = bytes + 1, .model = GetParam().model});
    disk->set_free_bytes(bytes);
    model = run(disk, setup_, kTrace);
    return disk;
  }

  crash::Setup setup_{};
};

TEST_P(DiskFull, FromAnyByteOnLosesNothing) {
  std::uint64_t ended_early = 0;
  for (std::uint64_t bytes = 0; bytes < kBytesMax;
       bytes += from_environment("WALKIT_ROOM_STEP", 61)) {
    for (const Crash kind : {Crash::process_kill, Crash::power_cut}) {
      Model model;
      const auto next = live_with(bytes, model)->crash(kind);
      if (model.closes.size() < 2) ++ended_early;
      // Full as it is, it reads; with room again, all is as after any crash.
      ASSERT_THAT(check_replay(next, model, ReplayMode::best_effort), testing::IsOk()) << bytes;
      next->set_free_bytes(kPlenty);
      ASSERT_THAT(check(next, setup_, model), testing::IsOk()) << bytes;
    }
  }
  EXPECT_GT(ended_early, 0u);
}

TEST_P(DiskFull, WhileItRecoversLosesNothing) {
  for (const std::uint64_t life : {4'500u, 9'000u, 13'000u, 1u << 30}) {
    Model model;
    const auto left = live_with(life, model)->crash(Crash::power_cut);
    for (std::uint64_t bytes = 0; bytes < 6'000; bytes += 61) {
      const auto full = left->clone();
      full->set_free_bytes(bytes);
      const Model now = run(full, setup_, {Call::append_large}, model, 2);  // or not even open
      const auto next = full->crash(Crash::power_cut);
      next->set_free_bytes(kPlenty);
      ASSERT_THAT(check(next, setup_, now), testing::IsOk()) << life << ", then " << bytes;
    }
  }
}

// Where writing over bytes needs no room, prefilled zeros are the promise that it will succeed.
TEST(DiskFullWriter, RefusesWithoutHarmAndGoesOnWhenThereIsRoom) {
  const crash::Setup setup;
  for (std::uint64_t bytes = 0; bytes < kBytesMax;
       bytes += from_environment("WALKIT_ROOM_STEP", 61)) {
    const auto disk = CrashDirectory::create({.model = CrashModel::ext4()});
    auto writer = WalWriter<std::string, BytesCodec>::open(disk, setup.options()).value();
    disk->set_free_bytes(bytes);
    Model model;
    const auto append = [&] {
      const std::string payload(700, static_cast<char>('a' + model.submitted.size() % 26));
      const auto id = writer.append(payload);
      if (id) model.submitted.push_back(payload);
      return id;
    };
    auto refused = append();
    while (refused) refused = append();
    ASSERT_THAT(refused, testing::HasErrc(Errc::no_space)) << bytes;
    disk->set_free_bytes(kPlenty);
    ASSERT_THAT(append(), testing::IsOk()) << bytes;
    model.acknowledged = model.submitted.size();
    const auto next = disk->crash(Crash::power_cut);
    ASSERT_THAT(check_replay(next, model, ReplayMode::best_effort), testing::IsOk()) << bytes;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Disks, DiskFull,
    ::testing::Values(Case{"Prefilled", CrashModel::ext4(), Preallocation::zero_fill},
                      Case{"NotPrefilled", CrashModel::ext4(), Preallocation::none},
                      Case{"CopyOnWrite", CrashModel::btrfs(), Preallocation::zero_fill},
                      Case{"CopyOnWriteNotPrefilled", CrashModel::btrfs(), Preallocation::none}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace walkit::crash
