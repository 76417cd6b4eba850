#pragma once

#include <limits>

#include "walkit/cereal_archive_inl.hpp"
#include "walkit/cereal_leaves.hpp"

namespace walkit {

/// Where the bytes of one block go; the sink before is back even when a serialize throws.
class EntryOutputArchive::Block {
 public:
  explicit Block(EntryOutputArchive& archive) : archive_(archive), outer_(archive.sink_) {
    archive_.flush();
    archive_.sink_ = &sink_;
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { archive_.sink_ = outer_; }

  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  [[nodiscard]] ByteSink& outer() const { return *outer_; }

 private:
  EntryOutputArchive& archive_;
  ByteSink* outer_;
  Bytes bytes_{};
  ByteSink sink_{bytes_, std::numeric_limits<std::size_t>::max()};  // the one outside has a limit
};

template <class... T>
void EntryOutputArchive::put_sized(const Sized<T...>& block) {
  Block collected(*this);
  std::uint64_t bytes = 0;
  flushed_ += sizeof bytes;  // it stands before the fields, so that a position is what it will be
  const std::uint64_t payload_min = std::exchange(payload_min_, 0);
  std::apply([this](auto&... fields) { (this->put(fields), ...); }, block.fields);
  flush();
  require_elements_with_bytes();
  payload_min_ = std::max(payload_min, payload_min_);

  bytes = collected.bytes().size();
  cereal_limits::to_or_from_little_endian(&bytes, 1);
  collected.outer().write(std::as_bytes(std::span(&bytes, 1)));
  collected.outer().write(BytesView(collected.bytes()));
}

template <class... T>
void EntryInputArchive::get_sized(const Sized<T...>& block) {
  if (is_missing(std::addressof(std::get<0>(block.fields)))) {
    std::apply([](auto&... fields) { (cereal_limits::keep_value(fields), ...); }, block.fields);
    return;
  }
  std::uint64_t bytes = 0;
  load(*this, bytes);
  if (bytes > left()) fail("a block has " + std::to_string(bytes) + " bytes, more than follow,");

  const BytesView whole = std::exchange(payload_, payload_.first(at_ + bytes));
  const auto outside = std::tuple(entry_begin_, entry_end_, missing_depth_);
  std::apply([this](auto&... fields) { (this->get_grown(fields), ...); }, block.fields);
  std::tie(entry_begin_, entry_end_, missing_depth_) = outside;
  skip_unknown("a block");
  payload_ = whole;
}

/// A field of a block: it may be missing, and so may those of its own that stand at its end.
template <class T>
void EntryInputArchive::get_grown(T& field) {
  begin_object(field);
  get(field);
}

/// From here on, the fields that may be missing are this one and those right inside of it.
template <class T>
void EntryInputArchive::begin_object(T& object) {
  entry_begin_ = reinterpret_cast<std::uintptr_t>(std::addressof(object));
  entry_end_ = entry_begin_ + sizeof(T);
  // The fields of a variant are those of the alternative it holds.
  const std::size_t levels = cereal_check::is_variant<std::remove_cv_t<T>> ? 2 : 1;
  missing_depth_ = schema_ == Schema::older ? depth_ + levels : 0;
}

}  // namespace walkit
