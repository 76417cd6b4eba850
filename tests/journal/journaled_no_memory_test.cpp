// Every allocation of a journal's calls fails once, alone and with all that follow it.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "starvation.hpp"
#include "walkit/codec.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/journaled.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using starvation::Failing;
using starvation::for_each_allocation;
using starvation::met;
using starvation::set_met;
using starvation::starved;
using testing::IsOk;
using testing::IsOkAndHolds;

/// Lines that do not fit into a string itself; apply answers how many there are.
struct Lines {
  using Entry = std::string;
  std::vector<std::string> all{};
  std::size_t apply(const std::string& line) {
    all.push_back(line);
    return all.size();
  }
};
struct LinesCodec {
  static constexpr CodecId id{"line"};
  Status encode(const Lines& lines, ByteSink& out) const {
    for (const std::string& line : lines.all) out.write(line + "\n");
    return {};
  }
  Result<Lines> decode(BytesView bytes) const {
    Lines lines;
    std::string line;
    for (const char c : as_text(bytes)) {
      if (c != '\n') {
        line += c;
      } else {
        lines.all.push_back(std::exchange(line, {}));
      }
    }
    return lines;
  }
};
using Journal = Journaled<Lines, BytesCodec, LinesCodec>;

const std::string kLine(100, 'l');

std::size_t size_of(const Journal& journal) {
  return journal.read([](const Lines& lines) { return lines.all.size(); });
}

template <class R>
bool is_memory_error(const R& result) {
  return result.error().code == Errc::no_memory || result.error().code == Errc::poisoned;
}

TEST(NoMemoryJournal, AnApplyIsAnErrorAndTheStateIsThatOfTheLog) {
  for_each_allocation([](std::size_t nth, Failing how) {
    const auto directory = MemoryDirectory::create();
    std::size_t applied = 1, logged = 0;
    {
      auto journal = Journal::open(directory, {.checkpoint_every_bytes = 0}).value();
      ASSERT_THAT(journal.apply(kLine), IsOkAndHolds(1u));
      const auto answer = starved(nth, how, [&] { return journal.apply(kLine); });
      set_met(met());
      if (answer) {
        applied = 2;
      } else {
        EXPECT_TRUE(is_memory_error(answer)) << answer.error();
        if (answer.error().code == Errc::no_memory) {
          EXPECT_THAT(journal.apply(kLine), IsOkAndHolds(2u)) << "it goes on";
          applied = 2;
        }
      }
      logged = journal.applied_entry_id().value;
      EXPECT_GE(logged, applied);
    }
    const bool hit = met();
    auto journal = Journal::open(directory).value();
    EXPECT_GE(size_of(journal), applied);
    EXPECT_EQ(size_of(journal), journal.applied_entry_id().value);
    set_met(hit);
  });
}

TEST(NoMemoryJournal, OpeningIsAnErrorAndTheNextOneGoesThrough) {
  const auto directory = MemoryDirectory::create();
  {
    auto journal = Journal::open(directory).value();
    for (int n = 0; n < 3; ++n) ASSERT_THAT(journal.apply(kLine), IsOk());
    ASSERT_THAT(journal.checkpoint(), IsOk());
    ASSERT_THAT(journal.apply(kLine), IsOk());
  }
  for_each_allocation([&](std::size_t nth, Failing how) {
    bool hit = false;
    {
      const auto opened = starved(nth, how, [&] { return Journal::open(directory); });
      hit = met();
      if (opened) {
        EXPECT_EQ(size_of(*opened), 4u);
      } else {
        EXPECT_TRUE(is_memory_error(opened)) << opened.error();
      }
    }
    auto journal = Journal::open(directory);
    ASSERT_THAT(journal, IsOk());
    EXPECT_EQ(size_of(*journal), 4u);
    set_met(hit);
  });
}

TEST(NoMemoryJournal, ACheckpointIsAnErrorAndTheNextOneGoesThrough) {
  for_each_allocation([&](std::size_t nth, Failing how) {
    const auto directory = MemoryDirectory::create();
    auto journal = Journal::open(directory).value();
    ASSERT_THAT(journal.apply(kLine), IsOk());
    const auto taken = starved(nth, how, [&] { return journal.checkpoint(); });
    const bool hit = met();
    if (!taken) {
      EXPECT_TRUE(is_memory_error(taken)) << taken.error();
      if (!journal.verdict().failure || journal.verdict().failure->code == Errc::no_memory) {
        EXPECT_THAT(journal.checkpoint(), IsOkAndHolds(EntryId{1}));
      }
    }
    set_met(hit);
  });
}

}  // namespace
}  // namespace walkit
