#pragma once

#include <memory>
#include <optional>

#include "app/kv_history.hpp"
#include "app/kv_image.hpp"
#include "app/kv_record.hpp"

namespace walkit::kv {

/// What Journaled keeps: the image behind the records of the log so far, and the parts of a
/// snapshot whose last one has not come. One writer at a time, or any number of readers.
struct State {
  using Entry = Record;

  Image image{};
  std::optional<Bytes> installing{};  // parts since the first one
  std::optional<Error> failure{};     // records that cannot follow each other
  // Of what was applied since the checkpoint; copies share it, and do not add to it.
  std::shared_ptr<History> history = std::make_shared<History>();

  void apply(const Record& record);

 private:
  void take(const Applied& applied);
  void take(const InstallPiece& piece);
  void take(const InstallEnd& end);
};

/// As checkpoints have it: the number of bytes of the parts + 1, or 0; these; the image.
struct StateCodec {
  static constexpr CodecId id{"kvst"};
  Status encode(const State& state, ByteSink& out) const;
  Result<State> decode(BytesView bytes) const;
};

}  // namespace walkit::kv

template <>
inline constexpr walkit::EntryType walkit::entry_type<walkit::kv::State>{"walkit.kv.state", 1};
