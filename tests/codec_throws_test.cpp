// What a codec throws, at each of its calls in turn, becomes a value: nothing is appended, no id is
// used up, no reader goes on as if the entry were not there.

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "log/writer_harness.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit {
namespace {

enum class Thrown { error, no_memory, number };

/// Which call of the codec throws, counted down to 0, and what.
int calls_left = -1;
Thrown thrown = Thrown::error;

void maybe_throw() {
  if (calls_left < 0 || calls_left-- > 0) return;
  if (thrown == Thrown::no_memory) throw std::bad_alloc();
  if (thrown == Thrown::number) throw 7;
  throw std::runtime_error("no good");
}

struct ThrowingCodec {
  static constexpr CodecId id{"byte"};
  Status encode(const std::string& entry, ByteSink& out) const {
    out.write(std::string_view(entry).substr(0, entry.size() / 2));
    maybe_throw();
    out.write(std::string_view(entry).substr(entry.size() / 2));
    return {};
  }
  Result<std::string> decode(BytesView bytes) const {
    maybe_throw();
    return std::string(as_text(bytes));
  }
};
using Writer = WalWriter<std::string, ThrowingCodec>;
using ThrowingReader = WalReader<std::string, ThrowingCodec>;

template <class Call>
auto throwing_at(int call, Thrown what, Call&& run) {
  calls_left = call;
  thrown = what;
  auto result = run();
  calls_left = -1;
  return result;
}

Errc code_of(Thrown what, Errc of_codec) {
  return what == Thrown::no_memory ? Errc::no_memory : of_codec;
}

const std::vector<std::string> kBatch = {"one", "two", "", "four"};

using Append = std::function<Result<EntryId>(Writer&)>;
const struct {
  const char* name;
  int calls;
  Append append;
} kAppends[] = {
    {"append", 1, [](Writer& w) { return w.append("one"); }},
    {"append_batch", 4,
     [](Writer& w) -> Result<EntryId> {
       const auto ids = w.append_batch(kBatch);
       if (!ids) return ids.error();
       return ids->last;
     }},
    {"append_async", 1,
     [](Writer& w) -> Result<EntryId> {
       const auto ticket = w.append_async("one");
       if (!ticket) return ticket.error();
       return ticket->entry_id();
     }},
    {"append_batch_async", 4,
     [](Writer& w) -> Result<EntryId> {
       const auto ticket = w.append_batch_async(kBatch);
       if (!ticket) return ticket.error();
       return ticket->entry_id();
     }},
};

constexpr Thrown kAllThrown[] = {Thrown::error, Thrown::no_memory, Thrown::number};

TEST(CodecThrows, AppendRefusesUsesNoIdAndGoesOn) {
  for (const auto& way : kAppends) {
    for (const Thrown what : kAllThrown) {
      for (int at = 0; at < way.calls; ++at) {
        SCOPED_TRACE(std::string(way.name) + ", call " + std::to_string(at));
        const auto directory = MemoryDirectory::create();
        auto wal = Writer::open(directory).value();
        ASSERT_THAT(wal.append("zero"), IsOk());
        const auto refused = throwing_at(at, what, [&] { return way.append(wal); });
        EXPECT_THAT(refused, HasErrc(code_of(what, Errc::encode)));
        EXPECT_EQ(wal.next_entry_id(), EntryId{2});
        EXPECT_FALSE(wal.verdict().failure);
        EXPECT_THAT(way.append(wal), IsOkAndHolds(EntryId{1u + (way.calls == 1 ? 1 : 4)}));
        ASSERT_THAT(wal.close(), IsOk());
        std::vector<std::string> expected = kBatch;
        if (way.calls == 1) expected.resize(1);
        expected.insert(expected.begin(), "zero");
        EXPECT_THAT(read_all(directory), IsOkAndHolds(expected));
      }
    }
  }
}

constexpr int kEntries = 6;

std::shared_ptr<CrashDirectory> six_entries() {
  const auto directory = CrashDirectory::create();
  auto wal = Writer::open(directory, {.segment_bytes = 4096}).value();
  for (int n = 0; n < kEntries; ++n) {
    EXPECT_THAT(wal.append(std::to_string(n) + std::string(900, 'x')), IsOk());
  }
  wal.close().value();
  return directory;
}

/// What a way of reading gave before it ended, and how.
struct Given {
  std::vector<std::uint64_t> ids{};
  Status end{};
  ReplaySummary summary{};
};
using Read = std::function<Given(const ThrowingReader&)>;

Read replaying(ReplayMode mode) {
  return [=](const ThrowingReader& reader) {
    Given given;
    auto summary = reader.replay_each(
        mode, [&](const auto& record) { given.ids.push_back(record.entry_id.value); });
    if (summary) {
      given.summary = *summary;
    } else {
      given.end = summary.error();
    }
    return given;
  };
}

template <class Make>
Read pulling(Make make) {
  return [=](const ThrowingReader& reader) {
    Given given;
    auto cursor = make(reader);
    for (auto& item : cursor) {
      if (!item) {
        given.end = item.error();
        break;
      }
      given.ids.push_back(item->entry_id.value);
      EXPECT_EQ(cursor.summary().entry_count, given.ids.size());
      if (given.ids.size() == kEntries) break;
    }
    given.summary = cursor.summary();
    return given;
  };
}

Read cursor_of(ReplayMode mode) {
  return pulling([=](const ThrowingReader& reader) { return reader.cursor({}, mode); });
}

TEST(CodecThrows, ReadingEndsAtTheEntryWithTheError) {
  const auto reader = ThrowingReader::open(six_entries()).value();
  const Read ways[] = {replaying(ReplayMode::strict),
                       replaying(ReplayMode::best_effort),
                       cursor_of(ReplayMode::strict),
                       cursor_of(ReplayMode::best_effort),
                       pulling([](const ThrowingReader& r) { return r.newest_first(); }),
                       pulling([](const ThrowingReader& r) { return r.follow({}); })};
  for (const Read& way : ways) {
    const auto all = way(reader).ids;
    ASSERT_EQ(all.size(), std::size_t{kEntries});
    for (const Thrown what : kAllThrown) {
      for (int at = 0; at < kEntries; ++at) {
        const Given given = throwing_at(at, what, [&] { return way(reader); });
        ASSERT_THAT(given.end, HasErrc(code_of(what, Errc::decode)));
        EXPECT_EQ(given.ids, std::vector(all.begin(), all.begin() + at));
        if (what == Thrown::no_memory) continue;
        EXPECT_NE(given.end.error().message.find("entry " + std::to_string(all[at])),
                  std::string::npos)
            << given.end.error();
        EXPECT_FALSE(given.end.error().file.empty());
      }
    }
  }
}

TEST(CodecThrows, SalvageGoesOnAndNamesTheHole) {
  const auto reader = ThrowingReader::open(six_entries()).value();
  for (const Read& way : {replaying(ReplayMode::salvage), cursor_of(ReplayMode::salvage)}) {
    for (const Thrown what : {Thrown::error, Thrown::number}) {
      for (int at = 0; at < kEntries; ++at) {
        const Given given = throwing_at(at, what, [&] { return way(reader); });
        EXPECT_THAT(given.end, IsOk());
        EXPECT_EQ(given.ids.size(), kEntries - 1u);
        EXPECT_EQ(given.summary.entry_count, kEntries - 1u);
        ASSERT_EQ(given.summary.gaps.size(), 1u);
        const EntryId hole{at + 1u};
        EXPECT_EQ(given.summary.gaps[0].lost, (EntryIdRange{hole, hole}));
      }
    }
    // For want of memory an entry is no hole: it may be there the next time.
    const Given starved = throwing_at(2, Thrown::no_memory, [&] { return way(reader); });
    EXPECT_THAT(starved.end, HasErrc(Errc::no_memory));
  }
}

TEST(CodecThrows, HolesOfBothKindsStandInTheirPlaces) {
  const auto directory = six_entries();
  // The third entry of the six, in the file that holds it.
  for (const std::string& file : directory->list_files()) {
    const Bytes bytes = directory->read_file(file).value();
    const auto at = as_text(bytes).find("2xxx");
    if (at != std::string_view::npos) {
      ASSERT_THAT(directory->flip_bit(file, at * 8), IsOk());
    }
  }
  const auto reader = ThrowingReader::open(directory).value();
  for (int at = 0; at < kEntries - 1; ++at) {
    const std::uint64_t thrown_at = at < 2 ? at + 1u : at + 2u;
    std::vector<std::uint64_t> expected = {std::min<std::uint64_t>(thrown_at, 3),
                                           std::max<std::uint64_t>(thrown_at, 3)};
    for (const Read& way : {replaying(ReplayMode::salvage), cursor_of(ReplayMode::salvage)}) {
      const Given given = throwing_at(at, Thrown::error, [&] { return way(reader); });
      std::vector<std::uint64_t> holes;
      for (const Error& gap : given.summary.gaps) holes.push_back(gap.lost.first.value);
      EXPECT_EQ(holes, expected);
      EXPECT_EQ(given.ids.size(), kEntries - 2u);
      EXPECT_EQ(given.summary.entry_count, kEntries - 2u);
    }
  }
}

TEST(CodecThrows, OneReadFailsAndTheNextDoesNot) {
  const auto reader = ThrowingReader::open(six_entries()).value();
  for (const Thrown what : kAllThrown) {
    EXPECT_THAT(throwing_at(0, what, [&] { return reader.read(EntryId{3}); }),
                HasErrc(code_of(what, Errc::decode)));
    EXPECT_THAT(reader.read(EntryId{3}), IsOk());
    const auto collected = throwing_at(4, what, [&] { return reader.replay(); });
    EXPECT_THAT(collected, HasErrc(code_of(what, Errc::decode)));
  }
}

// The callback is the caller's own: what it throws is for the caller.
TEST(CodecThrows, WhatTheCallbackThrowsPassesThrough) {
  const auto reader = ThrowingReader::open(six_entries()).value();
  const auto throws = [](const auto&) { throw std::bad_alloc(); };
  for (const ReplayMode mode : {ReplayMode::strict, ReplayMode::best_effort, ReplayMode::salvage}) {
    EXPECT_THROW(reader.replay_each(mode, throws).ignore("it throws"), std::bad_alloc);
  }
}

}  // namespace
}  // namespace walkit
