#include "walkit/journaled.hpp"

#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include "walkit/cereal_codec.hpp"
#include "walkit/cereal_std.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/matchers.hpp"

#include <cereal/types/map.hpp>

namespace walkit {
namespace {

using testing::CrashDirectory;
using ::testing::ElementsAre;
using testing::Fault;
using testing::FaultDirectory;
using testing::HasErrc;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::IsOkAndHolds;

struct Deposit {
  std::string account{};
  int amount = 0;
  template <class A>
  void serialize(A& a) {
    a(account, amount);
  }
};

/// apply answers the new balance.
struct Bank {
  using Entry = Deposit;
  static constexpr EntryType entry_type{"bank", 1};

  std::map<std::string, int> balances{};

  int apply(const Deposit& deposit) {
    if (deposit.account == "throw") throw std::runtime_error("no such account");
    return balances[deposit.account] += deposit.amount;
  }
  template <class A>
  void serialize(A& a) {
    a(balances);
  }
};
using Journal = Journaled<Bank>;

int balance(const Journal& journal, const std::string& account) {
  return journal.read([&](const Bank& bank) {
    const auto found = bank.balances.find(account);
    return found == bank.balances.end() ? 0 : found->second;
  });
}

class JournaledTest : public ::testing::Test {
 protected:
  Journal open(JournalOptions options = {}) {
    auto journal = Journal::open(directory_, std::move(options));
    EXPECT_THAT(journal, IsOk());
    return std::move(*journal);
  }
  static void deposit(Journal& journal, int times, const std::string& account = "ann") {
    for (int i = 0; i < times; ++i) ASSERT_THAT(journal.apply({account, 1}), IsOk());
  }

  std::shared_ptr<CrashDirectory> directory_ = CrashDirectory::create();
};

TEST_F(JournaledTest, WhatApplyAnswersIsHandedBack) {
  Journal journal = open();
  EXPECT_THAT(journal.apply({"ann", 5}), IsOkAndHolds(5));
  EXPECT_THAT(journal.apply({"ann", 7}), IsOkAndHolds(12));
  const std::vector<Deposit> both{{"bob", 1}, {"ann", 1}};
  EXPECT_THAT(journal.apply_batch(both), IsOkAndHolds(ElementsAre(1, 13)));
  EXPECT_THAT(journal.apply_batch({}), IsOkAndHolds(ElementsAre()));
  EXPECT_EQ(journal.applied_entry_id(), EntryId{4});
}

TEST_F(JournaledTest, TheStateIsThereAfterAnyEnd) {
  {
    Journal journal = open();
    deposit(journal, 3);
    EXPECT_THAT(journal.close(), IsOk());
  }
  {
    Journal journal = open();
    EXPECT_EQ(balance(journal, "ann"), 3);
    deposit(journal, 4);
    directory_ = directory_->crash(testing::Crash::power_cut);
  }
  Journal journal = open();
  EXPECT_EQ(balance(journal, "ann"), 7);
  EXPECT_EQ(journal.stats().replayed, (EntryIdRange{EntryId{1}, EntryId{7}}));
  EXPECT_EQ(journal.recovery().origin, RecoveryReport::Origin::crash);
}

TEST_F(JournaledTest, ACheckpointIsWhatTheNextOpenBeginsWith) {
  {
    Journal journal = open();
    deposit(journal, 3);
    EXPECT_THAT(journal.checkpoint(), IsOkAndHolds(EntryId{3}));
    deposit(journal, 2);
  }
  Journal journal = open();
  EXPECT_EQ(balance(journal, "ann"), 5);
  EXPECT_EQ(journal.stats().replayed, (EntryIdRange{EntryId{4}, EntryId{5}}));
}

TEST_F(JournaledTest, NothingAppliedIsNothingToCheckpoint) {
  Journal journal = open();
  EXPECT_THAT(journal.checkpoint(), IsOkAndHolds(EntryId{}));
  EXPECT_THAT(CheckpointStore<Bank>::open(directory_)->list(), IsOkAndHolds(ElementsAre()));
}

TEST_F(JournaledTest, ACheckpointOnCloseLeavesNothingToReplay) {
  {
    Journal journal = open({.checkpoint_on_close = true});
    deposit(journal, 3);
    EXPECT_THAT(journal.close(), IsOk());
  }
  EXPECT_TRUE(open().stats().replayed.empty());
}

TEST_F(JournaledTest, ADamagedCheckpointIsReplayedInstead) {
  {
    Journal journal = open();
    for (int n = 0; n < 2; ++n) {
      deposit(journal, 10);
      ASSERT_THAT(journal.checkpoint(), IsOk());
    }
    deposit(journal, 1);
  }
  ASSERT_THAT(directory_->flip_bit("checkpoints/00000000000000000020.ckpt", 4500), IsOk());
  Journal journal = open();
  EXPECT_EQ(balance(journal, "ann"), 21);
  ASSERT_EQ(journal.stats().skipped_checkpoints.size(), 1u);
  EXPECT_EQ(journal.stats().replayed.first, EntryId{11});
}

TEST_F(JournaledTest, WhatCannotBeLoggedIsNotApplied) {
  const auto failing = FaultDirectory::create(MemoryDirectory::create());
  Journal journal = Journal::open(failing).value();
  deposit(journal, 1);
  failing->fail_from(failing->operation_count() + 1, Fault::io);
  EXPECT_THAT(journal.apply({"ann", 10}), HasErrc(Errc::poisoned));
  EXPECT_EQ(balance(journal, "ann"), 1);
  EXPECT_EQ(journal.applied_entry_id(), EntryId{1});
  EXPECT_TRUE(journal.verdict().failure.has_value());
  EXPECT_EQ(journal.verdict().in_doubt, (EntryIdRange{EntryId{2}, EntryId{2}}));
}

TEST_F(JournaledTest, AnEntryThatIsTooLargeIsRefusedAndItGoesOn) {
  Journal journal = open({.wal = {.max_entry_bytes = 100}});
  EXPECT_THAT(journal.apply({std::string(200, 'a'), 1}), HasErrc(Errc::too_large));
  EXPECT_THAT(journal.apply({"ann", 1}), IsOkAndHolds(1));
}

TEST_F(JournaledTest, AnApplyThatThrowsEndsTheJournalAndSavesNoHalfState) {
  Journal journal = open();
  deposit(journal, 2);
  const auto thrown = journal.apply({"throw", 1});
  ASSERT_THAT(thrown, HasErrc(Errc::poisoned));
  EXPECT_THAT(thrown.error().message, HasSubstr("no such account"));
  EXPECT_THAT(journal.apply({"ann", 1}), HasErrc(Errc::poisoned));
  EXPECT_THAT(journal.checkpoint(), HasErrc(Errc::poisoned));
}

TEST_F(JournaledTest, OneJournalAtATime) {
  Journal journal = open();
  EXPECT_THAT(Journal::open(directory_), HasErrc(Errc::locked));
}

TEST_F(JournaledTest, AnOtherTypeOfStateIsRefused) {
  {
    Journal journal = open();
    deposit(journal, 1);
    ASSERT_THAT(journal.checkpoint(), IsOk());
  }
  EXPECT_THAT(Journal::open(directory_, {.checkpoint = {.state_type = {"casino", 1}}}),
              HasErrc(Errc::incompatible));
}

TEST_F(JournaledTest, ALogThatIsGoneIsGivenUpOnPurposeOnly) {
  {
    Journal journal = open();
    deposit(journal, 5);
    ASSERT_THAT(journal.checkpoint(), IsOk());
    ASSERT_THAT(journal.close(), IsOk());
  }
  for (const std::string& file : directory_->list_files()) {
    if (file.starts_with("wal/")) {
      ASSERT_THAT(directory_->remove_file(file), IsOk());
    }
  }
  EXPECT_THAT(Journal::open(directory_), HasErrc(Errc::corrupt));
  Journal journal = open({.ahead = CheckpointAhead::continue_from_checkpoint});
  EXPECT_EQ(balance(journal, "ann"), 5);
  EXPECT_THAT(journal.apply({"ann", 1}), IsOkAndHolds(6));
  EXPECT_EQ(journal.applied_entry_id(), EntryId{6});
}

TEST_F(JournaledTest, AFailedCheckpointIsToldAndTheJournalGoesOn) {
  const auto failing = FaultDirectory::create(MemoryDirectory::create());
  Journal journal = Journal::open(failing).value();
  deposit(journal, 1);
  failing->fail_at(failing->operation_count() + 2, Fault::no_space);
  EXPECT_THAT(journal.checkpoint(), HasErrc(Errc::no_space));
  ASSERT_TRUE(journal.verdict().failure);
  EXPECT_EQ(journal.verdict().failure->code, Errc::no_space);
  EXPECT_EQ(journal.stats().checkpoints.failed, 1u);
  EXPECT_THAT(journal.apply({"ann", 1}), IsOkAndHolds(2));
  EXPECT_THAT(journal.checkpoint(), IsOkAndHolds(EntryId{2}));
  EXPECT_FALSE(journal.verdict().failure);
  EXPECT_EQ(journal.stats().checkpoints.taken, 1u);
}

/// Counts in a unique_ptr, so that it does not copy.
struct Counter {
  using Entry = std::uint32_t;
  std::unique_ptr<std::uint64_t> count = std::make_unique<std::uint64_t>(0);
  void apply(std::uint32_t by) { *count += by; }
  template <class A>
  void serialize(A& a) {
    a(*count);
  }
};

TEST_F(JournaledTest, AStateThatDoesNotCopyAndAnApplyWithoutAnswer) {
  {
    auto journal = Journaled<Counter>::open(directory_).value();
    ASSERT_THAT(journal.apply(3), IsOk());
    const std::vector<std::uint32_t> more{4, 5};
    ASSERT_THAT(journal.apply_batch(more), IsOk());
    EXPECT_THAT(journal.checkpoint(), IsOkAndHolds(EntryId{3}));
  }
  const auto journal = Journaled<Counter>::open(directory_).value();
  EXPECT_EQ(journal.read([](const Counter& counter) { return *counter.count; }), 12u);
}

TEST_F(JournaledTest, TheInitialStateIsThatBeforeTheFirstEntry) {
  const Bank initial{{{"ann", 100}}};
  {
    auto journal = Journal::open(directory_, {}, initial).value();
    EXPECT_THAT(journal.apply({"ann", 1}), IsOkAndHolds(101));
  }
  auto journal = Journal::open(directory_, {}, initial).value();
  EXPECT_EQ(balance(journal, "ann"), 101);
}

}  // namespace
}  // namespace walkit
