// One entry by its id, and what the answer means where it is not there.
#include <optional>
#include <string>
#include <walkit/walkit.hpp>

#include "check.hpp"

using Log = walkit::WalReader<std::string>;

/// What to tell somebody who asks for an entry.
std::string answer(const Log& log, walkit::EntryId id) {
  const auto record = log.read(id);
  if (record) return record->payload;
  switch (record.error().code) {
    case walkit::Errc::not_found:
      return "not written yet";
    case walkit::Errc::gap:
      return "no longer kept";
    default:
      return to_string(record.error());
  }
}

int main() {
  const auto dir = walkit::FsDirectory::open("log").value();
  auto wal = walkit::WalWriter<std::string>::open(dir, {.segment_bytes = 4096}).value();
  for (int i = 1; i <= 200; ++i) CHECK(wal.append(std::string(100, 'x') + std::to_string(i)));
  CHECK(wal.stats().rotations > 2);

  const Log log = Log::open(dir).value();
  for (const int id : {1, 200, 77, 78, 3}) {
    const std::string text = answer(log, walkit::EntryId{static_cast<std::uint64_t>(id)});
    CHECK(text == std::string(100, 'x') + std::to_string(id));
  }
  CHECK(answer(log, walkit::EntryId{201}) == "not written yet");
  CHECK(wal.append("now"));
  CHECK(answer(log, walkit::EntryId{201}) == "now");  // each call looks anew

  // A part of the log.
  int given = 0;
  const auto apply = [&](const walkit::WalRecord<std::string>&) { ++given; };
  using walkit::EntryId;
  const auto part =
      log.replay_range({EntryId{5}, EntryId{9}}, walkit::ReplayMode::strict, apply).value();
  CHECK(given == 5 && part.entries.first == EntryId{5});
  CHECK(part.end == walkit::ReplaySummary::End::reached_last);
  const auto beyond = log.replay_until(EntryId{500}, walkit::ReplayMode::strict, apply);
  CHECK(!beyond && beyond.error().code == walkit::Errc::not_found);
}
