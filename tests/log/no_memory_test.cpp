// Every allocation of every call fails once, alone and with all that follow it.

#include <array>
#include <functional>
#include <future>

#include "log/writer_harness.hpp"
#include "starvation.hpp"
#include "walkit/cereal_codec.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit {
namespace {

using starvation::Failing;
using starvation::for_each_allocation;
using starvation::met;
using starvation::set_met;
using starvation::starved;

template <class R>
bool is_memory_error(const R& result) {
  return result.error().code == Errc::no_memory || result.error().code == Errc::poisoned;
}

// A declared type name that does not fit into the string itself, and small segments.
WalOptions starving_options(FlushPolicy flush = {}) {
  return {.flush = flush, .segment_bytes = 4096, .entry_type = {"an entry type with a long name"}};
}

using AppendCall = std::function<Result<EntryId>(Wal&, const std::vector<std::string>&)>;

// `before` entries stand in the log, then comes the call, then the log goes on or is opened again.
void starve_append(std::uint64_t before, FlushPolicy flush, const AppendCall& append,
                   std::vector<std::string> call) {
  for_each_allocation([&](std::size_t nth, Failing how) {
    const auto directory = MemoryDirectory::create();
    std::vector<std::string> submitted(before, std::string(300, 'x'));
    auto wal = Wal::open(directory, starving_options(flush)).value();
    for (const std::string& text : submitted) ASSERT_THAT(wal.append(text), IsOk());
    const auto id = starved(nth, how, [&] { return append(wal, call); });
    const bool hit = met();
    const std::uint64_t next = wal.next_entry_id().value;
    std::uint64_t sure = before;
    if (id) {
      sure = id->value;
    } else {
      EXPECT_TRUE(is_memory_error(id)) << id.error();
    }
    if (!id && id.error().code == Errc::no_memory) {
      EXPECT_EQ(next, before + 1) << "an id was used";
      EXPECT_FALSE(wal.verdict().failure);
      const auto again = append(wal, call);
      ASSERT_THAT(again, IsOk()) << "it does not go on";
      sure = again->value;
    }
    submitted.insert(submitted.end(), call.begin(), call.end());
    const Status closed = wal.close();
    EXPECT_TRUE(closed || !id) << "acknowledged, and then not closed: " << closed.error();
    expect_recovers(directory, submitted, closed || flush == FlushPolicy() ? sure : 0);
    set_met(hit);
  });
}

Result<EntryId> append_one(Wal& wal, const std::vector<std::string>& texts) {
  return wal.append(texts.front());
}

Result<EntryId> append_many(Wal& wal, const std::vector<std::string>& texts) {
  auto ids = wal.append_batch(texts);
  if (!ids) return std::move(ids).error();
  return ids->last;
}

Result<EntryId> append_ticket(Wal& wal, const std::vector<std::string>& texts) {
  auto ticket = wal.append_batch_async(texts);
  if (!ticket) return std::move(ticket).error();
  return ticket->entry_id();
}

TEST(NoMemory, FirstAppend) { starve_append(0, {}, append_one, {std::string(300, 'x')}); }

TEST(NoMemory, AppendLargerThanAnyBefore) {
  starve_append(3, {}, append_one, {std::string(2000, 'x')});
}

TEST(NoMemory, SteadyAppendTakesNone) {
  auto bytes = Wal::open(MemoryDirectory::create(), starving_options({})).value();
  auto typed =
      WalWriter<std::vector<std::string>>::open(MemoryDirectory::create(), starving_options({}))
          .value();
  const std::string text(300, 'x');
  const std::vector<std::string> texts(3, std::string(100, 'x'));
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(bytes.append(text), IsOk());
    ASSERT_THAT(typed.append(texts), IsOk());
  }
  EXPECT_THAT(starved(0, Failing::from_there_on, [&] { return bytes.append(text); }), IsOk());
  EXPECT_THAT(starved(0, Failing::from_there_on, [&] { return typed.append(texts); }), IsOk());
}

TEST(NoMemory, RotatingAppend) { starve_append(1, {}, append_one, {std::string(3800, 'x')}); }

TEST(NoMemory, RotatingAppendOverABuffer) {
  starve_append(9, FlushPolicy::manual(), append_one, {std::string(3800, 'x')});
}

TEST(NoMemory, Batch) {
  starve_append(1, {}, append_many, std::vector<std::string>(5, std::string(100, 'x')));
}

TEST(NoMemory, AppendAsyncThatStartsTheThread) {
  starve_append(1, FlushPolicy::manual(), append_ticket, {std::string(100, 'x')});
}

// For want of memory a frame stays as it is; what was accepted does not fail for it.
TEST(NoMemory, CompressionThatHasNoneStoresPlain) {
  for (const Compression compression : {Compression::lz4, Compression::zstd}) {
    const auto directory = MemoryDirectory::create();
    WalOptions options = starving_options(FlushPolicy::manual());
    options.compression = compression;
    auto wal = Wal::open(directory, options).value();
    const std::string text(1000, 'x');
    ASSERT_THAT(wal.append(text), IsOk());
    EXPECT_THAT(starved(0, Failing::from_there_on, [&] { return wal.flush(); }), IsOk());
    EXPECT_TRUE(met()) << "no allocation was met";
    const std::uint64_t plain_bytes = wal.stats().written_bytes;
    EXPECT_GT(plain_bytes, text.size());
    ASSERT_THAT(wal.append(text), IsOk());
    EXPECT_THAT(wal.flush(), IsOk());
    EXPECT_LT(wal.stats().written_bytes, plain_bytes + 200);
    ASSERT_THAT(wal.close(), IsOk());
    expect_recovers(directory, {text, text}, 2);
  }
}

TEST(NoMemory, SyncPoisonsOrSucceeds) {
  for_each_allocation([](std::size_t nth, Failing how) {
    const auto directory = MemoryDirectory::create();
    WalOptions options = starving_options(FlushPolicy::manual());
    options.preallocation = Preallocation::none;  // so that a write makes the file grow
    auto wal = Wal::open(directory, options).value();
    for (int n = 0; n < 3; ++n) ASSERT_THAT(wal.append("a"), IsOk());
    const Status synced = starved(nth, how, [&] { return wal.sync(); });
    const bool hit = met();
    EXPECT_TRUE(synced || is_memory_error(synced)) << synced.error();
    EXPECT_EQ(synced.has_value(), !wal.verdict().failure);
    EXPECT_EQ(wal.verdict().durable_through, EntryId{synced ? 3u : 0u});
    EXPECT_EQ(wal.close().has_value(), synced.has_value());
    expect_recovers(directory, {"a", "a", "a"}, synced ? 3 : 0);
    set_met(hit);
  });
}

TEST(NoMemory, CallbackIsCalledOnceNonetheless) {
  for_each_allocation([](std::size_t nth, Failing how) {
    auto wal =
        Wal::open(MemoryDirectory::create(), starving_options(FlushPolicy::manual())).value();
    const Ticket ticket = wal.append_async("a").value();
    int calls = 0;
    starved(nth, how, [&] {
      ticket.on_durable(
          [&calls, pad = std::array<char, 100>{}](const Status&) { calls += pad[0] == 0; });
      return 0;
    });
    const bool hit = met();
    ASSERT_THAT(wal.close(), IsOk());
    EXPECT_EQ(calls, 1);
    set_met(hit);
  });
}

// The log's thread has nobody to throw to.
TEST(NoMemory, LogsOwnThreadAnswersEveryTicket) {
  std::size_t starved_runs = 0;
  for (std::size_t nth = 0;; ++nth) {
    SCOPED_TRACE("allocation " + std::to_string(nth) + " of the log's thread");
    const auto directory = MemoryDirectory::create();
    WalOptions options = starving_options(FlushPolicy::manual());
    options.preallocation = Preallocation::none;  // so that a write makes the file grow
    std::vector<Status> answers(3, Status(Error{.code = Errc::closed}));
    std::size_t hit = 0, durable = 0;
    {
      auto wal = Wal::open(directory, options).value();
      for (Status& answer : answers) {
        const Ticket ticket = wal.append_async(std::string(100, 'x')).value();
        std::promise<void> answered;
        starvation::begin_for_others(nth);
        ticket.on_durable([&](Status status) {
          answer = std::move(status);
          answered.set_value();
        });
        answered.get_future().wait();
        starvation::end_for_others();
        hit += starvation::met_by_others();
        EXPECT_TRUE(answer || is_memory_error(answer)) << answer.error();
        if (!answer) break;
        ++durable;
      }
      EXPECT_EQ(wal.verdict().durable_through, EntryId{durable});
      EXPECT_EQ(wal.close().has_value(), hit == 0 || durable == answers.size());
    }
    expect_recovers(directory, std::vector(3, std::string(100, 'x')), durable);
    if (hit == 0) break;
    ++starved_runs;
  }
  EXPECT_GE(starved_runs, 1u);
}

TEST(NoMemory, CloseSaysSoAndTheLogStaysWhole) {
  for_each_allocation([](std::size_t nth, Failing how) {
    const auto directory = MemoryDirectory::create();
    auto wal = Wal::open(directory, starving_options()).value();
    ASSERT_THAT(wal.append("a"), IsOk());
    const Status closed = starved(nth, how, [&] { return wal.close(); });
    const bool hit = met();
    EXPECT_TRUE(closed || is_memory_error(closed)) << closed.error();
    EXPECT_THAT(wal.append("b"), HasErrc(Errc::closed));
    expect_recovers(directory, {"a"}, 1);
    set_met(hit);
  });
}

// Poisoned, and then closed.
TEST(NoMemory, RefusalsKeepTheirCode) {
  for_each_allocation([](std::size_t nth, Failing how) {
    const auto directory = CrashDirectory::create();
    auto wal = Wal::open(directory, starving_options(FlushPolicy::manual())).value();
    ASSERT_THAT(wal.append("a"), IsOk());
    directory->fail_at(directory->operation_count() + 1, Errc::io);
    ASSERT_THAT(wal.sync(), HasErrc(Errc::poisoned));
    const auto codes = starved(nth, how, [&] {
      const Errc failure = wal.verdict().failure->code;
      return std::array{failure, wal.sync().error().code, wal.close().error().code,
                        wal.sync().error().code, wal.close().error().code};
    });
    EXPECT_THAT(codes, ::testing::ElementsAre(Errc::io, Errc::poisoned, Errc::poisoned,
                                              Errc::closed, Errc::closed));
  });
}

// Leaves a log of three entries, closed or not.
std::shared_ptr<Directory> log_of_three(bool closes) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory, starving_options()).value();
  for (int n = 0; n < 3; ++n) EXPECT_THAT(wal.append(std::string(2000, 'x')), IsOk());
  if (closes) wal.close().value();
  return directory->crash(Crash::process_kill);
}

void starve_open(const std::function<std::shared_ptr<Directory>()>& make,
                 std::vector<std::string> entries) {
  for_each_allocation([&](std::size_t nth, Failing how) {
    const auto directory = make();
    bool hit = false;
    {
      const WalOptions options = starving_options();
      const auto wal = starved(nth, how, [&] { return Wal::open(directory, options); });
      hit = met();
      EXPECT_TRUE(wal || is_memory_error(wal)) << wal.error();
    }
    expect_recovers(directory, entries, entries.size());
    set_met(hit);
  });
}

TEST(NoMemory, OpenOfANewLog) { starve_open(MemoryDirectory::create, {}); }

TEST(NoMemory, OpenAfterACleanClose) {
  starve_open([] { return log_of_three(true); }, std::vector(3, std::string(2000, 'x')));
}

TEST(NoMemory, OpenAfterACrash) {
  starve_open([] { return log_of_three(false); }, std::vector(3, std::string(2000, 'x')));
}

TEST(NoMemory, ReplaySaysSo) {
  const auto directory = log_of_three(true);
  const auto count_entries = [&]() -> Result<std::size_t> {
    auto reader = Reader::open(directory);
    if (!reader) return std::move(reader).error();
    auto records = reader->replay();
    if (!records) return std::move(records).error();
    return records->size();
  };
  for_each_allocation([&](std::size_t nth, Failing how) {
    const auto count = starved(nth, how, count_entries);
    EXPECT_TRUE(count ? *count == 3 : count.error().code == Errc::no_memory) << count.error();
  });
}

}  // namespace
}  // namespace walkit
