// What one life reads of another may be in the cache and nowhere else.

#include <gtest/gtest.h>

#include "log/log_box.hpp"

namespace walkit {
namespace {

Status edit_slots(LogBox& box, const std::function<void(log::ManifestSlot&)>& edit) {
  for (std::size_t i = 0; i < 2; ++i) {
    const Bytes manifest = box.directory->read_file("wal/MANIFEST").value();
    const BytesView rest = BytesView(manifest).subspan(i * log::kManifestSlotBytes);
    auto slot = log::decode_manifest_slot(rest.first(log::kManifestSlotBytes));
    if (!slot) return slot.error();
    edit(*slot);
    const log::ManifestSlotBytes bytes = encode(*slot);
    box.change("wal/MANIFEST", [&](Bytes& whole) {
      std::copy(bytes.begin(), bytes.end(),
                whole.begin() + static_cast<std::ptrdiff_t>(i * log::kManifestSlotBytes));
    });
  }
  return {};
}

TEST(CachedEvidence, CleanEndThatWasOnlyReadIsMadeDurableByTheNextClose) {
  LogBox box;
  box.append(3);
  // The manifest's sync is the last operation of a close: it fails, and the page looks clean.
  const auto rehearsal = box.directory->operation_count();
  LogBox same;
  same.append(3).close();
  box.directory->fail_at(same.directory->operation_count(), Errc::io);
  ASSERT_GT(same.directory->operation_count(), rehearsal);
  EXPECT_THAT(box.wal->close(), HasErrc(Errc::poisoned));
  box.kill().open().close();
  for (int state = 0; state < 50; ++state) {
    const auto next = box.directory->crash(Crash::power_cut);
    const auto wal = Wal::open(next, box.options).value();
    EXPECT_EQ(wal.recovery().origin, RecoveryReport::Origin::clean_close);
  }
}

TEST(CachedEvidence, ManifestFromBeforeTheFirstSegmentDemandsNumberOne) {
  LogBox box({.segment_bytes = 4096});
  box.append(200).kill();
  ASSERT_THAT(edit_slots(box,
                         [](log::ManifestSlot& slot) {
                           slot.first_segment = slot.last_segment = 0;
                           slot.durable_through = EntryId{};
                         }),
              IsOk());
  EXPECT_THAT(Wal::open(box.directory->clone(), box.options), IsOk());
  box.remove(box.segment(0));
  EXPECT_THAT(box.try_open(), HasErrc(Errc::corrupt));
}

TEST(CachedEvidence, ManifestWithItsSegmentsOutOfOrderIsNoManifest) {
  LogBox box;
  box.append(3).close();
  const auto break_order = [](log::ManifestSlot& slot) { slot.first_segment += 7; };
  ASSERT_THAT(edit_slots(box, break_order), IsOk());
  EXPECT_THAT(box.try_open(), HasErrc(Errc::corrupt));
  EXPECT_EQ(box.directory->list_files().size(), 3u);
}

TEST(CachedEvidence, FloorStandsBesideAWriterWhoseLockSaysNothing) {
  LogBox box;
  box.append(2);
  box.put("wal/LOCK", Bytes(log::kLockRecordBytes));
  const auto known = [&](std::uint64_t id) {
    return WalReader<std::string, BytesCodec>::open(box.directory,
                                                    {.expect_durable_through = EntryId{id}})
        .value()
        .entry_count();
  };
  EXPECT_THAT(known(2), IsOkAndHolds(2u));
  EXPECT_THAT(known(3), HasErrc(Errc::corrupt));
}

TEST(CachedEvidence, EmptyEntriesCountTowardsTheBufferToo) {
  WalOptions options{.flush = FlushPolicy::manual(), .max_buffer_bytes = 4096};
  auto wal = Wal::open(CrashDirectory::create(), options).value();
  for (int i = 0; i < 5000; ++i) ASSERT_THAT(wal.append(""), IsOk());
  EXPECT_GT(wal.stats().entries, 4000u);
}

TEST(CachedEvidence, TimesBeyondAYearAreRefused) {
  const FlushPolicy never = FlushPolicy::interval(std::chrono::microseconds::max());
  EXPECT_THAT(WalOptions{.flush = never}.validate(), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(WalOptions{.segment_age = std::chrono::seconds::max()}.validate(),
              HasErrc(Errc::invalid_argument));
}

}  // namespace
}  // namespace walkit
