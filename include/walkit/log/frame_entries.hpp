#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "walkit/base/bytes.hpp"
#include "walkit/base/types.hpp"
#include "walkit/log/options.hpp"

namespace walkit {

/// One entry as it stands in the log; borrowed for the callback.
struct EntryView {
  EntryId entry_id{};
  BytesView payload{};
  std::uint32_t schema = 1;
  std::string_view file{};   // the segment and
  std::uint64_t offset = 0;  // the frame in it
  /// When its frame was written, in nanoseconds since 1970; never falls. Information only.
  std::uint64_t time_ns = 0;
};

namespace log {

/// Walks the payloads of entries that were checked before; total over any bytes.
class PayloadCursor {
 public:
  explicit PayloadCursor(BytesView entries) : rest_(entries) {}
  /// The next payload; borrows from the entries. none: what is left is no payload.
  [[nodiscard]] std::optional<BytesView> next() noexcept {
    // Here for lengths of one byte or two, or each entry pays a call.
    if (rest_.size() < 2) return next_long();
    std::size_t bytes = std::to_integer<std::size_t>(rest_[0]), prefix = 1;
    if (bytes >= 0x80) {
      const auto high = std::to_integer<std::size_t>(rest_[1]);
      if (high == 0 || high >= 0x80) return next_long();
      bytes = (bytes & 0x7f) | high << 7;
      prefix = 2;
    }
    if (bytes > rest_.size() - prefix) return std::nullopt;
    const BytesView payload = rest_.subspan(prefix, bytes);
    // Where an entry begins is known only when the length before it was read, so each would wait
    // for memory. Most are of one size.
    __builtin_prefetch(rest_.data() + std::min(rest_.size(), 4 * (prefix + bytes)));
    rest_ = rest_.subspan(prefix + bytes);
    return payload;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  /// What was not walked yet.
  [[nodiscard]] BytesView rest() const { return rest_; }

 private:
  std::optional<BytesView> next_long() noexcept;

  BytesView rest_;
};

}  // namespace log

/// The entries of one frame, one after the other: a replay's inner loop, which no entry leaves by a
/// call. A value that borrows from the log's buffer. One thread.
class FrameEntries {
 public:
  FrameEntries() = default;  // none
  /// `payloads` are those of the entries from like.entry_id through `last`; what else stands in
  /// `like` is the same for all of them.
  FrameEntries(BytesView payloads, const EntryView& like, EntryId last)
      : payloads_(payloads), next_(like.entry_id), last_(last), through_(last), entry_(like) {}

  /// The next one, which stays until the next call; none: that was the last, or the last that
  /// end_at() lets through.
  [[nodiscard]] const EntryView* next() noexcept {
    if (next_ > through_) return nullptr;
    const auto payload = payloads_.next();
    if (!payload) return nullptr;
    entry_.payload = *payload;
    entry_.entry_id = next_;
    ++next_;
    return &entry_;
  }
  /// The one that next() gave.
  [[nodiscard]] const EntryView& entry() const { return entry_; }
  [[nodiscard]] EntryId next_id() const { return next_; }
  /// What next() has not walked yet.
  [[nodiscard]] BytesView rest() const { return payloads_.rest(); }
  /// None is left, whatever end_at() says.
  [[nodiscard]] bool empty() const { return next_ > last_; }
  /// Not all that end_at() lets through were given. Where next() gives none nonetheless, the body
  /// does not hold what its header counts, which checked frames do.
  [[nodiscard]] bool has_more() const { return next_ <= through_; }

  /// Gives them to take(const EntryView&) -> Step until that says stop, and answers its last word.
  /// As next(), but that nothing of where it stands is in memory meanwhile.
  template <class F>
  Step give(F&& take) {
    log::PayloadCursor payloads = payloads_;
    EntryId id = next_;
    EntryView entry = entry_;
    Step step = Step::next;
    while (id <= through_ && step == Step::next) {
      const auto payload = payloads.next();
      if (!payload) break;
      entry.payload = *payload;
      entry.entry_id = id;
      ++id;
      step = take(std::as_const(entry));
    }
    payloads_ = payloads;
    next_ = id;
    entry_ = entry;
    return step;
  }

  /// Passes over those before `first`.
  void begin_at(EntryId first) noexcept {
    while (next_ < first && next() != nullptr) {
    }
  }
  /// Gives those above `last` only after another call with a higher one.
  void end_at(EntryId last) noexcept { through_ = last < last_ ? last : last_; }

 private:
  log::PayloadCursor payloads_{BytesView{}};
  EntryId next_{1}, last_{}, through_{};
  EntryView entry_{};
};

}  // namespace walkit
