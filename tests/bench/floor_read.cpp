// W3: entries that are buffered and written without a sync. W4: all of them read again. W5: what
// opening a log of segments has to look at, where only the newest may be torn.

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "floor_check.hpp"
#include "raw_file.hpp"
#include "record.hpp"
#include "record_file.hpp"
#include "run.hpp"

namespace walkit::bench {
namespace {

Outcome buf1m_falloc_aligned(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  const std::uint64_t entries = job.total_bytes / job.entry_bytes;
  const RawFile file(job.folder + "/floor", O_CREAT | O_RDWR | O_TRUNC);
  const std::uint64_t room = entries * record_bytes(job.entry_bytes) + kMiB;
  check_call(::fallocate(file.fd(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(room)) == 0,
             "fallocate");
  RecordWriter writer(file, job.entry_bytes);
  Outcome outcome;
  const Stopwatch watch;
  for (std::uint64_t i = 0; i != entries; ++i) writer.put(payload);
  writer.finish();
  watch.stop(outcome);
  outcome.entries = entries;
  outcome.disk_bytes = file.size();
  RecordCheck seen(payload, 1);
  seen.file(file);
  check(seen.last() == entries, "a floor's records are missing");
  return outcome;
}

/// The same over files of segment_bytes, each on its way to the device while it is written, and
/// synced when it is full: the device's speed comes in. (Without a start it takes half as long
/// again.)
Outcome buf1m_falloc_synced(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  const std::uint64_t entries = job.total_bytes / job.entry_bytes;
  const std::uint64_t in_each = job.segment_bytes / record_bytes(job.entry_bytes);
  const auto name = [&](std::uint64_t n) { return job.folder + "/floor." + std::to_string(n); };
  Outcome outcome{.entries = entries};
  const auto new_file = [&] {
    RawFile file(name(outcome.segments++), O_CREAT | O_EXCL | O_RDWR);
    check_call(
        ::fallocate(file.fd(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(job.segment_bytes)) == 0,
        "fallocate");
    return file;
  };
  const Stopwatch watch;
  RawFile file = new_file();
  RecordWriter writer(file, job.entry_bytes, RecordWriter::Writeback::at_once);
  for (std::uint64_t i = 0; i != entries; ++i) {
    if (i != 0 && i % in_each == 0) {
      writer.finish();
      file.sync();
      file = new_file();
    }
    writer.put(payload);
  }
  writer.finish();
  watch.stop(outcome);
  outcome.groups = outcome.segments - 1;
  RecordCheck seen(payload, 1);
  for (std::uint64_t n = 0; n != outcome.segments; ++n) seen.file(RawFile(name(n), O_RDONLY));
  check(seen.last() == entries, "a floor's records are missing");
  return outcome;
}

/// One file of records, for the readers below.
Outcome make_records(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  const RawFile file(job.folder + "/records", O_CREAT | O_RDWR | O_TRUNC);
  RecordWriter writer(file, job.entry_bytes);
  while (writer.last() * job.entry_bytes < job.total_bytes) writer.put(payload);
  writer.finish();
  file.sync();
  return {.entries = writer.last(), .disk_bytes = file.size()};
}

/// Calls each(record) for all of a file that is read 1 MiB at a time.
template <class Each>
void read_records(const RawFile& file, std::size_t payload_max, Each&& each) {
  const Blocks buffer = make_blocks(kMiB + record_bytes(payload_max));
  std::size_t held = 0;
  std::uint64_t at = 0;
  while (const std::size_t got = file.read_at(buffer.get() + held, kMiB, at)) {
    at += got;
    held += got;
    const std::size_t walked = walk_records(buffer.get(), held, each);
    held -= walked;
    std::memmove(buffer.get(), buffer.get() + walked, held);
  }
  check(held == 0, "a floor's file ends within a record");
}

template <class Each>
Outcome replay(const Job& job, Each&& each) {
  Outcome outcome;
  std::uint64_t bytes = 0;
  const Stopwatch watch;
  const RawFile file(job.folder + "/records", O_RDONLY);
  ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
  read_records(file, job.entry_bytes, [&](const RecordHead&, std::string_view payload) {
    each(payload);
    ++outcome.entries;
    bytes += payload.size();
  });
  watch.stop(outcome);
  check(bytes == outcome.entries * job.entry_bytes, "a floor's payloads have another size");
  return outcome;
}

Outcome readrec(const Job& job) {
  return replay(job, [](std::string_view) {});
}

Outcome readrec_copy(const Job& job) {
  std::string copy;
  return replay(job, [&](std::string_view payload) { copy.assign(payload); });
}

Outcome mmaprec(const Job& job) {
  Outcome outcome;
  std::uint64_t bytes = 0;
  const Stopwatch watch;
  const RawFile file(job.folder + "/records", O_RDONLY);
  const std::uint64_t size = file.size();
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd(), 0);
  check_call(at != MAP_FAILED, "mmap");
  ::madvise(at, size, MADV_SEQUENTIAL);
  const auto each = [&](const RecordHead&, std::string_view payload) {
    ++outcome.entries;
    bytes += payload.size();
  };
  check(walk_records(static_cast<const char*>(at), size, each) == size, "records are missing");
  ::munmap(at, size);
  watch.stop(outcome);
  check(bytes == outcome.entries * job.entry_bytes, "a floor's payloads have another size");
  return outcome;
}

/// Full segments of records, as a log leaves them that nobody closed.
Outcome make_segments(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  const std::uint64_t segments = std::max<std::uint64_t>(1, job.total_bytes / job.segment_bytes);
  Outcome outcome{.segments = segments};
  for (std::uint64_t segment = 0; segment != segments; ++segment) {
    char name[32];
    std::snprintf(name, sizeof name, "/%020llu.wal", static_cast<unsigned long long>(segment));
    const RawFile file(job.folder + name, O_CREAT | O_RDWR | O_TRUNC);
    RecordWriter writer(file, job.entry_bytes);
    const std::uint64_t records = job.segment_bytes / record_bytes(job.entry_bytes);
    for (std::uint64_t i = 0; i != records; ++i) writer.put(payload);
    writer.finish();
    file.sync();
    outcome.entries += records;
  }
  return outcome;
}

/// Lists the segments, reads the first block of each and all of the last.
Outcome open_tail(const Job& job) {
  Outcome outcome;
  const Stopwatch watch;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(job.folder)) {
    names.push_back(entry.path().string());
  }
  check(!names.empty(), "there is no segment");
  std::sort(names.begin(), names.end());
  const Blocks first = make_blocks(kBlock);
  for (const std::string& name : names) {
    const RawFile file(name, O_RDWR);
    const std::size_t bytes = file.read_at(first.get(), kBlock, 0);  // or all, of a small one
    check(bytes >= record_bytes(job.entry_bytes), "a segment is too short");
    if (name != names.back()) continue;
    read_records(file, job.entry_bytes,
                 [&](const RecordHead&, std::string_view) { ++outcome.entries; });
  }
  watch.stop(outcome);
  outcome.segments = names.size();
  check(outcome.entries == job.segment_bytes / record_bytes(job.entry_bytes), "the tail is short");
  return outcome;
}

const Registration kReaders{
    {"w3", "floor_buf1m_falloc_aligned", "flushed", "none", buf1m_falloc_aligned},
    {"w3", "floor_buf1m_falloc_synced", "flushed", "fdatasync of each file", buf1m_falloc_synced},
    {"make", "floor_records", "durable", "fdatasync", make_records},
    {"w4", "floor_readrec", "records", "none", readrec},
    {"w4", "floor_readrec_copy", "records, copied", "none", readrec_copy},
    {"w4", "floor_mmaprec", "records, mapped", "none", mmaprec},
    {"make", "floor_segments", "durable", "fdatasync", make_segments},
    {"w5", "floor_open_tail", "headers and the tail", "none", open_tail},
};

}  // namespace
}  // namespace walkit::bench
