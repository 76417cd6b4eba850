#pragma once

#include <memory>
#include <string>
#include <utility>

#include "run.hpp"
#include "walkit/walkit.hpp"

namespace walkit::bench {

/// What went well, or the end of the program.
template <class T>
T must(Result<T> result) {
  if (!result) fail(to_string(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

using BytesWriter = WalWriter<BytesView, BytesCodec>;
using BytesReader = WalReader<BytesView, BytesCodec>;

inline std::shared_ptr<Directory> directory_of(const Job& job) {
  return must(FsDirectory::open(job.folder));
}

/// For readers: nothing is made, and so nothing is synced.
inline std::shared_ptr<Directory> read_only(const Job& job) {
  return must(FsDirectory::open(job.folder, {.access = FsAccess::read_only}));
}

/// An entry with fields; 36 bytes and the value, encoded.
struct Put {
  std::uint64_t number = 0;
  std::string key{}, value{};
  template <class A>
  void serialize(A& a) {
    a(number, key, value);
  }
};
inline Put put_of(std::size_t entry_bytes) {
  constexpr std::size_t kKeyBytes = 12, kOtherBytes = 36;
  check(entry_bytes > kOtherBytes, "a typed entry is longer than that");
  return {1, payload_of(kKeyBytes), payload_of(entry_bytes - kOtherBytes)};
}

/// Groups of 1 MiB that reach the operating system: the way to write a lot.
inline WalOptions in_bulk(const Job& job) {
  return {.flush = FlushPolicy::every_bytes(1 << 20),
          .durability = Durability::flushed,
          .segment_bytes = job.segment_bytes};
}

/// Replays all of it strictly and demands each entry, its bytes included.
void check_log(const Job& job, std::uint64_t entries);

}  // namespace walkit::bench
