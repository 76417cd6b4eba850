// Replay and verify with helper threads where memory runs out, for the caller or for a helper: the
// answer is right, or the caller's `no_memory`.

#include "log/writer_harness.hpp"
#include "starvation.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"

namespace walkit {
namespace {

using starvation::Failing;
using starvation::for_each_allocation;
using starvation::starved;
using Home = std::shared_ptr<Directory>;

constexpr std::uint64_t kEntries = 30;

/// One closed segment that is read in several pieces.
Home make_log(Compression compression) {
  Home home = MemoryDirectory::create();
  auto wal = Wal::open(home, {.preallocation = Preallocation::none, .compression = compression});
  for (std::uint64_t n = 1; n <= kEntries; ++n) {
    EXPECT_THAT(wal->append(entry_text(7 * n + 1, 140'000) + std::string(70'000, 'x')), IsOk());
  }
  EXPECT_THAT(wal->close(), IsOk());
  return home;
}

Result<std::uint64_t> count(const Home& home) {
  const auto reader = Reader::open(home, {.threads = 2});
  if (!reader) return reader.error();
  return reader->entry_count();
}

Result<EntryId> verified(const Home& home) {
  const auto care = WalMaintenance::open(home, {.threads = 2});
  if (!care) return care.error();
  const auto report = care->verify();
  if (!report) return report.error();
  return report->damage.empty() ? report->entries.last : EntryId{};
}

template <class T>
void expect_sound(const Result<T>& answer, const T& right) {
  if (answer) {
    EXPECT_EQ(*answer, right);
  } else {
    EXPECT_THAT(answer, HasErrc(Errc::no_memory));
  }
}

TEST(NoMemoryAhead, CallersIsAnErrorOrDoesNoHarm) {
  for (const Compression compression : {Compression::none, Compression::lz4}) {
    const Home home = make_log(compression);
    for_each_allocation([&](std::size_t nth, Failing how) {
      expect_sound(starved(nth, how, [&] { return verified(home); }), EntryId{kEntries});
      const bool hit = starvation::met();
      expect_sound(starved(nth, how, [&] { return count(home); }), kEntries);
      starvation::set_met(hit || starvation::met());
    });
  }
}

TEST(NoMemoryAhead, HelpersDoesNoHarm) {
  for (const Compression compression : {Compression::none, Compression::lz4}) {
    const Home home = make_log(compression);
    for (std::size_t nth = 0; nth < 40; ++nth) {
      starvation::begin_for_others(nth);
      const auto counted = count(home);
      const auto last = verified(home);
      starvation::end_for_others();
      EXPECT_THAT(counted, testing::IsOkAndHolds(kEntries)) << nth;
      EXPECT_THAT(last, testing::IsOkAndHolds(EntryId{kEntries})) << nth;
    }
  }
}

}  // namespace
}  // namespace walkit
