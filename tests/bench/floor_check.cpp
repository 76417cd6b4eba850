#include "floor_check.hpp"

#include <sys/mman.h>

#include <algorithm>

namespace walkit::bench {
namespace {

/// A whole file in memory.
class Mapped {
 public:
  explicit Mapped(const RawFile& file) : bytes_(file.size()) {
    void* at = ::mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, file.fd(), 0);
    check_call(at != MAP_FAILED, "mmap");
    data_ = static_cast<const char*>(at);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  ~Mapped() { ::munmap(const_cast<char*>(data_), bytes_); }
  [[nodiscard]] std::string_view view() const { return {data_, bytes_}; }

 private:
  std::size_t bytes_;
  const char* data_;
};

}  // namespace

std::size_t RecordCheck::walk(const char* begin, std::size_t bytes) {
  return walk_records(begin, bytes, [&](const RecordHead& head, std::string_view payload) {
    check(head.id == next_, "a floor's record has a wrong id");
    check(payload == payload_, "a floor's record has a wrong payload");
    ++next_;
  });
}

void RecordCheck::file(const RawFile& file, std::uint64_t end) {
  const Mapped mapped(file);
  walk(mapped.view().data(), std::min<std::uint64_t>(mapped.view().size(), end));
}

void RecordCheck::file_of_blocks(const RawFile& file, std::uint64_t end) {
  const Mapped mapped(file);
  const std::string_view all = mapped.view().substr(0, end);
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t walked = walk(all.data() + at, all.size() - at);
    check(walked != 0, "a floor's batch is not there");
    at = whole_blocks(at + walked);
  }
}

void check_ring(const RawFile& file, const Ring& ring, std::string_view payload) {
  RecordCheck seen(payload, ring.first);
  seen.file(file, ring.offset);
  check(seen.last() == ring.last, "a floor's records are missing");
}

}  // namespace walkit::bench
