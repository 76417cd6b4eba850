// What open makes of MANIFEST and LOCK where the rest of the log is gone, or not there yet.

#include "log/log_box.hpp"

namespace walkit {
namespace {

Error expect_refused(LogBox& box, Errc code) {
  const Image before = box.image();
  const Status refused = box.try_open();
  EXPECT_THAT(refused, HasErrc(code));
  EXPECT_EQ(box.image(), before);
  return refused ? Error{} : refused.error();
}

TEST(LoneManifest, WithoutAGoodSlotIsNoNewLog) {
  LogBox box;
  box.close();
  box.flip("wal/MANIFEST", 40);
  box.flip("wal/MANIFEST", 4096 + 40);
  EXPECT_EQ(expect_refused(box, Errc::corrupt).file, "MANIFEST");
  EXPECT_THAT(read_all(box.directory), HasErrc(Errc::corrupt));
}

TEST(LoneLock, OfALogThatWasNeverWrittenKeepsNobodyFromCreating) {
  LogBox box;
  box.kill();
  box.remove("wal/MANIFEST");
  EXPECT_EQ(lock_of(box).durable_through, EntryId{});
  EXPECT_EQ(box.open().report().origin, RecoveryReport::Origin::created);
}

// Who holds it may not have written it yet.
TEST(LoneLock, HeldWithoutARecordNamesNobody) {
  LogBox box;
  box.append(1).kill();
  box.put("wal/LOCK", {});
  const auto held = box.home()->lock().value();
  const Error error = expect_refused(box, Errc::locked);
  EXPECT_EQ(error.message.find("process"), std::string::npos) << error;
}

}  // namespace
}  // namespace walkit
