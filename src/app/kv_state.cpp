#include "app/kv_state.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "app/byte_fields.hpp"
#include "app/kv_decide.hpp"

namespace walkit::kv {

namespace {

Error corrupt(std::string message) {
  return {.code = Errc::corrupt,
          .message = std::move(message),
          .next_step =
              "the log is not what a state machine wrote: restore a backup, or remove "
              "this replica and let it join as a new one"};
}

}  // namespace

void State::apply(const Record& record) {
  if (failure) return;
  std::visit([&](const auto& what) { take(what); }, record.what);
}

void State::take(const Applied& applied) {
  const std::uint64_t index = applied.outcome.index;
  if (index <= image.data.index() || applied.term < image.data.term()) {
    failure =
        corrupt("entry " + std::to_string(index) + " of term " + std::to_string(applied.term) +
                " follows " + std::to_string(image.data.index()) + " of term " +
                std::to_string(image.data.term()));
    return;
  }
  if (const auto* written = std::get_if<Written>(&applied.effect)) {
    const std::uint64_t lease = written->item->lease;
    if (lease != 0 && image.data.lease_end(lease) <= std::max(image.data.now(), applied.time)) {
      failure = corrupt("entry " + std::to_string(index) + " names a lease that is over");
      return;
    }
  }
  installing.reset();  // it was given up
  Changes changes;
  kv::apply(image.data, applied, &changes);
  image.remember(applied.outcome);
  history->add(changes);
}

void State::take(const InstallPiece& piece) {
  if (piece.is_first) installing.emplace();
  if (!installing) {
    failure = corrupt("a part of a snapshot whose begin is gone");
    return;
  }
  installing->insert(installing->end(), piece.bytes.begin(), piece.bytes.end());
}

void State::take(const InstallEnd& end) {
  if (!installing || installing->size() != end.bytes) {
    failure = corrupt("a snapshot was installed whose parts are gone");
    return;
  }
  const Bytes bytes = *std::exchange(installing, std::nullopt);
  if (end.image) {
    image = *end.image;
    return history->restart(image.data.index());
  }
  ImageReader reader;
  reader.take(bytes).ignore("finish() tells");
  auto read = reader.finish();
  if (read) {
    image = std::move(*read);
    history->restart(image.data.index());
  } else {
    failure = corrupt("the snapshot that was installed: " + read.error().message);
  }
}

Status StateCodec::encode(const State& state, ByteSink& out) const {
  Bytes head;
  FieldWriter(head).number(state.installing ? state.installing->size() + 1 : 0);
  out.write(head);
  if (state.installing) out.write(BytesView(*state.installing));
  return write_image(state.image, [&](BytesView piece) -> Status {
    out.write(piece);
    return {};
  });
}

Result<State> StateCodec::decode(BytesView bytes) const {
  FieldReader in(bytes);
  const std::uint64_t parts = in.number();
  BytesView rest = in.rest();
  State state;
  if (!in.ok() || (parts > 0 && parts - 1 > rest.size())) {
    return Error{.code = Errc::decode, .message = "no state of a key-value state machine"};
  }
  if (parts > 0) {
    state.installing.emplace(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(parts - 1));
    rest = rest.subspan(parts - 1);
  }
  ImageReader reader;
  if (Status ok = reader.take(rest); !ok) return std::move(ok).error();
  auto image = reader.finish();
  if (!image) return std::move(image).error();
  state.image = std::move(*image);
  state.history = std::make_shared<History>(state.image.data.index());
  return state;
}

}  // namespace walkit::kv
