#pragma once

#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

#include "walkit/wal_reader.hpp"

namespace walkit {

/// A single-pass range of Result<WalRecord<E>>&: the log's end, or the first error, itself an item,
/// ends it. Outlives the reader. A record may be moved out; views in it live until the next one.
/// Do not move a cursor that is being iterated. One thread.
template <class E, class C>
class WalReader<E, C>::Cursor {
 public:
  class Iterator;  // std::input_iterator

  /// The first item; later calls go on where the last one is.
  [[nodiscard]] Iterator begin();
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }
  /// Of what was given so far: gaps that were passed over, and at the end how the log ends.
  [[nodiscard]] const ReplaySummary& summary() const {
    return log_ && undecoded_.empty() ? log_->summary() : merged_;
  }

 protected:
  friend class WalReader;
  using Item = Result<WalRecord<E>>;
  Cursor(Result<LogCursor> log, C codec, ReplayMode mode = ReplayMode::strict)
      : log_(std::move(log)), codec_(std::move(codec)), mode_(mode) {}

  /// none: the end, or nothing came in time.
  std::optional<Item> pull(std::chrono::milliseconds timeout);

 private:
  void step() { current_ = failed_ ? std::nullopt : pull(std::chrono::milliseconds::max()); }

  Result<LogCursor> log_;
  C codec_;
  ReplayMode mode_;
  Undecoded undecoded_{};
  ReplaySummary merged_{};          // with what does not decode, if there is any
  std::optional<Error> failure_{};  // the first, of the log or of an entry: the answer for ever
  std::optional<Item> current_{};
  bool started_ = false, failed_ = false;
};

template <class E, class C>
class WalReader<E, C>::Cursor::Iterator {
 public:
  using value_type = Item;
  using difference_type = std::ptrdiff_t;

  Iterator() = default;
  [[nodiscard]] Item& operator*() const { return *cursor_->current_; }
  [[nodiscard]] Item* operator->() const { return &*cursor_->current_; }
  Iterator& operator++() {
    cursor_->step();
    return *this;
  }
  void operator++(int) { cursor_->step(); }
  bool operator==(std::default_sentinel_t /*end*/) const { return !cursor_->current_; }

 private:
  friend class Cursor;
  explicit Iterator(Cursor* cursor) : cursor_(cursor) {}
  Cursor* cursor_ = nullptr;
};

/// As a range it waits for more at the end, until it is stopped. One thread; FollowOptions::stop
/// may be requested from any.
template <class E, class C>
class WalReader<E, C>::Follower : public Cursor {
 public:
  /// none: nothing came in time, or stopped. An error is the answer for ever: follow anew from
  /// where it says.
  Result<std::optional<WalRecord<E>>> next(std::chrono::milliseconds timeout);

 private:
  friend class WalReader;
  using Cursor::Cursor;
};

template <class E, class C>
auto WalReader<E, C>::Cursor::begin() -> Iterator {
  if (!std::exchange(started_, true)) step();
  return Iterator(this);
}

template <class E, class C>
auto WalReader<E, C>::Cursor::pull(std::chrono::milliseconds timeout) -> std::optional<Item> {
  if (!log_ || failure_) {
    failed_ = true;
    return copy_of(failure_ ? *failure_ : log_.error());
  }
  for (;;) {
    auto more = log_->advance(timeout);
    const bool at_end = more && !*more;
    Status ready =
        more ? undecoded_.merge(log_->summary(), at_end, merged_) : Status(std::move(more).error());
    if (ready && at_end) return std::nullopt;
    Item item = ready ? decode(codec_, log_->entry()) : Item(std::move(ready).error());
    if (item) return item;
    if (is_hole(mode_, item.error())) {
      Status added = undecoded_.add(std::move(item).error(), log_->entry().entry_id);
      if (added) continue;
      item = Item(std::move(added).error());
    }
    failed_ = true;
    failure_ = copy_of(item.error());
    return item;
  }
}

template <class E, class C>
Result<std::optional<WalRecord<E>>> WalReader<E, C>::Follower::next(
    std::chrono::milliseconds timeout) {
  auto item = this->pull(timeout);
  if (!item) return std::optional<WalRecord<E>>();
  if (!*item) return std::move(*item).error();
  return std::optional(std::move(**item));
}

template <class E, class C>
auto WalReader<E, C>::cursor(EntryId from, ReplayMode mode) const -> Cursor {
  return Cursor(log_.cursor(mode, {.first = from}), codec_, mode);
}

template <class E, class C>
auto WalReader<E, C>::newest_first(EntryId from) const -> Cursor {
  return Cursor(log_.newest_first(from), codec_);
}

template <class E, class C>
Result<WalRecord<E>> WalReader<E, C>::read(EntryId id) const {
  static_assert(!std::same_as<E, std::string_view> && !std::same_as<E, BytesView>,
                "walkit: views live for a replay_each callback only. Read std::string or "
                "walkit::Bytes");
  auto entry = log_.read(id);
  if (!entry) return std::move(entry).error();
  return decode(codec_, {.entry_id = id,
                         .payload = entry->payload,
                         .schema = entry->schema,
                         .file = entry->file,
                         .offset = entry->offset,
                         .time_ns = entry->time_ns});
}

template <class E, class C>
Result<EntryId> WalReader<E, C>::first_since(Time time) const {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  return log_.first_since(ns.count() < 0 ? 0 : static_cast<std::uint64_t>(ns.count()));
}

template <class E, class C>
auto WalReader<E, C>::written_at(EntryId id) const -> Result<Time> {
  auto ns = log_.time_of(id);
  if (!ns) return std::move(ns).error();
  const std::chrono::nanoseconds since_epoch(static_cast<std::int64_t>(*ns));
  return Time(std::chrono::duration_cast<Time::duration>(since_epoch));
}

template <class E, class C>
auto WalReader<E, C>::follow(EntryId from, FollowOptions options) const -> Follower {
  return Follower(log_.follow(from, std::move(options)), codec_);
}

}  // namespace walkit
