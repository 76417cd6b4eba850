// What a repair must not take for granted: ids that nobody remembers, numbers that nobody knows.

#include "log/log_box.hpp"
#include "walkit/maintenance.hpp"

namespace walkit {
namespace {

RepairPlan plan_of(const LogBox& box) {
  return WalMaintenance::open(box.directory).value().plan_repair().value();
}

// A power cut leaves LOCK as it was at open; then the newest segment is lost, and with it all that
// said how many entries it held.
TEST(RepairEvidence, IdsOfASegmentThatIsGoneAreNotGivenAgain) {
  for (const bool removed : {true, false}) {
    LogBox box({.segment_bytes = 4096, .preallocation = Preallocation::none});
    box.append(100);
    auto stale = lock_of(box);
    box.kill();
    const auto newest = log::parse_segment_name(segment_files(box.directory).back()).value();
    stale.durable_through = newest.first - 1;
    put_lock(box, stale);
    if (removed) {
      box.remove(box.newest());
    } else {
      box.change(box.newest(), [](Bytes& bytes) { bytes.assign(bytes.size(), std::byte{0}); });
    }
    const RepairPlan plan = plan_of(box);
    EXPECT_EQ(plan.lost.first, newest.first);
    EXPECT_GE(plan.lost.last, EntryId{100});
    const auto maintenance = WalMaintenance::open(box.directory).value();
    EXPECT_THAT(maintenance.apply(plan), HasErrc(Errc::invalid_argument));
    ASSERT_THAT(maintenance.apply(plan, plan.lost), IsOk());
    EXPECT_GT(box.open().last(), 100u);
  }
}

LogBox two_schemas() {
  LogBox box({.entry_type = {"order", 1}});
  box.append(5).close();
  box.options.entry_type = {"order", 2};
  box.open().append(5).close();
  return box;
}

TEST(RepairEvidence, ADamagedHeaderKeepsItsOwnSchemaNumber) {
  LogBox box = two_schemas();
  const std::string first = segment_files(box.directory)[0];
  box.change(box.segment(0), [](Bytes& bytes) {
    bytes[40] ^= std::byte{0x11};  // two bits of the log's identity
  });
  const RepairPlan plan = plan_of(box);
  EXPECT_TRUE(plan.lost.empty());
  ASSERT_THAT(WalMaintenance::open(box.directory).value().apply(plan), IsOk());
  EXPECT_EQ(read_segment(*box.home(), segment_files(box.directory)[0]).header.schema, 1u);
}

TEST(RepairEvidence, ASchemaNumberIsNeverGuessed) {
  LogBox box = two_schemas();
  box.change(box.segment(0), [](Bytes& bytes) {
    std::fill_n(bytes.begin(), log::kSegmentHeaderBytes, std::byte{0});
  });
  EXPECT_EQ(plan_of(box).lost, (EntryIdRange{EntryId{1}, EntryId{5}}));
}

TEST(RepairEvidence, LockIsNeverMovedAway) {
  LogBox box({.segment_bytes = 4096, .preallocation = Preallocation::none});
  box.append(100).close();
  const Bytes lock = box.directory->read_file("wal/LOCK").value();
  const Bytes segment = box.directory->read_file(box.segment(0)).value();
  box.put(box.segment(0), lock);
  box.put("wal/LOCK", segment);
  const RepairPlan plan = plan_of(box);
  ASSERT_THAT(WalMaintenance::open(box.directory).value().apply(plan, plan.lost), IsOk());
  for (const RepairStep& step : plan_of(box).steps) EXPECT_NE(step.file, "LOCK") << step.why;
}

}  // namespace
}  // namespace walkit
