// Many threads on one writer.

#include <atomic>
#include <functional>
#include <future>
#include <thread>

#include "log/writer_harness.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit {
namespace {

using namespace std::chrono_literals;

void in_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t) threads.emplace_back(body, t);
  for (std::thread& thread : threads) thread.join();
}

constexpr int kThreads = 4;
constexpr int kAppends = 100;

std::string text_of(int thread, int n) {
  return std::to_string(thread) + ":" + std::to_string(n) + std::string(n % 50, 'x');
}

// The id under which each entry was acknowledged, put in the place of the id.
void expect_each_at_its_id(const std::shared_ptr<Directory>& directory,
                           const std::vector<std::vector<EntryId>>& ids) {
  const auto texts = read_all(directory).value();
  std::size_t acknowledged = 0;
  for (int t = 0; t < static_cast<int>(ids.size()); ++t) {
    for (int n = 0; n < static_cast<int>(ids[t].size()); ++n) {
      ASSERT_LE(ids[t][n].value, texts.size());
      EXPECT_EQ(texts[ids[t][n].value - 1], text_of(t, n));
    }
    acknowledged += ids[t].size();
  }
  EXPECT_EQ(texts.size(), acknowledged) << "each is there once";
}

void append_in_threads(const WalOptions& options) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, options).value();
  std::vector<std::vector<EntryId>> ids(kThreads);
  in_threads(kThreads, [&](int t) {
    for (int n = 0; n < kAppends; ++n) {
      if (t == 0) {
        ids[t].push_back(wal.append_async(text_of(t, n)).value().entry_id());
      } else {
        ids[t].push_back(wal.append(text_of(t, n)).value());
      }
      if (n % 40 == t) wal.flush().value();
      if (n % 40 == t + 20) wal.sync().value();
    }
  });
  EXPECT_EQ(wal.next_entry_id(), EntryId{kThreads * kAppends + 1});
  ASSERT_THAT(wal.close(), IsOk());
  expect_each_at_its_id(directory, ids);
}

TEST(GroupCommit, EveryEntryOfEveryThreadIsThereOnceWhateverThePolicy) {
  for (const FlushPolicy policy :
       {FlushPolicy::every_append(), FlushPolicy::every_n(7), FlushPolicy::every_bytes(100),
        FlushPolicy::interval(100us), FlushPolicy::every_n(50).or_after(50us),
        FlushPolicy::manual()}) {
    for (const Durability level : {Durability::flushed, Durability::durable}) {
      append_in_threads({.flush = policy, .durability = level, .segment_bytes = 8192});
    }
  }
}

TEST(GroupCommit, TightBufferOnlySlowsDown) {
  append_in_threads({.flush = FlushPolicy::manual(), .segment_bytes = 4096, .max_buffer_bytes = 1});
  append_in_threads({.segment_bytes = 4096, .layout = Layout::whole_blocks, .max_buffer_bytes = 9});
}

TEST(GroupCommit, ThreadsShareSyncs) {
  auto wal = Wal::open(MemoryDirectory::create()).value();
  in_threads(kThreads, [&](int t) {
    for (int n = 0; n < kAppends; ++n) {
      const EntryId id = wal.append(text_of(t, n)).value();
      EXPECT_GE(wal.durable_entry_id(), id);
    }
  });
  EXPECT_EQ(wal.stats().entries, std::uint64_t{kThreads * kAppends});
  EXPECT_LE(wal.stats().syncs, wal.stats().entries);
  EXPECT_LE(wal.stats().frames, wal.stats().entries);
}

TEST(GroupCommit, BatchesStayTogetherAmongThreads) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, {.segment_bytes = 4096}).value();
  in_threads(kThreads, [&](int t) {
    const std::string text(10, static_cast<char>('a' + t));
    for (int n = 0; n < 30; ++n) {
      EXPECT_EQ(wal.append_batch(std::vector<std::string>(3, text)).value().size(), 3u);
    }
  });
  ASSERT_THAT(wal.close(), IsOk());
  const auto texts = read_all(directory).value();
  ASSERT_EQ(texts.size(), std::size_t{kThreads * 30 * 3});
  for (std::size_t i = 0; i < texts.size(); i += 3) {
    EXPECT_TRUE(texts[i] == texts[i + 1] && texts[i] == texts[i + 2]);
  }
}

TEST(GroupCommit, WaitDurableAndObserversMayRunBesideAppends) {
  auto wal = Wal::open(MemoryDirectory::create(), {.flush = FlushPolicy::manual()}).value();
  in_threads(kThreads, [&](int t) {
    for (int n = 0; n < kAppends; ++n) {
      const EntryId id = wal.append(text_of(t, n)).value();
      if (n % 10 == 0) wal.wait_durable(id).value();
      const Verdict verdict = wal.verdict();
      EXPECT_FALSE(verdict.failure);
      const EntryId durable = wal.durable_entry_id();  // first: both move on
      EXPECT_LT(durable, wal.next_entry_id());
      EXPECT_LE(wal.stats().entries, std::uint64_t{kThreads * kAppends});
    }
  });
}

// What was acknowledged before close() got in is in the log; what came later is `closed`.
void close_among_appends(const WalOptions& options) {
  const auto directory = MemoryDirectory::create();
  auto wal = Wal::open(directory, options).value();
  std::vector<std::vector<EntryId>> ids(kThreads);
  std::atomic<int> appended = 0;
  std::thread closer([&] {
    while (appended < kAppends) std::this_thread::yield();
    EXPECT_THAT(wal.close(), IsOk());
  });
  in_threads(kThreads, [&](int t) {
    for (int n = 0;; ++n) {
      const auto ticket = t % 2 == 0 ? wal.append_async(text_of(t, n)) : Result<Ticket>(Error{});
      const auto id = t % 2 == 0 ? Result<EntryId>(ticket ? ticket->entry_id() : EntryId{})
                                 : wal.append(text_of(t, n));
      const Error* error =
          t % 2 == 0 ? (ticket ? nullptr : &ticket.error()) : (id ? nullptr : &id.error());
      if (error != nullptr) {
        EXPECT_EQ(error->code, Errc::closed) << *error;
        break;
      }
      ids[t].push_back(*id);
      ++appended;
    }
  });
  closer.join();
  expect_each_at_its_id(directory, ids);
}

TEST(GroupCommit, CloseAmongAppendsKeepsAllThatWasAnswered) {
  for (int round = 0; round < 10; ++round) {
    close_among_appends({.segment_bytes = 8192});
    close_among_appends({.flush = FlushPolicy::manual(), .segment_bytes = 8192});
    close_among_appends({.flush = FlushPolicy::interval(20us), .segment_bytes = 8192});
    if (HasFailure()) return;
  }
}

TEST(GroupCommit, TicketsAskedWhileItClosesAreAnsweredDurable) {
  for (int round = 0; round < 20; ++round) {
    auto wal = Wal::open(MemoryDirectory::create(), {.flush = FlushPolicy::manual()}).value();
    std::vector<Ticket> tickets;
    for (int n = 0; n < 50; ++n) tickets.push_back(wal.append_async("a").value());
    std::atomic<int> durable = 0, answers = 0;
    std::thread closer([&] { EXPECT_THAT(wal.close(), IsOk()); });
    for (const Ticket& ticket : tickets) {
      ticket.on_durable([&](const Status& status) { durable += status.has_value(), ++answers; });
      EXPECT_THAT(ticket.wait(), IsOk());
    }
    closer.join();
    EXPECT_EQ(answers, 50);
    EXPECT_EQ(durable, 50);
  }
}

TEST(GroupCommit, OnlyOneOfTwoClosesCloses) {
  auto wal = Wal::open(MemoryDirectory::create()).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  std::atomic<int> closed = 0;
  in_threads(2, [&](int) { closed += wal.close().has_value(); });
  EXPECT_EQ(closed, 1);
}

// Every thread learns of it, none hangs, and nobody is told success for what is in doubt.
TEST(GroupCommit, FailureReachesEveryThread) {
  for (std::uint64_t at = 20; at < 60; ++at) {
    const auto directory = CrashDirectory::create({.seed = at});
    directory->fail_at(at, Errc::io);
    std::vector<std::string> submitted;
    std::atomic<std::uint64_t> acknowledged = 0;
    {
      auto wal = Wal::open(directory, {.segment_bytes = 4096}).value();
      in_threads(3, [&](int) {
        for (int n = 0; n < 20; ++n) {
          const auto id = wal.append(std::string(300, 'x'));
          if (!id) return;
          std::uint64_t before = acknowledged;
          while (before < id->value && !acknowledged.compare_exchange_weak(before, id->value)) {
          }
        }
      });
    }
    submitted.assign(60, std::string(300, 'x'));
    expect_recovers(directory->crash(Crash::power_cut), submitted, acknowledged);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace walkit
