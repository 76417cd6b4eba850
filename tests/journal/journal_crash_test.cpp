// Power lost at every operation of a journal that takes checkpoints and trims, also while others
// apply, and at every operation of opening it again.

#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "seed.hpp"
#include "walkit/codec.hpp"
#include "walkit/journaled.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/crash_test.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using testing::CrashModel;
using testing::IsOk;

constexpr std::size_t kEntryBytes = 900;  // some to a segment, so that there is what to trim

std::string entry_of(std::uint64_t number) {
  std::string entry = std::to_string(number) + ":";
  entry.resize(kEntryBytes, static_cast<char>('a' + number % 26));
  return entry;
}

/// All that was applied, as a count and a sum over every byte.
struct Digest {
  using Entry = std::string;
  std::uint64_t count = 0, sum = 14695981039346656037u;
  void apply(const std::string& entry) {
    ++count;
    for (const char c : entry) sum = (sum ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  friend bool operator==(const Digest&, const Digest&) = default;
};

Digest digest_of(std::uint64_t count) {
  Digest digest;
  for (std::uint64_t n = 1; n <= count; ++n) digest.apply(entry_of(n));
  return digest;
}

/// Calls back while a checkpoint is being written, from inside: what another thread would do.
std::function<void()> while_saving;

struct DigestCodec {
  static constexpr CodecId id{"dgst"};
  Status encode(const Digest& digest, ByteSink& out) const {
    if (while_saving) std::exchange(while_saving, nullptr)();
    return PodCodec<Digest>().encode(digest, out);
  }
  Result<Digest> decode(BytesView bytes) const { return PodCodec<Digest>().decode(bytes); }
};
using Journal = Journaled<Digest, BytesCodec, DigestCodec>;

JournalOptions small() {
  return {.wal = {.segment_bytes = 4096, .max_frame_bytes = 8192, .max_entry_bytes = 2048},
          .checkpoint_every_bytes = 0};
}

struct Acknowledged {
  std::uint64_t entries = 0;
  EntryId checkpoint{};
};

enum class Step { apply, checkpoint, checkpoint_beside_applies, reopen };

// Until a call fails.
Acknowledged live(const std::shared_ptr<Directory>& directory, const std::vector<Step>& steps) {
  Acknowledged done;
  const struct Forget {
    ~Forget() { while_saving = nullptr; }
  } forget;
  auto journal = Journal::open(directory, small());
  const auto apply = [&] {
    const bool applied = journal->apply(entry_of(done.entries + 1)).has_value();
    done.entries += applied ? 1 : 0;
    return applied;
  };
  for (const Step step : steps) {
    if (!journal) return done;
    if (step == Step::apply) {
      if (!apply()) return done;
    } else if (step == Step::reopen) {
      if (!journal->close()) return done;
      journal = Journal::open(directory, small());
    } else {
      bool goes_on = true;
      if (step == Step::checkpoint_beside_applies) {
        while_saving = [&] { goes_on = apply() && apply(); };
      }
      const auto through = journal->checkpoint();
      if (!through || !goes_on) return done;
      done.checkpoint = *through;
    }
  }
  return done;
}

Error violation(std::string what) { return {.code = Errc::corrupt, .message = std::move(what)}; }

// At least what was acknowledged, nothing else, from a checkpoint at least as new; and no file that
// nobody knows.
Status check(const std::shared_ptr<Directory>& left, const Acknowledged& done) {
  auto journal = Journal::open(left, small());
  if (!journal) return journal.error();
  const Digest digest = journal->read([](const Digest& d) { return d; });
  if (digest.count < done.entries) {
    return violation(std::to_string(digest.count) + " entries, acknowledged were " +
                     std::to_string(done.entries));
  }
  if (digest != digest_of(digest.count)) return violation("another state than was applied");
  if (journal->applied_entry_id().value != digest.count) return violation("ids do not fit");
  const JournalStats stats = journal->stats();
  if (!stats.skipped_checkpoints.empty()) return stats.skipped_checkpoints.front();
  if (stats.replayed.first < done.checkpoint + 1) return violation("an older checkpoint counts");
  const RecoveryReport report = journal->recovery();
  if (!report.foreign_files.empty()) return violation("unknown: " + report.foreign_files.front());
  // It goes on, and the next checkpoint sweeps what was left.
  if (!journal->apply(entry_of(digest.count + 1))) return violation("it does not go on");
  if (auto taken = journal->checkpoint(); !taken) return taken.error();
  const auto store = CheckpointFiles::open(left, {}, std::nullopt);
  const auto others = store->other_files();
  if (!others) return others.error();
  return others->empty() ? Status{} : Status(violation("left: " + others->front()));
}

void expect_survives(const std::vector<Step>& steps, testing::CrashTestOptions options) {
  const auto report = testing::crash_test(
      options, [&](const std::shared_ptr<Directory>& d) { return live(d, steps); }, check);
  ASSERT_THAT(report, IsOk());
  std::printf("%lu crash points, %lu states, %lu crashes of recovery\n", report->crash_points,
              report->states, report->checks_cut);
}

const std::vector<Step> kPublish = {Step::apply, Step::apply,      Step::apply, Step::checkpoint,
                                    Step::apply, Step::apply,      Step::apply, Step::apply,
                                    Step::apply, Step::checkpoint, Step::apply, Step::apply,
                                    Step::apply, Step::checkpoint, Step::apply};

std::uint64_t states_max(std::uint64_t unless_told) {
  return from_environment("WALKIT_CRASH_STATES", unless_told);
}

TEST(JournalCrash, PublishingAndTrimmingLosesNothingAnywhere) {
  // check() goes on to write what it would not accept when it is called again.
  expect_survives(kPublish, {.states_max = states_max(20'000), .recovery_depth = 0});
}

TEST(JournalCrash, AProcessThatIsKilledLosesNothing) {
  expect_survives(
      kPublish,
      {.states_max = states_max(4'000), .crash = Crash::process_kill, .recovery_depth = 0});
}

TEST(JournalCrash, ACheckpointBesideAppliesLosesNothing) {
  expect_survives({Step::apply, Step::apply, Step::checkpoint_beside_applies, Step::apply,
                   Step::checkpoint_beside_applies, Step::apply, Step::checkpoint_beside_applies},
                  {.states_max = states_max(10'000), .recovery_depth = 0});
}

TEST(JournalCrash, LivesThatFollowEachOtherLoseNothing) {
  expect_survives({Step::apply, Step::checkpoint, Step::reopen, Step::apply, Step::checkpoint,
                   Step::reopen, Step::apply, Step::checkpoint},
                  {.states_max = states_max(10'000), .recovery_depth = 0});
}

// Opening alone, cut at each of its operations, three deep.
TEST(JournalCrash, RecoveryThatLosesPowerLosesNothing) {
  const auto opens = [](const std::shared_ptr<Directory>& left,
                        const Acknowledged& done) -> Status {
    auto journal = Journal::open(left, small());
    if (!journal) return journal.error();
    const Digest digest = journal->read([](const Digest& d) { return d; });
    if (digest.count < done.entries) return violation("an entry is gone");
    return digest == digest_of(digest.count) ? Status{} : Status(violation("another state"));
  };
  const auto report = testing::crash_test(
      {.states_max = states_max(10'000)},
      [&](const std::shared_ptr<Directory>& d) { return live(d, kPublish); }, opens);
  ASSERT_THAT(report, IsOk());
  std::printf("%lu states, %lu crashes of recovery\n", report->states, report->checks_cut);
}

TEST(JournalCrash, OnEachFileSystemToo) {
  for (const CrashModel model : {CrashModel::ext4(), CrashModel::xfs(), CrashModel::btrfs()}) {
    expect_survives(kPublish,
                    {.states_max = states_max(3'000), .model = model, .recovery_depth = 0});
  }
}

// Every operation of a life fails once: an error, and the next life has all that was acknowledged.
TEST(JournalCrash, EachOperationThatFailsIsToldAndLosesNothing) {
  for (const Errc code : {Errc::io, Errc::no_space}) {
    for (std::uint64_t at = 1;; ++at) {
      const auto directory = CrashDirectory::create({.seed = at});
      directory->fail_at(at, code);
      const Acknowledged done = live(directory, kPublish);
      const bool was_met = directory->operation_count() >= at;
      const auto left = directory->crash(Crash::power_cut);
      ASSERT_THAT(check(left, done), IsOk()) << "operation " << at;
      if (!was_met) break;
    }
  }
}

// The newest checkpoint is damaged after each step: the older one and the log above it suffice.
TEST(JournalCrash, TheNewestCheckpointIsDispensableAtAnyMoment) {
  for (std::size_t steps = 1; steps <= kPublish.size(); ++steps) {
    const auto directory = CrashDirectory::create();
    const std::vector<Step> part(kPublish.begin(),
                                 kPublish.begin() + static_cast<std::ptrdiff_t>(steps));
    const Acknowledged done = live(directory, part);
    std::string newest;
    for (const std::string& file : directory->list_files()) {
      if (file.ends_with(".ckpt")) newest = file;
    }
    const auto left = directory->crash(Crash::power_cut);
    if (newest.empty()) continue;
    ASSERT_THAT(left->flip_bit(newest, 8 * 530), IsOk());
    auto journal = Journal::open(left, small());
    ASSERT_THAT(journal, IsOk()) << "after " << steps << " steps";
    EXPECT_EQ(journal->read([](const Digest& d) { return d; }), digest_of(done.entries));
    EXPECT_EQ(journal->stats().skipped_checkpoints.size(), 1u);
  }
}

}  // namespace
}  // namespace walkit
