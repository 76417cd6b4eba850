// One cost at one size; scale.py runs them, and says how each grows.
//
//   walkit_scale list
//   walkit_scale COST SIZE FOLDER
//
// Prints one number, in the unit that list tells. FOLDER is new and goes away again; but a log of
// many segments takes long to make: where it is there it is taken, and it stays.

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "walkit_logs.hpp"

namespace walkit::bench {
namespace {

namespace fs = std::filesystem;
using Size = std::uint64_t;

constexpr std::size_t kEntryBytes = 100;

using Reader = WalReader<Bytes, BytesCodec>;

std::shared_ptr<Directory> directory_in(const std::string& folder) {
  return must(FsDirectory::open(folder));
}

template <class Work>
double seconds_of(Work&& work) {
  const double begin = now();
  work();
  return now() - begin;
}

// The best of a few, of what changes nothing: others on the machine only add to it.
template <class Work>
double best_of(int times, Work&& work) {
  double best = seconds_of(work);
  for (int i = 1; i < times; ++i) best = std::min(best, seconds_of(work));
  return best;
}

BytesWriter open_bulk(const std::string& folder) {
  return must(BytesWriter::open(directory_in(folder), in_bulk({})));
}

void append(BytesWriter& wal, Size entries) {
  const std::string payload = payload_of(kEntryBytes);
  for (Size i = 0; i != entries; ++i) must(wal.append(as_bytes(payload)));
  must(wal.flush());
}

// As many segments as asked for, two entries in each.
void make_segments(const std::string& folder, Size segments) {
  if (fs::exists(folder + "/wal")) return;
  constexpr std::uint64_t kSegmentBytes = 4096;
  const std::string payload = payload_of(kSegmentBytes / 2 - 400);
  BytesWriter wal =
      must(BytesWriter::open(directory_in(folder), {.durability = Durability::flushed,
                                                    .segment_bytes = kSegmentBytes,
                                                    .preallocation = Preallocation::none}));
  for (Size i = 0; i != 2 * segments; ++i) must(wal.append(as_bytes(payload)));
  check(wal.stats().rotations == segments, "another number of segments");
  must(wal.close());
}

double append_buffered(const std::string& folder, Size entries) {
  BytesWriter wal = open_bulk(folder);
  return seconds_of([&] { append(wal, entries); }) * 1e9 / static_cast<double>(entries);
}

double append_durable(const std::string& folder, Size threads) {
  const Job job{.folder = folder, .threads = static_cast<unsigned>(threads), .seconds = 0.3};
  const std::string payload = payload_of(kEntryBytes);
  BytesWriter wal = must(BytesWriter::open(directory_in(folder)));
  const Outcome outcome = append_for(job, [&](unsigned) { must(wal.append(as_bytes(payload))); });
  return outcome.seconds * 1e6 / static_cast<double>(outcome.entries);
}

double open_to_write(const std::string& folder, Size segments) {
  make_segments(folder, segments);
  return best_of(5, [&] { must(BytesWriter::open(directory_in(folder))); }) * 1e6;
}

// A reader looks at nothing much when it is opened, but when it is asked.
double open_to_read(const std::string& folder, Size segments) {
  make_segments(folder, segments);
  return best_of(5,
                 [&] {
                   const Reader reader = must(Reader::open(directory_in(folder)));
                   auto newest = reader.newest_first();
                   check(must(std::move(*newest.begin())).entry_id.value == 2 * segments,
                         "another end");
                 }) *
         1e6;
}

double read_first(const std::string& folder, Size segments) {
  make_segments(folder, segments);
  return best_of(5,
                 [&] {
                   const Reader reader = must(Reader::open(directory_in(folder)));
                   must(reader.read(EntryId{segments}));
                 }) *
         1e6;
}

double read_again(const std::string& folder, Size segments) {
  make_segments(folder, segments);
  const Reader reader = must(Reader::open(directory_in(folder)));
  constexpr Size kReads = 2000;
  Size id = 1;
  const auto read_all = [&] {
    for (Size i = 0; i != kReads; ++i) {
      id = (id * 7919 + 13) % (2 * segments) + 1;
      must(reader.read(EntryId{id}));
    }
  };
  read_all();
  return best_of(3, read_all) * 1e6 / kReads;
}

double replay_segments(const std::string& folder, Size segments) {
  make_segments(folder, segments);
  const Reader reader = must(Reader::open(directory_in(folder)));
  return best_of(3, [&] { check(must(reader.entry_count()) == 2 * segments, "another count"); }) *
         1e6;
}

double replay_entries(const std::string& folder, Size entries) {
  {
    BytesWriter wal = open_bulk(folder);
    append(wal, entries);
    must(wal.close());
  }
  const Reader reader = must(Reader::open(directory_in(folder)));
  return best_of(3, [&] { check(must(reader.entry_count()) == entries, "another count"); }) * 1e6;
}

// What a crash left: bytes of one segment that are all proven but for the last entry, which open
// writes again.
double open_after_crash(const std::string& folder, Size mebibytes) {
  {
    auto& wal = *new BytesWriter(open_bulk(folder));
    append(wal, (mebibytes << 20) / kEntryBytes);
    must(wal.sync());
    must(wal.append(as_bytes("unproven")));
    must(wal.flush());
    fs::copy(folder + "/wal", folder + "/left");  // as if killed: the writer is never closed
  }
  double best = 1e9;
  for (int i = 0; i != 3; ++i) {
    const std::string again = folder + "/again" + std::to_string(i);
    fs::create_directories(again);
    fs::copy(folder + "/left", again + "/wal");
    const auto directory = directory_in(again);
    best = std::min(best, seconds_of([&] { must(BytesWriter::open(directory)); }));
  }
  return best * 1e3;
}

// ---- Logs that are open at once ---------------------------------------------------------------

double resident_kib() {
  std::ifstream in("/proc/self/statm");
  double total = 0, resident = 0;
  in >> total >> resident;
  return resident * 4;
}

double descriptors() {
  return static_cast<double>(std::distance(fs::directory_iterator("/proc/self/fd"), {}));
}

double threads() {
  return static_cast<double>(std::distance(fs::directory_iterator("/proc/self/task"), {}));
}

// Each with an entry that is durable.
template <class Look>
double open_at_once(const std::string& folder, Size logs, Look&& look) {
  rlimit limit{};
  check_call(::getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  check_call(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
  std::vector<BytesWriter> open;
  open.reserve(logs);
  const double before = look();
  for (Size i = 0; i != logs; ++i) {
    open.push_back(must(BytesWriter::open(directory_in(folder + "/" + std::to_string(i)))));
    must(open.back().append(as_bytes("an entry")));
  }
  return look() - before;
}

struct Cost {
  std::string_view name, unit, of;
  double (*measure)(const std::string& folder, Size size);
};

constexpr Cost kCosts[] = {
    {"append_buffered", "ns each", "entries", append_buffered},
    {"append_durable", "us each", "threads", append_durable},
    {"open_to_write", "us", "segments", open_to_write},
    {"open_to_read", "us", "segments", open_to_read},
    {"open_after_crash", "ms", "MiB in the newest segment", open_after_crash},
    {"read_first", "us", "segments", read_first},
    {"read_again", "us each", "segments", read_again},
    {"replay_segments", "us", "segments", replay_segments},
    {"replay_entries", "us", "entries", replay_entries},
    {"memory", "KiB", "open logs",
     [](const std::string& folder, Size logs) { return open_at_once(folder, logs, resident_kib); }},
    {"descriptors", "", "open logs",
     [](const std::string& folder, Size logs) { return open_at_once(folder, logs, descriptors); }},
    {"threads", "", "open logs",
     [](const std::string& folder, Size logs) { return open_at_once(folder, logs, threads); }},
};

int run(const Cost& cost, Size size, const std::string& folder) {
  const bool stays = cost.of == "segments";
  if (!stays && fs::exists(folder)) fail(folder + " is there already; it would be removed");
  fs::create_directories(folder);
  std::printf("%.6g\n", cost.measure(folder, size));
  std::fflush(stdout);
  if (!stays) fs::remove_all(folder);
  std::_Exit(0);  // what a crash was to leave is not closed
}

}  // namespace
}  // namespace walkit::bench

int main(int argc, char** argv) {
  using namespace walkit::bench;
  const std::string_view name = argc > 1 ? argv[1] : "";
  for (const Cost& cost : kCosts) {
    if (name == "list")
      std::printf("%s|%s|%s\n", cost.name.data(), cost.unit.data(), cost.of.data());
    if (argc == 4 && name == cost.name)
      return run(cost, std::strtoull(argv[2], nullptr, 10), argv[3]);
  }
  if (name == "list") return 0;
  std::fprintf(stderr, "walkit_scale list | COST SIZE FOLDER\n");
  return 2;
}
