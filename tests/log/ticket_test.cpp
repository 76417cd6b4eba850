// Tickets: who answers them, when, and in which order.

#include <atomic>
#include <chrono>
#include <coroutine>
#include <future>
#include <set>
#include <thread>

#include "log/writer_harness.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit {
namespace {

using namespace std::chrono_literals;

Wal manual_wal(const std::shared_ptr<Directory>& directory = MemoryDirectory::create()) {
  return Wal::open(directory, {.flush = FlushPolicy::manual()}).value();
}

TEST(Ticket, OfNothingIsReadyAndClosed) {
  const Ticket ticket;
  EXPECT_TRUE(ticket.ready());
  EXPECT_THAT(ticket.wait(), HasErrc(Errc::closed));
  Status seen;
  ticket.on_durable([&](Status status) { seen = std::move(status); });
  EXPECT_THAT(seen, HasErrc(Errc::closed));
}

TEST(Ticket, WaitSyncsWhateverThePolicy) {
  for (const Durability level : {Durability::flushed, Durability::durable}) {
    for (const FlushPolicy policy : {FlushPolicy::manual(), FlushPolicy::interval(1h)}) {
      auto wal = Wal::open(MemoryDirectory::create(), {.flush = policy, .durability = level});
      const Ticket first = wal.value().append_async("a").value();
      const Ticket second = wal->append_batch_async(std::vector<std::string>{"b", "c"}).value();
      EXPECT_EQ(second.entry_id(), EntryId{3});
      EXPECT_FALSE(first.ready());
      EXPECT_THAT(second.wait(), IsOk());
      EXPECT_TRUE(first.ready() && second.ready());
      EXPECT_EQ(wal->durable_entry_id(), EntryId{3});
    }
  }
}

// Keeps the log's thread in a callback, so that nothing becomes durable meanwhile.
class HeldThread {
 public:
  explicit HeldThread(Wal& wal) {
    const Ticket ticket = wal.append_async("held").value();
    ticket.on_durable([this](const Status&) {
      id_.set_value(std::this_thread::get_id());
      go_.get_future().wait();
    });
    thread_ = id_.get_future().get();
  }
  [[nodiscard]] std::thread::id id() const { return thread_; }
  void release() { go_.set_value(); }

 private:
  std::promise<std::thread::id> id_{};
  std::promise<void> go_{};
  std::thread::id thread_{};
};

// Asked in the reverse order of their ids.
TEST(Ticket, CallbacksRunOnceEachByIdOnTheLogsThread) {
  auto wal = manual_wal();
  HeldThread held(wal);
  std::vector<Ticket> tickets;
  for (int n = 0; n < 9; ++n) tickets.push_back(wal.append_async("a").value());
  std::vector<std::uint64_t> seen;
  std::set<std::thread::id> threads;
  for (auto it = tickets.rbegin(); it != tickets.rend(); ++it) {
    it->on_durable([&, id = it->entry_id().value](const Status& status) {
      if (status) seen.push_back(id);
      threads.insert(std::this_thread::get_id());
    });
  }
  held.release();
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(threads, std::set{held.id()});
}

TEST(Ticket, CallbackOfWhatIsDurableRunsAtOnce) {
  auto wal = Wal::open(MemoryDirectory::create()).value();
  const Ticket ticket = wal.append_async("a").value();
  ASSERT_THAT(ticket.wait(), IsOk());
  bool called = false;
  ticket.on_durable([&](const Status& status) { called = status.has_value(); });
  EXPECT_TRUE(called);
}

TEST(Ticket, CallbackMayBeMoveOnly) {
  auto wal = manual_wal();
  std::promise<Status> promise;
  auto answer = promise.get_future();
  const Ticket ticket = wal.append_async("a").value();
  ticket.on_durable(
      [p = std::move(promise)](Status status) mutable { p.set_value(std::move(status)); });
  EXPECT_THAT(answer.get(), IsOk());
}

TEST(Ticket, AppendAsyncInACallbackNeverWaitsForBufferSpace) {
  auto wal =
      Wal::open(MemoryDirectory::create(), {.flush = FlushPolicy::manual(), .max_buffer_bytes = 10})
          .value();
  std::promise<Result<Ticket>> inner;
  auto given = inner.get_future();
  const Ticket ticket = wal.append_async("a").value();
  ticket.on_durable([&](const Status&) {
    for (int n = 0; n < 5; ++n) wal.append_async(std::string(100, 'x')).ignore("as many as fit");
    inner.set_value(wal.append_async("last"));
  });
  const Result<Ticket> last = given.get();
  ASSERT_THAT(last, IsOk());
  EXPECT_THAT(last->wait(), IsOk());
  EXPECT_EQ(last->entry_id(), EntryId{7});
}

TEST(Ticket, BlockingCallInACallbackIsRefused) {
  auto wal = manual_wal();
  std::promise<std::vector<Errc>> codes;
  const Ticket ticket = wal.append_async("a").value();
  ticket.on_durable([&](const Status&) {
    const auto later = wal.append_async("b");
    const auto code = [](const auto& r) { return r ? Errc{} : r.error().code; };
    codes.set_value({code(wal.append("c")), code(wal.sync()), code(wal.flush()), code(wal.close()),
                     code(later->wait()), code(wal.wait_durable(EntryId{2}))});
  });
  EXPECT_EQ(codes.get_future().get(), std::vector<Errc>(6, Errc::invalid_argument));
  EXPECT_THAT(wal.append("c"), IsOkAndHolds(EntryId{3}));
  EXPECT_THAT(wal.close(), IsOk());
}

TEST(Ticket, WriterDroppedInItsOwnCallbackIsClosed) {
  const auto directory = MemoryDirectory::create();
  auto wal = std::make_shared<Wal>(manual_wal(directory));
  std::promise<void> dropped;
  const Ticket ticket = wal->append_async("last").value();
  ticket.on_durable([&dropped, owner = std::move(wal)](const Status&) mutable {
    owner.reset();
    dropped.set_value();
  });
  dropped.get_future().wait();
  auto next = Wal::open(directory);
  while (!next && next.error().code == Errc::locked) {
    std::this_thread::yield();
    next = Wal::open(directory);
  }
  EXPECT_EQ(next.value().recovery().origin, RecoveryReport::Origin::clean_close);
}

TEST(Ticket, CloseAnswersWhatIsOpenAndTicketsOutliveTheWriter) {
  std::vector<Ticket> tickets;
  std::atomic<int> durable = 0;
  {
    auto wal = manual_wal();
    for (int n = 0; n < 9; ++n) tickets.push_back(wal.append_async("a").value());
    for (const Ticket& ticket : tickets) {
      ticket.on_durable([&](const Status& status) { durable += status.has_value(); });
    }
  }
  EXPECT_EQ(durable, 9) << "the destructor answers them too";
  for (const Ticket& ticket : tickets) EXPECT_THAT(ticket.wait(), IsOk());
}

TEST(Ticket, FailedSyncAnswersPoisonedOnce) {
  const auto directory = CrashDirectory::create();
  auto wal = manual_wal(directory);
  ASSERT_THAT(wal.append("a"), IsOk());
  ASSERT_THAT(wal.sync(), IsOk());
  const Ticket ticket = wal.append_async("b").value();
  std::vector<Status> answers;
  directory->fail_at(directory->operation_count() + 2, Errc::io);
  ticket.on_durable([&](Status status) { answers.push_back(std::move(status)); });
  EXPECT_THAT(ticket.wait(), HasErrc(Errc::poisoned));
  EXPECT_TRUE(ticket.ready());
  EXPECT_THAT(wal.close(), HasErrc(Errc::poisoned));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_THAT(answers[0], HasErrc(Errc::poisoned));
  bool called = false;
  ticket.on_durable([&](const Status& status) { called = !status; });
  EXPECT_TRUE(called);
}

TEST(Ticket, BoundaryOfThePolicyStartsAGroupThatNobodyWaitsFor) {
  auto wal = Wal::open(MemoryDirectory::create(), {.flush = FlushPolicy::every_n(3)}).value();
  ASSERT_THAT(wal.append_async("a"), IsOk());
  ASSERT_THAT(wal.append_async("b"), IsOk());
  const Ticket third = wal.append_async("c").value();
  while (!third.ready()) std::this_thread::yield();
  EXPECT_EQ(wal.durable_entry_id(), EntryId{3});
}

struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Task append_two(Wal& wal, std::promise<std::vector<EntryId>>& done) {
  const auto first = wal.append_async("a");
  const auto id = co_await first;
  const Ticket second = wal.append_async("b").value();
  const auto next = co_await second;
  done.set_value({id.value(), next.value()});
}

TEST(Ticket, CoAwaitGivesTheIdOnceDurable) {
  auto wal = manual_wal();
  std::promise<std::vector<EntryId>> done;
  append_two(wal, done);
  EXPECT_EQ(done.get_future().get(), (std::vector<EntryId>{EntryId{1}, EntryId{2}}));
  EXPECT_EQ(wal.durable_entry_id(), EntryId{2});
}

Task append_refused(Wal& wal, std::promise<Errc>& done) {
  const auto ticket = wal.append_async("a");
  const auto id = co_await ticket;
  done.set_value(id.error().code);
}

TEST(Ticket, CoAwaitOfARefusedAppendGivesItsError) {
  auto wal = manual_wal();
  ASSERT_THAT(wal.close(), IsOk());
  std::promise<Errc> done;
  append_refused(wal, done);
  EXPECT_EQ(done.get_future().get(), Errc::closed);
}

}  // namespace
}  // namespace walkit
