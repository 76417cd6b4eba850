#pragma once

#include <cstdint>
#include <memory>
#include <variant>

#include "app/kv_data.hpp"
#include "walkit/base/bytes.hpp"
#include "walkit/base/result.hpp"
#include "walkit/codec.hpp"

namespace walkit::kv {

struct Image;

/// An entry that was applied: what it did and what it answered, decided once.
struct Applied {
  std::uint64_t term = 0;
  std::int64_t time = 0;  // 0: none
  Outcome outcome{};      // with the index
  Effect effect{};
};
/// A part of a snapshot that is being installed.
struct InstallPiece {
  bool is_first = false;
  Bytes bytes{};
};
/// The parts since the first one are all, and are the state from here on.
struct InstallEnd {
  std::uint64_t bytes = 0;               // of all parts
  std::shared_ptr<const Image> image{};  // what they say, where it is known; not written
};

/// What the log of a state machine holds: docs/format.md, "KV records".
struct Record {
  std::variant<Applied, InstallPiece, InstallEnd> what{};
};

inline constexpr std::uint64_t kIndexMax = std::uint64_t{1} << 62;
inline constexpr std::int64_t kTimeMax = std::int64_t{1} << 62;

/// Appends. Throws std::bad_alloc.
void encode(const Record& record, Bytes& out);
/// decode: no record of this form. Total.
Result<Record> decode_record(BytesView bytes);

/// Any thread.
struct RecordCodec {
  static constexpr CodecId id{"kvop"};
  Status encode(const Record& record, ByteSink& out) const;
  Result<Record> decode(BytesView bytes) const { return decode_record(bytes); }
};

}  // namespace walkit::kv

template <>
inline constexpr walkit::EntryType walkit::entry_type<walkit::kv::Record>{"walkit.kv", 1};
