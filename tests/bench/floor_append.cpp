// W1: what one thread can do that makes each entry durable before the next.

#include <vector>

#include "floor_check.hpp"
#include "raw_file.hpp"
#include "record.hpp"
#include "run.hpp"

namespace walkit::bench {
namespace {

/// One write and one sync an entry, into a file that was written before.
Outcome prezero_fdatasync(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  const RawFile file = prewritten(job.folder + "/floor", kRingBytes);
  std::vector<char> record(record_bytes(payload.size()));
  Ring ring;
  Outcome outcome = append_for(job, [&](unsigned) {
    put_record(record.data(), ring.next_id(record.size()), payload);
    file.write_at(record.data(), record.size(), ring.offset);
    file.sync();
    ring.offset += record.size();
  });
  outcome.groups = outcome.entries;
  check_ring(file, ring, payload);
  check(ring.last == outcome.entries, "entries and ids differ");
  return outcome;
}

/// The same over files of segment_bytes that are made when they are needed, their zeros written in
/// steps of 1 MiB that double up to 16: what a log has to do that may not know its size.
class RotatingFiles {
 public:
  explicit RotatingFiles(const Job& job)
      : folder_(job.folder), segment_bytes_(job.segment_bytes), file_(new_file()) {}

  void append(const std::vector<char>& record) {
    if (offset_ + record.size() > segment_bytes_) file_ = new_file();
    if (offset_ + record.size() > filled_) fill(offset_ + record.size());
    file_.write_at(record.data(), record.size(), offset_);
    file_.sync();
    offset_ += record.size();
  }
  [[nodiscard]] std::uint64_t files() const { return files_; }
  [[nodiscard]] std::string name(std::uint64_t number) const {
    return folder_ + "/floor." + std::to_string(number);
  }

 private:
  RawFile new_file() {
    RawFile file(name(files_++), O_CREAT | O_EXCL | O_RDWR);
    step_ = kMiB;
    offset_ = 0;
    filled_ = std::min<std::uint64_t>(step_, segment_bytes_);
    file.fill_zeros(0, filled_);
    file.sync();
    sync_folder(folder_);
    return file;
  }
  void fill(std::uint64_t least) {
    step_ = std::min<std::uint64_t>(2 * step_, 16 * kMiB);
    const std::uint64_t to = std::min(segment_bytes_, std::max(least, filled_ + step_));
    file_.fill_zeros(filled_, to);
    filled_ = to;
  }

  std::string folder_;
  std::uint64_t segment_bytes_;
  std::uint64_t files_ = 0, step_ = 0, offset_ = 0, filled_ = 0;
  RawFile file_;  // the last, since it is made with the others
};

Outcome prezero_rotate(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  RotatingFiles files(job);
  std::vector<char> record(record_bytes(payload.size()));
  std::uint64_t last = 0;
  Outcome outcome = append_for(job, [&](unsigned) {
    put_record(record.data(), ++last, payload);
    files.append(record);
  });
  outcome.groups = outcome.entries;
  outcome.segments = files.files();
  RecordCheck seen(payload, 1);
  for (std::uint64_t number = 0; number < files.files(); ++number) {
    seen.file(RawFile(files.name(number), O_RDONLY));
  }
  check(seen.last() == last && last == outcome.entries, "records are missing");
  return outcome;
}

/// Each entry with the whole blocks it touches, by one direct and synchronous write. The block that
/// is not full yet is kept in memory and written again.
Outcome prezero_odirect_odsync(const Job& job) {
  const std::string payload = payload_of(job.entry_bytes);
  const RawFile file = prewritten(job.folder + "/floor", kRingBytes, O_DIRECT | O_DSYNC);
  const std::size_t whole = record_bytes(payload.size());
  const Blocks blocks = make_blocks(whole + 2 * kBlock);
  std::size_t kept = 0;  // bytes in the block that is not full
  Ring ring;
  Outcome outcome = append_for(job, [&](unsigned) {
    const std::uint64_t id = ring.next_id(whole_blocks(kept + whole) + kBlock);
    if (ring.offset == 0) kept = 0;
    put_record(blocks.get() + kept, id, payload);
    const std::size_t end = kept + whole, written = whole_blocks(end);
    file.write_at(blocks.get(), written, ring.offset - kept);
    ring.offset += whole;
    const std::size_t full = end / kBlock * kBlock;
    kept = end - full;
    if (full != 0) {
      std::memmove(blocks.get(), blocks.get() + full, kept);
      std::memset(blocks.get() + kept, 0, written - kept);
    }
  });
  outcome.groups = outcome.entries;
  check_ring(RawFile(job.folder + "/floor", O_RDONLY), ring, payload);
  check(ring.last == outcome.entries, "entries and ids differ");
  return outcome;
}

const Registration kAppend{
    {"w1", "floor_prezero_fdatasync", "durable", "fdatasync", prezero_fdatasync},
    {"w1", "floor_prezero_rotate", "durable", "fdatasync", prezero_rotate},
    {"w1", "floor_prezero_odirect_odsync", "durable", "O_DIRECT, O_DSYNC", prezero_odirect_odsync},
};

}  // namespace
}  // namespace walkit::bench
