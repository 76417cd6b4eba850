#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "walkit/app/kv_types.hpp"
#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"

namespace walkit::kv {

struct Image;

/// The state behind one entry, whole, which later writes do not change: values, leases, logical
/// time, the outcomes that are remembered. Taking one and copying it cost nothing that grows with
/// the state; while it lives, what is written meanwhile takes memory twice. A value; any thread.
class KvSnapshot {
 public:
  KvSnapshot();  // before the first entry

  [[nodiscard]] std::uint64_t last_index() const;
  [[nodiscard]] std::uint64_t last_term() const;
  [[nodiscard]] Time now() const;          // logical
  [[nodiscard]] std::size_t size() const;  // keys
  [[nodiscard]] std::optional<std::string> get(std::string_view key) const;
  [[nodiscard]] std::optional<Value> find(std::string_view key) const;
  /// The first `limit` keys of the range.
  [[nodiscard]] Page scan(const KeyRange& range, std::size_t limit) const;

  /// As one stream: versioned, each piece with a checksum; equal states are equal bytes. Hands over
  /// pieces of 256 KiB or one item. The error is take's; no_memory.
  Status write(const std::function<Status(BytesView)>& take) const;
  /// All of it. no_memory.
  [[nodiscard]] Result<Bytes> bytes() const;
  /// See KvSnapshotReader.
  static Result<KvSnapshot> read(BytesView bytes);

 private:
  friend class KvSnapshotReader;
  friend class KvStateMachine;
  explicit KvSnapshot(std::shared_ptr<const Image> image) : image_(std::move(image)) {}
  std::shared_ptr<const Image> image_;  // none: before the first entry
};

/// Makes a snapshot of a stream that comes in pieces of any size. Whatever the bytes, it takes no
/// more memory than they do, a few times. One thread.
class KvSnapshotReader {
 public:
  KvSnapshotReader();
  KvSnapshotReader(KvSnapshotReader&&) noexcept;
  KvSnapshotReader& operator=(KvSnapshotReader&&) noexcept;
  ~KvSnapshotReader();
  /// corrupt: a checksum differs. decode: no snapshot. incompatible: of a newer walkit. no_memory.
  Status take(BytesView piece);
  /// Once, behind the last piece. torn: cut short; else what take() answered.
  Result<KvSnapshot> finish();

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace walkit::kv
