#include "walkit/checkpoint/checkpoint_store.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "checkpoint/checkpoint_format.hpp"
#include "walkit/cereal_codec.hpp"
#include "walkit/cereal_std.hpp"
#include "walkit/io/memory_directory.hpp"
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
using ::testing::IsEmpty;
using testing::IsOk;
using testing::IsOkAndHolds;

struct Bank {
  std::map<std::string, int> balances{};
  static constexpr EntryType entry_type{"bank", 2};
  template <class A>
  void serialize(A& a) {
    a(balances);
  }
  friend bool operator==(const Bank&, const Bank&) = default;
};
using Store = CheckpointStore<Bank>;

struct CerealUnderAnotherName : CerealCodec<Bank> {
  static constexpr CodecId id{"byte"};
};

Bank bank(int balance) { return {{{"ann", balance}, {"bob", 100 - balance}}}; }

class CheckpointStores : public ::testing::Test {
 protected:
  Store store(CheckpointOptions options = {}) {
    return Store::open(directory_, std::move(options)).value();
  }
  static Status save(Store& store, std::uint64_t id) {
    return store.save(EntryId{id}, bank(static_cast<int>(id)), EntryId{id});
  }
  static std::string path(std::uint64_t id) {
    return "checkpoints/" + checkpoint::checkpoint_name(EntryId{id});
  }
  void damage(std::uint64_t id) { ASSERT_THAT(directory_->flip_bit(path(id), 4600), IsOk()); }
  std::vector<std::uint64_t> ids() {
    std::vector<std::uint64_t> ids;
    for (const CheckpointInfo& info : store().list().value()) ids.push_back(info.entry_id.value);
    return ids;
  }
  static std::uint64_t latest(const Store& store) {
    const auto loaded = store.load_latest();
    EXPECT_THAT(loaded, IsOk());
    if (!loaded) return 0;
    EXPECT_EQ(loaded->state, bank(static_cast<int>(loaded->entry_id.value)));
    return loaded->entry_id.value;
  }

  const std::shared_ptr<CrashDirectory> directory_ = CrashDirectory::create();
};

TEST_F(CheckpointStores, AnEmptyDirectoryHasNoneAndStaysEmpty) {
  const Store empty = store();
  EXPECT_THAT(empty.load_latest(), HasErrc(Errc::not_found));
  EXPECT_THAT(empty.load(EntryId{1}), HasErrc(Errc::not_found));
  EXPECT_THAT(empty.list(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(empty.verify(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(empty.other_files(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(empty.covered_through(), IsOkAndHolds(EntryId{}));
  EXPECT_THAT(empty.plan_prune(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(store().prune(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(directory_->list(), IsOkAndHolds(IsEmpty()));
}

TEST_F(CheckpointStores, WhatWasSavedIsLoadedByAnotherStore) {
  Store saving = store();
  ASSERT_THAT(save(saving, 10), IsOk());
  const auto loaded = store().load_latest();
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(loaded->entry_id, EntryId{10});
  EXPECT_EQ(loaded->state, bank(10));
  EXPECT_THAT(loaded->skipped, IsEmpty());
  EXPECT_EQ(loaded->log, LogIdentity{});
}

TEST_F(CheckpointStores, AheadOfTheDurableLogIsRefusedBeforeAnyEffect) {
  Store saving = store();
  const Status refused = saving.save(EntryId{10}, bank(1), EntryId{9});
  ASSERT_THAT(refused, HasErrc(Errc::invalid_argument));
  EXPECT_THAT(refused.error().message, HasSubstr("durable through entry 9"));
  EXPECT_THAT(directory_->list(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(saving.save(EntryId{10}, bank(1), EntryId{10}), IsOk());
}

TEST_F(CheckpointStores, TheNewestTwoStayByDefault) {
  Store saving = store();
  for (const std::uint64_t id : {10u, 20u, 30u, 40u}) ASSERT_THAT(save(saving, id), IsOk());
  EXPECT_THAT(ids(), ElementsAre(30u, 40u));
  EXPECT_EQ(latest(saving), 40u);
}

TEST_F(CheckpointStores, MoreStayWhereMoreAreToBeKept) {
  Store saving = store({.keep = 3});
  for (const std::uint64_t id : {10u, 20u, 30u, 40u}) ASSERT_THAT(save(saving, id), IsOk());
  EXPECT_THAT(ids(), ElementsAre(20u, 30u, 40u));
}

TEST_F(CheckpointStores, OneOfTheSameIdReplacesTheOther) {
  Store saving = store();
  ASSERT_THAT(saving.save(EntryId{10}, bank(1), EntryId{10}), IsOk());
  ASSERT_THAT(saving.save(EntryId{10}, bank(10), EntryId{10}), IsOk());
  EXPECT_THAT(ids(), ElementsAre(10u));
  EXPECT_EQ(latest(store()), 10u);
}

TEST_F(CheckpointStores, UntilGivesTheNewestThatIsNotYounger) {
  Store saving = store({.keep = 9});
  for (const std::uint64_t id : {10u, 20u, 30u}) ASSERT_THAT(save(saving, id), IsOk());
  EXPECT_EQ(saving.load_latest(EntryId{29})->entry_id, EntryId{20});
  EXPECT_EQ(saving.load_latest(EntryId{30})->entry_id, EntryId{30});
  EXPECT_THAT(saving.load_latest(EntryId{9}), HasErrc(Errc::not_found));
}

TEST_F(CheckpointStores, ADamagedNewestFallsBackAndIsTold) {
  Store saving = store();
  for (const std::uint64_t id : {10u, 20u}) ASSERT_THAT(save(saving, id), IsOk());
  damage(20);
  const auto loaded = store().load_latest();
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(loaded->entry_id, EntryId{10});
  ASSERT_EQ(loaded->skipped.size(), 1u);
  EXPECT_EQ(loaded->skipped[0].code, Errc::corrupt);
  EXPECT_EQ(loaded->skipped[0].file, checkpoint::checkpoint_name(EntryId{20}));
  const auto damaged = store().verify();
  ASSERT_THAT(damaged, IsOk());
  EXPECT_EQ(damaged->size(), 1u);
  EXPECT_THAT(store().load(EntryId{20}), HasErrc(Errc::corrupt));
}

TEST_F(CheckpointStores, WhereNoneIsGoodTheErrorSaysSo) {
  Store saving = store();
  for (const std::uint64_t id : {10u, 20u}) ASSERT_THAT(save(saving, id), IsOk());
  damage(10);
  damage(20);
  const auto loaded = store().load_latest();
  ASSERT_THAT(loaded, HasErrc(Errc::corrupt));
  EXPECT_THAT(loaded.error().message, HasSubstr("none of the 2 checkpoints verifies"));
  EXPECT_EQ(loaded.error().file, checkpoint::checkpoint_name(EntryId{20}));
}

TEST_F(CheckpointStores, ADeviceThatDoesNotReadTheNewestFallsBackToo) {
  Store saving = store();
  for (const std::uint64_t id : {10u, 20u}) ASSERT_THAT(save(saving, id), IsOk());
  bool fell_back = false;
  for (std::uint64_t read = 1;; ++read) {
    const auto failing = FaultDirectory::create(directory_);
    failing->fail_read_at(read, Fault::io);
    const auto loaded = Store::open(failing).value().load_latest();
    if (failing->fault_count() == 0) break;
    if (!loaded) {
      EXPECT_THAT(loaded, HasErrc(Errc::io)) << read;  // the folder, or both of them
      continue;
    }
    EXPECT_EQ(loaded->entry_id, EntryId{10}) << read;
    EXPECT_EQ(loaded->skipped.at(0).code, Errc::io);
    fell_back = true;
  }
  EXPECT_TRUE(fell_back);
}

TEST_F(CheckpointStores, ADamagedOneDoesNotCountAsKept) {
  Store saving = store();
  for (const std::uint64_t id : {10u, 20u}) ASSERT_THAT(save(saving, id), IsOk());
  damage(20);
  Store next = store();
  ASSERT_THAT(save(next, 30), IsOk());
  EXPECT_THAT(ids(), ElementsAre(10u, 20u, 30u)) << "10 is the fall-back of 30";
  ASSERT_THAT(save(next, 40), IsOk());
  EXPECT_THAT(ids(), ElementsAre(30u, 40u)) << "damaged, and older than all that stay";
}

TEST_F(CheckpointStores, TheLogIsCoveredThroughTheOldestOfThoseKept) {
  Store saving = store();
  ASSERT_THAT(save(saving, 10), IsOk());
  EXPECT_THAT(saving.covered_through(), IsOkAndHolds(EntryId{})) << "there is no fall-back yet";
  ASSERT_THAT(save(saving, 20), IsOk());
  EXPECT_THAT(saving.covered_through(), IsOkAndHolds(EntryId{10}));
  damage(20);
  EXPECT_THAT(store().covered_through(), IsOkAndHolds(EntryId{})) << "one good one is left";
  Store next = store();  // one that does not know yet that 20 was good once
  ASSERT_THAT(save(next, 30), IsOk());
  EXPECT_THAT(store().covered_through(), IsOkAndHolds(EntryId{10}));
}

TEST_F(CheckpointStores, AnotherTypeCodecOrNewerSchemaIsRefusedByName) {
  Store saving = store();
  ASSERT_THAT(save(saving, 10), IsOk());
  const auto with_type = [&](EntryType type) { return store({.state_type = type}).load_latest(); };
  const auto other = with_type({"casino", 2});
  ASSERT_THAT(other, HasErrc(Errc::incompatible));
  EXPECT_THAT(other.error().message, HasSubstr("holds a state of type \"bank\""));
  EXPECT_THAT(with_type({"bank", 1}), HasErrc(Errc::incompatible)) << "an older program";
  EXPECT_THAT(with_type({"bank", 3}), IsOk()) << "a newer one";
  using OfBytes = CheckpointStore<std::string, BytesCodec>;
  EXPECT_THAT(OfBytes::open(directory_)->load_latest(), HasErrc(Errc::incompatible));
}

TEST_F(CheckpointStores, AnOlderOneOfTheRightTypeIsNoFallBackForAWrongOne) {
  Store saving = store();
  ASSERT_THAT(save(saving, 10), IsOk());
  Store newer = store({.state_type = {"bank", 3}});
  ASSERT_THAT(save(newer, 20), IsOk());
  EXPECT_THAT(store().load_latest(), HasErrc(Errc::incompatible));
}

TEST_F(CheckpointStores, BytesThatAreNoStateAreAnErrorOfDecode) {
  using OfBytes = CheckpointStore<std::string, BytesCodec>;
  OfBytes saving = OfBytes::open(directory_).value();
  ASSERT_THAT(saving.save(EntryId{10}, "no bank", EntryId{10}), IsOk());
  const auto store = CheckpointStore<Bank, CerealUnderAnotherName>::open(directory_);
  const auto loaded = store->load_latest();
  ASSERT_THAT(loaded, HasErrc(Errc::decode));
  EXPECT_THAT(loaded.error().message, HasSubstr("the state at entry 10"));
  EXPECT_EQ(loaded.error().file, checkpoint::checkpoint_name(EntryId{10}));
}

TEST_F(CheckpointStores, AStateLargerThanMaxBytesIsRefusedWhenWrittenAndWhenRead) {
  using OfBytes = CheckpointStore<std::string, BytesCodec>;
  OfBytes small = OfBytes::open(directory_, {.max_bytes = 100}).value();
  EXPECT_THAT(small.save(EntryId{1}, std::string(101, 'x'), EntryId{1}), HasErrc(Errc::too_large));
  EXPECT_THAT(small.list(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(small.save(EntryId{1}, std::string(100, 'x'), EntryId{1}), IsOk());
  const auto smaller = OfBytes::open(directory_, {.max_bytes = 99});
  EXPECT_THAT(smaller->load_latest(), HasErrc(Errc::too_large));
}

TEST_F(CheckpointStores, StreamsPassThroughPieceByPiece) {
  using OfBytes = CheckpointStore<std::string, BytesCodec>;
  OfBytes saving = OfBytes::open(directory_, {.compression = Compression::lz4}).value();
  const std::string part(100'000, 'p');
  constexpr int kParts = 53;  // not a multiple of a piece
  const auto write = [&](ByteSink& sink) -> Status {
    for (int i = 0; i < kParts; ++i) sink.write(part);
    return {};
  };
  ASSERT_THAT(saving.save_stream(EntryId{5}, EntryId{5}, write), IsOk());
  std::size_t bytes = 0, largest = 0;
  const auto take = [&](BytesView piece) -> Status {
    EXPECT_EQ(as_text(piece).find_first_not_of('p'), std::string_view::npos);
    bytes += piece.size();
    largest = std::max(largest, piece.size());
    return {};
  };
  const auto info = saving.load_stream(EntryId{5}, take);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(bytes, kParts * part.size());
  EXPECT_LE(largest, std::size_t{checkpoint::kPieceBytes});
  EXPECT_LT(info->bytes, bytes / 10);
  EXPECT_EQ(saving.load_latest()->state.size(), bytes);
}

TEST_F(CheckpointStores, WhatAStreamAnswersIsHandedOn) {
  Store saving = store();
  const Error refusal{.code = Errc::encode, .message = "not today"};
  const auto refuses = [&](ByteSink& sink) -> Status {
    sink.write("part");
    return refusal;
  };
  EXPECT_THAT(saving.save_stream(EntryId{5}, EntryId{5}, refuses), HasErrc(Errc::encode));
  EXPECT_THAT(saving.list(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(saving.other_files(), IsOkAndHolds(IsEmpty()));
  ASSERT_THAT(save(saving, 5), IsOk());
  const auto stops = [&](BytesView) -> Status { return refusal; };
  EXPECT_THAT(saving.load_stream(EntryId{5}, stops), HasErrc(Errc::encode));
}

TEST_F(CheckpointStores, ACodecThatThrowsSavesNothing) {
  struct Throws : CerealCodec<Bank> {
    Status encode(const Bank&, ByteSink& sink) const {
      sink.write("part");
      throw std::runtime_error("thrown");
    }
  };
  auto saving = CheckpointStore<Bank, Throws>::open(directory_).value();
  const Status thrown = saving.save(EntryId{1}, bank(1), EntryId{1});
  ASSERT_THAT(thrown, HasErrc(Errc::encode));
  EXPECT_EQ(thrown.error().message, "thrown");
  EXPECT_THAT(saving.list(), IsOkAndHolds(IsEmpty()));
}

TEST_F(CheckpointStores, LeftoversAreSweptBySaveAndForeignFilesAreLeftAndTold) {
  Store saving = store();
  ASSERT_THAT(save(saving, 10), IsOk());
  const std::string leftover = checkpoint::temporary_name(EntryId{20});
  ASSERT_THAT(directory_->add_file("checkpoints/" + leftover, as_bytes("half")), IsOk());
  ASSERT_THAT(directory_->add_file("checkpoints/notes.txt", as_bytes("mine")), IsOk());
  EXPECT_THAT(store().other_files(), IsOkAndHolds(ElementsAre(leftover, "notes.txt")));
  EXPECT_EQ(latest(store()), 10u);
  ASSERT_THAT(save(saving, 30), IsOk());
  EXPECT_THAT(store().other_files(), IsOkAndHolds(ElementsAre("notes.txt")));
}

TEST_F(CheckpointStores, PruneRemovesWhatASmallerKeepLeavesOver) {
  Store saving = store({.keep = 4});
  for (const std::uint64_t id : {10u, 20u, 30u, 40u}) ASSERT_THAT(save(saving, id), IsOk());
  const auto planned = store({.keep = 2}).plan_prune();
  ASSERT_THAT(planned, IsOk());
  EXPECT_EQ(planned->size(), 2u);
  EXPECT_THAT(ids(), ElementsAre(10u, 20u, 30u, 40u)) << "nothing is changed";
  const auto removed = store({.keep = 2}).prune();
  ASSERT_THAT(removed, IsOk());
  ASSERT_EQ(removed->size(), 2u);
  EXPECT_EQ(removed->at(0).entry_id, EntryId{10});
  EXPECT_GT(removed->at(0).bytes, 500u);
  EXPECT_THAT(ids(), ElementsAre(30u, 40u));
}

TEST_F(CheckpointStores, OneSavesAtATime) {
  Store saving = store();
  ASSERT_THAT(save(saving, 10), IsOk());
  const auto lock = directory_->subdirectory("checkpoints", OpenMode::write).value()->lock();
  ASSERT_THAT(lock, IsOk());
  EXPECT_THAT(save(saving, 20), HasErrc(Errc::locked));
  EXPECT_THAT(saving.prune(), HasErrc(Errc::locked));
  EXPECT_EQ(latest(saving), 10u) << "reading takes no lock";
}

TEST_F(CheckpointStores, AFailedSyncOfTheFolderIsFinalForTheStore) {
  Store saving = store();
  ASSERT_THAT(save(saving, 10), IsOk());
  const auto operations = directory_->operations();
  for (std::uint64_t n = 1; n <= operations.size(); ++n) {
    const auto copy = CrashDirectory::create();
    copy->fail_at(n, Errc::io);
    Store failing = Store::open(copy).value();
    const Status saved = failing.save(EntryId{10}, bank(10), EntryId{10});
    // The last operation is the sync of the names; before it nothing is changed.
    const bool is_last = n == operations.size();
    EXPECT_THAT(saved, HasErrc(Errc::io)) << n;
    const Status again = failing.save(EntryId{20}, bank(20), EntryId{20});
    if (is_last) {
      EXPECT_THAT(again, HasErrc(Errc::poisoned));
      EXPECT_THAT(Store::open(copy)->save(EntryId{20}, bank(20), EntryId{20}), IsOk());
    } else {
      EXPECT_THAT(again, IsOk()) << n;
    }
  }
}

TEST_F(CheckpointStores, ProgressIsTold) {
  std::vector<CheckpointProgress> told;
  CheckpointOptions options;
  options.progress = [&](const CheckpointProgress& step) { told.push_back(step); };
  using OfBytes = CheckpointStore<std::string, BytesCodec>;
  OfBytes saving = OfBytes::open(directory_, options).value();
  ASSERT_THAT(saving.save(EntryId{3}, std::string(2'500'000, 'x'), EntryId{3}), IsOk());
  using Step = CheckpointProgress::Step;
  ASSERT_EQ(told.size(), 6u);
  for (std::size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i].step, i < 3 ? Step::writing : Step::reading);
    EXPECT_EQ(told[i].entry_id, EntryId{3});
  }
  EXPECT_EQ(told[2].state_bytes, 2'500'000u);
  EXPECT_EQ(told[5].state_bytes, 2'500'000u);
}

TEST_F(CheckpointStores, EqualStatesGiveEqualFilesButForTheTime) {
  const auto file_of = [](std::uint64_t seed) {
    const auto directory = CrashDirectory::create({.seed = seed});
    Store saving = Store::open(directory).value();
    for (std::uint64_t n = 0; n < seed; ++n) directory->now();
    EXPECT_THAT(save(saving, 10), IsOk());
    Bytes bytes = directory->read_file(path(10)).value();
    bytes.erase(bytes.begin(), bytes.begin() + checkpoint::kCheckpointHeaderBytes);
    return bytes;
  };
  EXPECT_EQ(file_of(1), file_of(2));
}

TEST_F(CheckpointStores, WrongOptionsAreRefused) {
  EXPECT_THAT(Store::open(nullptr), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(Store::open(directory_, {.keep = 1}), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(Store::open(directory_, {.max_bytes = 0}), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(Store::open(directory_, {.subdirectory = "a/b"}), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(Store::open(directory_, {.compression = static_cast<Compression>(3)}),
              HasErrc(Errc::invalid_argument));
}

TEST_F(CheckpointStores, WhatReadsBackOtherwiseIsNotPublished) {
  // The read-back: what the device gives is not what was written.
  const auto failing = FaultDirectory::create(MemoryDirectory::create());
  Store saving = Store::open(failing).value();
  ASSERT_THAT(save(saving, 10), IsOk());
  bool found_out = false;
  const std::uint64_t reads = failing->read_count();
  for (std::uint64_t n = 1; n <= reads; ++n) {
    const auto lying = FaultDirectory::create(MemoryDirectory::create());
    lying->fail_read_at(n, Fault::wrong_bytes);
    Store store = Store::open(lying).value();
    const Status saved = save(store, 10);
    if (saved || lying->fault_count() == 0) continue;
    found_out |= saved.error().code == Errc::corrupt;
    EXPECT_THAT(store.list(), IsOkAndHolds(IsEmpty())) << n;
  }
  EXPECT_TRUE(found_out);
}

}  // namespace
}  // namespace walkit
