// The typed writer over each kind of directory.

#include "walkit/wal_writer.hpp"

#include <gtest/gtest.h>

#include <cereal/types/string.hpp>

#include "io/child_process.hpp"
#include "io/temp_directory.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/walkit.hpp"

namespace walkit {
namespace {

using testing::HasErrc;
using testing::IsOk;
using testing::IsOkAndHolds;

struct Put {
  std::string key{};
  std::uint64_t value = 0;
  template <class A>
  void serialize(A& a) {
    a(key, value);
  }
  friend bool operator==(const Put&, const Put&) = default;
};

// The same fields, and a name.
struct NamedPut : Put {
  static constexpr EntryType entry_type{"orders.put", 2};
};
struct NewerPut : Put {
  static constexpr EntryType entry_type{"orders.put", 3};
};
struct OtherPut : Put {
  static constexpr EntryType entry_type{"orders.get", 2};
};

enum class Backend { memory, file_system, crash };

class WalWriterOver : public ::testing::TestWithParam<Backend> {
 protected:
  [[nodiscard]] std::shared_ptr<Directory> directory() {
    if (GetParam() == Backend::file_system) return temp_.open();
    return shared_;
  }

 private:
  TempDirectory temp_{};
  std::shared_ptr<Directory> shared_ =
      GetParam() == Backend::memory ? MemoryDirectory::create() : testing::CrashDirectory::create();
};

INSTANTIATE_TEST_SUITE_P(Each, WalWriterOver,
                         ::testing::Values(Backend::memory, Backend::file_system, Backend::crash));

template <class E>
std::vector<E> payloads(const std::shared_ptr<Directory>& directory) {
  std::vector<E> found;
  for (auto& record : WalReader<E>::open(directory).value().replay().value()) {
    found.push_back(std::move(record.payload));
    EXPECT_EQ(record.entry_id, EntryId{found.size()});
  }
  return found;
}

TEST_P(WalWriterOver, RoundTrip) {
  auto wal = WalWriter<Put>::open(directory()).value();
  EXPECT_THAT(wal.append({"a", 1}), IsOkAndHolds(EntryId{1}));
  EXPECT_THAT(wal.append_batch({{"b", 2}, {"c", 3}}),
              IsOkAndHolds(EntryIdRange{EntryId{2}, EntryId{3}}));
  EXPECT_THAT(wal.append_async({"d", 4}).value().wait(), IsOk());
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(payloads<Put>(directory()), (std::vector<Put>{{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}}));
}

TEST_P(WalWriterOver, ReopenResumesTheIds) {
  using Origin = RecoveryReport::Origin;
  for (std::uint64_t life = 1; life <= 5; ++life) {
    auto wal = WalWriter<Put>::open(directory()).value();
    EXPECT_EQ(wal.recovery().origin, life == 1 ? Origin::created : Origin::clean_close);
    EXPECT_EQ(wal.next_entry_id(), EntryId{life});
    EXPECT_EQ(wal.durable_entry_id(), EntryId{life - 1});
    EXPECT_EQ(wal.recovery().entries.size(), life - 1);
    EXPECT_THAT(wal.append({"a", life}), IsOkAndHolds(EntryId{life}));
  }
  EXPECT_EQ(payloads<Put>(directory()).size(), 5u);
}

TEST_P(WalWriterOver, OpenWithoutAppendLeavesTheLogAsItIs) {
  { auto wal = WalWriter<Put>::open(directory()).value(); }
  { auto wal = WalWriter<Put>::open(directory()).value(); }
  auto wal = WalWriter<Put>::open(directory()).value();
  EXPECT_EQ(wal.last_entry_id(), std::nullopt);
  EXPECT_THAT(wal.append({"a", 1}), IsOkAndHolds(EntryId{1}));
  EXPECT_EQ(wal.last_entry_id(), EntryId{1});
}

TEST_P(WalWriterOver, SecondOpenIsLockedAndSaysByWhom) {
  auto wal = WalWriter<Put>::open(directory()).value();
  const auto second = WalWriter<Put>::open(directory());
  ASSERT_THAT(second, HasErrc(Errc::locked));
  EXPECT_NE(second.error().message.find("this process has a writer open"), std::string::npos)
      << second.error();
  EXPECT_THAT(wal.append({"a", 1}), IsOk());
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_THAT(WalWriter<Put>::open(directory()), IsOk());
}

TEST_P(WalWriterOver, TypeMustBeTheOneOfTheLog) {
  ASSERT_THAT(WalWriter<NamedPut>::open(directory()).value().append({{"a", 1}}), IsOk());
  EXPECT_THAT(WalWriter<OtherPut>::open(directory()), HasErrc(Errc::incompatible));
  EXPECT_THAT((WalWriter<std::string, BytesCodec>::open(directory())), HasErrc(Errc::incompatible));
  EXPECT_THAT(WalWriter<NamedPut>::open(directory()), IsOk());
  ASSERT_THAT(WalWriter<NewerPut>::open(directory()).value().append({{"b", 2}}), IsOk());
  EXPECT_THAT(WalWriter<NamedPut>::open(directory()), HasErrc(Errc::incompatible))
      << "schema 3 is newer";
}

TEST_P(WalWriterOver, OptionsNameTheTypeInPlaceOfTheDeclaration) {
  ASSERT_THAT(WalWriter<NamedPut>::open(directory()).value().append({{"a", 1}}), IsOk());
  EXPECT_THAT(WalWriter<Put>::open(directory(), {.entry_type = {"other", 2}}),
              HasErrc(Errc::incompatible));
  EXPECT_THAT(WalWriter<Put>::open(directory(), {.entry_type = {"orders.put", 2}}), IsOk());
}

TEST_P(WalWriterOver, TypeWithoutNameKeepsTheLogs) {
  const WalOptions named{.entry_type = {"orders.put", 1}};
  ASSERT_THAT(WalWriter<Put>::open(directory(), named).value().append({"a", 1}), IsOk());
  ASSERT_THAT(WalWriter<Put>::open(directory()).value().append({"b", 2}), IsOk());
  EXPECT_THAT(WalWriter<Put>::open(directory(), {.entry_type = {"orders.get", 1}}),
              HasErrc(Errc::incompatible));
  EXPECT_THAT(WalWriter<Put>::open(directory(), named), IsOk());
}

TEST_P(WalWriterOver, TypeWithoutNameChecksNoSchema) {
  const auto open = [&](EntryType type) {
    return WalWriter<std::string, BytesCodec>::open(directory(), {.entry_type = type});
  };
  ASSERT_THAT(open({"lines", 2}).value().append("a"), IsOk());
  ASSERT_THAT(open({}).value().append("b"), IsOk());
  EXPECT_THAT(open({"lines", 1}), HasErrc(Errc::incompatible)) << "the log kept its schema";
  const auto reader = WalReader<std::string, BytesCodec>::open(directory()).value();
  EXPECT_THAT(reader.entry_count(), IsOkAndHolds(2u));
}

TEST_P(WalWriterOver, ExpectDurableThroughRefusesALogThatLacksIt) {
  const WalOptions floor{.expect_durable_through = EntryId{2}};
  const auto none = WalWriter<Put>::open(directory(), floor);
  ASSERT_THAT(none, HasErrc(Errc::corrupt));
  EXPECT_EQ(none.error().lost.last, EntryId{2});
  ASSERT_THAT(WalWriter<Put>::open(directory()).value().append({"a", 1}), IsOk());
  EXPECT_THAT(WalWriter<Put>::open(directory(), floor), HasErrc(Errc::corrupt));
  ASSERT_THAT(WalWriter<Put>::open(directory()).value().append({"b", 2}), IsOk());
  EXPECT_THAT(WalWriter<Put>::open(directory(), floor), IsOk());
}

TEST_P(WalWriterOver, VerdictOfAHealthyWriter) {
  auto wal = WalWriter<Put>::open(directory(), {.flush = FlushPolicy::manual()}).value();
  ASSERT_THAT(wal.append({"a", 1}), IsOk());
  ASSERT_THAT(wal.sync(), IsOk());
  ASSERT_THAT(wal.append({"b", 2}), IsOk());
  const Verdict verdict = wal.verdict();
  EXPECT_EQ(verdict.durable_through, EntryId{1});
  EXPECT_EQ(verdict.in_doubt, (EntryIdRange{EntryId{2}, EntryId{2}}));
  EXPECT_FALSE(verdict.failure);
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(wal.verdict().durable_through, EntryId{2});
  EXPECT_TRUE(wal.verdict().in_doubt.empty());
}

TEST_P(WalWriterOver, ClosedAndMovedFromAnswerClosed) {
  auto first = WalWriter<Put>::open(directory()).value();
  auto second = std::move(first);
  EXPECT_THAT(second.append({"a", 1}), IsOk());
  ASSERT_THAT(second.close(), IsOk());
  for (auto* wal : {&first, &second}) {
    EXPECT_THAT(wal->append({"b", 2}), HasErrc(Errc::closed));
    EXPECT_THAT(wal->append_batch({{"b", 2}}), HasErrc(Errc::closed));
    EXPECT_THAT(wal->append_batch({}), HasErrc(Errc::closed));
    EXPECT_THAT(wal->append_async({"b", 2}), HasErrc(Errc::closed));
    EXPECT_THAT(wal->flush(), HasErrc(Errc::closed));
    EXPECT_THAT(wal->sync(), HasErrc(Errc::closed));
    EXPECT_THAT(wal->close(), HasErrc(Errc::closed));
  }
  EXPECT_THAT(second.wait_durable(EntryId{1}), IsOk());
  EXPECT_EQ(second.last_entry_id(), EntryId{1});
  EXPECT_EQ(first.last_entry_id(), std::nullopt);
  EXPECT_TRUE(first.verdict().failure);
}

TEST_P(WalWriterOver, AssigningClosesWhatWasHeld) {
  auto wal = WalWriter<Put>::open(directory(), {.subdirectory = "a"}).value();
  ASSERT_THAT(wal.append({"a", 1}), IsOk());
  wal = WalWriter<Put>::open(directory(), {.subdirectory = "b"}).value();
  const auto first = WalWriter<Put>::open(directory(), {.subdirectory = "a"});
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->recovery().origin, RecoveryReport::Origin::clean_close);
  EXPECT_EQ(first->last_entry_id(), EntryId{1});
  EXPECT_THAT(wal.append({"b", 2}), IsOkAndHolds(EntryId{1}));
}

TEST_P(WalWriterOver, WaitForWhatWasNeverAppendedIsNotFound) {
  auto wal = WalWriter<Put>::open(directory()).value();
  EXPECT_THAT(wal.wait_durable(EntryId{}), IsOk());
  EXPECT_THAT(wal.wait_durable(EntryId{1}), HasErrc(Errc::not_found));
}

TEST_P(WalWriterOver, StatsCountWhatWasWritten) {
  auto wal = WalWriter<std::string, BytesCodec>::open(directory()).value();
  ASSERT_THAT(wal.append(std::string(100, 'x')), IsOk());
  ASSERT_THAT(wal.append_batch({std::string(50, 'x'), ""}), IsOk());
  const WalStats stats = wal.stats();
  EXPECT_EQ(stats.entries, 3u);
  EXPECT_EQ(stats.payload_bytes, 150u);
  EXPECT_EQ(stats.frames, 2u);
  EXPECT_EQ(stats.syncs, 2u);
  EXPECT_GE(stats.written_bytes, 150u + 2 * 64);
  EXPECT_LE(stats.sync_time_max, stats.sync_time);
}

TEST_P(WalWriterOver, RecoveryReportReadsWell) {
  { auto wal = WalWriter<Put>::open(directory()).value(); }
  ASSERT_THAT(WalWriter<Put>::open(directory()).value().append({"a", 1}), IsOk());
  directory()
      ->subdirectory("wal", OpenMode::write)
      .value()
      ->open("notes", OpenMode::create)
      .value();
  const auto wal = WalWriter<Put>::open(directory()).value();
  const RecoveryReport report = wal.recovery();
  EXPECT_EQ(report.foreign_files, std::vector<std::string>{"notes"});
  const std::string text = to_string(report);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_NE(text.find("1..1"), std::string::npos) << text;
  EXPECT_NE(text.find("notes"), std::string::npos) << text;
}

TEST(WalWriter, OneKilledLeavesItsEntriesAndNoLock) {
  const TempDirectory temp;
  Channel ready;
  Child child([&] {
    auto wal = WalWriter<Put>::open(temp.open()).value();
    for (std::uint64_t n = 1; n <= 10; ++n) wal.append({"a", n}).value();
    ready.say("appended");
    ::pause();
  });
  ASSERT_EQ(ready.wait(), "appended");
  EXPECT_THAT(WalWriter<Put>::open(temp.open()), HasErrc(Errc::locked));
  child.kill_and_wait();
  auto wal = WalWriter<Put>::open(temp.open());
  ASSERT_THAT(wal, IsOk());
  EXPECT_EQ(wal->recovery().origin, RecoveryReport::Origin::crash);
  EXPECT_THAT(wal->append({"a", 11}), IsOkAndHolds(EntryId{11}));
  ASSERT_THAT(wal->close(), IsOk());
  EXPECT_EQ(payloads<Put>(temp.open()).size(), 11u);
}

}  // namespace
}  // namespace walkit
