// W5 by walkit: opening a log that was left by a crash, or closed.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "walkit/testing/passing_directory.hpp"
#include "walkit_logs.hpp"

namespace walkit::bench {
namespace {

namespace fs = std::filesystem;

/// What a log holds is written beside its folder by who made it.
void remember(const Job& job, std::uint64_t entries) {
  std::ofstream(job.folder + ".entries") << entries;
}
std::uint64_t remembered(const Job& job) {
  std::uint64_t entries = 0;
  std::ifstream(job.folder + ".entries") >> entries;
  return entries;
}

std::uint64_t segments_of(const Job& job) {
  return std::max<std::uint64_t>(2, job.total_bytes / job.segment_bytes);
}

/// Appends until the last of `segments_of` files is all but full. The entries of the first tell how
/// many a file holds; one group less does not rotate.
std::uint64_t fill_segments(const Job& job, BytesWriter& wal) {
  const std::string payload = payload_of(job.entry_bytes);
  const std::uint64_t rotations = segments_of(job);  // the first file counts
  constexpr std::uint64_t kLook = 64;                // appends between two looks
  std::uint64_t entries = 0, in_first = 0;
  const auto append = [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i != count; ++i) must(wal.append(as_bytes(payload)));
    entries += count;
  };
  while (wal.stats().rotations < rotations) {
    append(kLook);
    if (wal.stats().rotations == 1) in_first = entries;
  }
  const std::uint64_t group = (1 << 20) / job.entry_bytes;
  check(in_first > 2 * group, "a segment has to hold more than two groups");
  append(in_first - 2 * group);
  check(wal.stats().rotations == rotations, "the last segment does not hold its entries");
  return entries;
}

/// As a process leaves it that was killed: a few entries are flushed and not proven durable.
Outcome make_crashed(const Job& job) {
  auto& wal = *new BytesWriter(must(BytesWriter::open(directory_of(job), in_bulk(job))));
  Outcome outcome{.entries = fill_segments(job, wal), .segments = segments_of(job)};
  must(wal.sync());
  const std::string payload = payload_of(job.entry_bytes);
  for (int i = 0; i != 8; ++i, ++outcome.entries) must(wal.append(as_bytes(payload)));
  must(wal.flush());
  remember(job, outcome.entries);
  return outcome;
}

/// Very many segments, of a log that was killed.
Outcome make_many(const Job& job) {
  auto& wal = *new BytesWriter(must(BytesWriter::open(directory_of(job), in_bulk(job))));
  const std::string payload = payload_of(job.entry_bytes);
  Outcome outcome{.segments = segments_of(job)};
  for (; wal.stats().rotations < outcome.segments; ++outcome.entries) {
    must(wal.append(as_bytes(payload)));
  }
  must(wal.flush());
  remember(job, outcome.entries);
  return outcome;
}

Outcome make_closed(const Job& job) {
  BytesWriter wal = must(BytesWriter::open(directory_of(job), in_bulk(job)));
  const Outcome outcome{.entries = fill_segments(job, wal), .segments = segments_of(job)};
  must(wal.close());
  remember(job, outcome.entries);
  return outcome;
}

/// Opened to be read, and told where the log ends: without that, opening looks at nothing much.
Outcome open_reader(const Job& job) {
  Outcome outcome;
  const Stopwatch watch;
  const LogReader reader = must(LogReader::open(read_only(job), {}, std::nullopt));
  const auto segments = must(reader.segments());
  watch.stop(outcome);
  outcome.segments = segments.size();
  outcome.entries = segments.back().entries.last.value;
  check(outcome.entries == remembered(job), "the log ends elsewhere");
  return outcome;
}

/// Opened to be read, and the newest entry given.
Outcome open_newest(const Job& job) {
  Outcome outcome;
  const Stopwatch watch;
  const BytesReader reader = must(BytesReader::open(read_only(job)));
  auto newest = reader.newest_first();
  const auto item = newest.begin();
  check(item != newest.end(), "there is no entry");
  outcome.entries = must(std::move(*item)).entry_id.value;
  watch.stop(outcome);
  check(outcome.entries == remembered(job), "the log ends elsewhere");
  return outcome;
}

/// Puts a folder back as it was: segments that were there are never changed, the rest is small.
class Restored {
 public:
  explicit Restored(std::string folder) : folder_(std::move(folder)) {
    for (const auto& entry : fs::directory_iterator(folder_)) {
      std::string& bytes = files_[entry.path().string()];
      if (entry.path().extension() == ".wal") continue;
      std::ifstream in(entry.path(), std::ios::binary);
      bytes.assign(std::istreambuf_iterator<char>(in), {});
    }
  }
  void restore() const {
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (!files_.contains(entry.path().string())) fs::remove_all(entry.path());
    }
    for (const auto& [path, bytes] : files_) {
      if (!path.ends_with(".wal")) std::ofstream(path, std::ios::binary) << bytes;
    }
  }

 private:
  std::string folder_;
  std::map<std::string, std::string> files_{};  // path -> contents
};

class CountingFile final : public testing::PassingFile {
 public:
  CountingFile(std::unique_ptr<File> below, std::uint64_t& syncs)
      : PassingFile(std::move(below)), syncs_(syncs) {}
  Status sync() override {
    ++syncs_;
    return PassingFile::sync();
  }

 private:
  std::uint64_t& syncs_;
};

/// Counts syncs, its subdirectories' included: WalStats begins behind open.
class CountingDirectory final : public testing::PassingDirectory {
 public:
  CountingDirectory(std::shared_ptr<Directory> below, std::uint64_t& syncs)
      : PassingDirectory(std::move(below)), syncs_(syncs) {}
  Status sync() override {
    ++syncs_;
    return PassingDirectory::sync();
  }

 private:
  std::unique_ptr<File> wrap_file(std::string_view /*name*/, std::unique_ptr<File> file) override {
    return std::make_unique<CountingFile>(std::move(file), syncs_);
  }
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view /*name*/,
                                               std::shared_ptr<Directory> below) override {
    return std::make_shared<CountingDirectory>(std::move(below), syncs_);
  }

  std::uint64_t& syncs_;
};

/// Opened to be written: what is not proven durable is written again before it returns.
Outcome open_writer(const Job& job) {
  const Restored before(job.folder + "/wal");
  Outcome outcome;
  {
    const Stopwatch watch;
    std::uint64_t syncs = 0;
    const auto directory = std::make_shared<CountingDirectory>(directory_of(job), syncs);
    const BytesWriter wal = must(BytesWriter::open(directory));
    watch.stop(outcome);
    outcome.groups = syncs;
    outcome.entries = wal.recovery().entries.last.value;
    check(outcome.entries == remembered(job), "the log ends elsewhere");
  }
  before.restore();
  return outcome;
}

const Registration kOpening{
    {"make", "walkit_crashed", "flushed", "fdatasync", make_crashed},
    {"make", "walkit_closed", "flushed", "fdatasync", make_closed},
    {"make", "walkit_many", "flushed", "fdatasync", make_many},
    {"w5", "walkit_reader", "where the log ends", "none", open_reader},
    {"w5", "walkit_newest", "the newest entry", "none", open_newest},
    {"w5", "walkit_writer", "where the log ends", "fdatasync", open_writer},
    {"w5", "walkit_reader_closed", "where the log ends", "none", open_reader},
};

}  // namespace
}  // namespace walkit::bench
