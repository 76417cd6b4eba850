// A fork's child has the writer's memory and nothing of its rights.

#include <atomic>
#include <thread>

#include "io/child_process.hpp"
#include "io/temp_directory.hpp"
#include "log/writer_harness.hpp"

namespace walkit {
namespace {

using namespace std::chrono_literals;

// Every call answers `closed`; none hangs, close and the destructor neither.
void expect_powerless(Wal wal) {
  EXPECT_THAT(wal.append("from the child"), HasErrc(Errc::closed));
  EXPECT_THAT(wal.append_async("from the child"), HasErrc(Errc::closed));
  EXPECT_THAT(wal.append(std::string(3 << 20, 'x')), HasErrc(Errc::closed));
  EXPECT_THAT(wal.sync(), HasErrc(Errc::closed));
  EXPECT_THAT(wal.close(), HasErrc(Errc::closed));
}

void fork_beside(WalOptions options, bool starts_thread) {
  const TempDirectory temp;
  auto wal = Wal::open(temp.open(), options).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  const Status second = starts_thread ? wal.append_async("b").value().wait()
                                      : wal.append_batch({"b"}).map([](auto) {});
  ASSERT_THAT(second, IsOk());
  ASSERT_THAT(wal.sync(), IsOk());
  expect_in_child([&] { expect_powerless(std::move(wal)); });
  EXPECT_THAT(wal.append("c"), IsOkAndHolds(EntryId{3}));
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(read_all(temp.open()).value(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Fork, ChildIsPowerlessWithoutTheLogsThread) {
  fork_beside({}, false);
  fork_beside({.flush = FlushPolicy::manual()}, false);
}

TEST(Fork, ChildIsPowerlessBesideTheLogsThread) {
  fork_beside({}, true);
  fork_beside({.flush = FlushPolicy::interval(1h)}, true);
}

TEST(Fork, ChildMayDropWritersAndTicketsUntouched) {
  const TempDirectory temp;
  auto wal = Wal::open(temp.open(), {.flush = FlushPolicy::interval(1h)}).value();
  Ticket ticket = wal.append_async("a").value();
  expect_in_child([&] {
    { const Wal dropped = std::move(wal); }
    EXPECT_THAT(ticket.wait(), HasErrc(Errc::closed));
    ticket = Ticket();
  });
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(read_all(temp.open()).value(), std::vector<std::string>{"a"});
}

// Prefill would write zeros where the parent has put frames meanwhile.
TEST(Fork, ChildMakesNoRoom) {
  const TempDirectory temp;
  auto wal = Wal::open(temp.open(), {.flush = FlushPolicy::manual()}).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  const std::string file = "wal/" + segment_files(temp.open()).at(0);
  const auto before = std::filesystem::file_size(temp / file.c_str());
  expect_in_child(
      [&] { EXPECT_THAT(wal.append(std::string(3 << 20, 'x')), HasErrc(Errc::closed)); });
  EXPECT_EQ(std::filesystem::file_size(temp / file.c_str()), before);
}

// Forks while others write and sync: what they hold is held for ever in the child.
TEST(Fork, ChildOfABusyWriterDoesNotHang) {
  const TempDirectory temp;
  auto wal = Wal::open(temp.open()).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  std::atomic<bool> stop = false;
  std::atomic<int> appended = 0;
  std::thread busy([&] {
    for (; !stop; ++appended) wal.append(std::string(20'000, 'x')).value();
  });
  for (int n = 0; n < 20; ++n) {
    for (const int before = appended; appended == before;) std::this_thread::yield();
    expect_in_child([&] { expect_powerless(std::move(wal)); });
  }
  stop = true;
  busy.join();
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_THAT(read_all(temp.open()), IsOk());
}

TEST(Fork, LockIsFreeOnceTheParentIsDoneWhateverTheChildDoes) {
  const TempDirectory temp;
  auto wal = Wal::open(temp.open()).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  Channel done;
  Child child([&] {
    done.stop_talking();
    EXPECT_EQ(done.wait(), "");
  });
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_THAT(Wal::open(temp.open()), IsOk());
  done.stop_talking();
  EXPECT_TRUE(child.succeeded());
}

}  // namespace
}  // namespace walkit
