#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "walkit/codec.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/log_reader.hpp"
#include "walkit/log/options.hpp"
#include "walkit/log/reports.hpp"
#include "walkit/undecoded.hpp"

namespace walkit {

template <class E>
class CerealCodec;  // walkit/cereal_codec.hpp; walkit.hpp includes it

/// An entry with its id, as replay gives it.
template <class E>
struct WalRecord {
  EntryId entry_id{};
  E payload{};
  friend bool operator==(const WalRecord&, const WalRecord&) = default;  // where E has it
};

/// Reads a log that others may be writing: takes no lock, changes nothing, sees a prefix; each call
/// looks anew. strict: all but a clean end is an error; best_effort: a torn tail is the end;
/// neither gives an entry behind a hole. salvage: all that reads, the holes in ReplaySummary::gaps.
/// Beside a live writer what is durable is the end, whatever the mode. An error of the device is
/// never an end. corrupt names file, offset and the ids that are gone. Any thread.
template <class E, class C = CerealCodec<E>>
class WalReader {
  static_assert(
      requires { sizeof(C); },
      "walkit: CerealCodec is not there. Include walkit/cereal_codec.hpp, which needs RTTI "
      "and exceptions, or name another codec: WalReader<E, MyCodec>");

 public:
  class Cursor;
  class Follower;

  /// not_found: no log. incompatible: another type or codec, or a newer format.
  static Result<WalReader> open(std::shared_ptr<Directory> directory, ReadOptions options = {},
                                C codec = {});

  Result<std::vector<WalRecord<E>>> replay(ReplayMode mode = ReplayMode::strict) const;
  /// apply(WalRecord<E>&) returns void, Step or Status, nothing else; it may move the payload out.
  /// Its error ends the replay and is handed on; what it throws passes through. Constant memory.
  template <class F>
  Result<ReplaySummary> replay_each(ReplayMode mode, F&& apply) const;
  /// Through `last` and no further; damage behind it is not looked at. not_found: the log ends
  /// before.
  template <class F>
  Result<ReplaySummary> replay_until(EntryId last, ReplayMode mode, F&& apply) const;
  /// From range.first through range.last, as replay_until; EntryId::max(): to the end. gap: begins
  /// before the oldest entry. An empty range gives nothing.
  template <class F>
  Result<ReplaySummary> replay_range(EntryIdRange range, ReplayMode mode, F&& apply) const;
  /// From `from` (EntryId{}: the oldest entry) to the end, pulled by the caller. What open and
  /// replay would answer as an error, `gap` too, is the first item.
  [[nodiscard]] Cursor cursor(EntryId from = {}, ReplayMode mode = ReplayMode::strict) const;
  /// One entry, for one look into an index and one read; what is found on the way is kept for the
  /// next call. gap: trimmed. not_found: not written yet. corrupt: damaged, or in a recorded loss.
  Result<WalRecord<E>> read(EntryId id) const;
  /// From `from`, or from the end, down to the oldest. As strict as cursor(), but that a torn tail
  /// is the end.
  [[nodiscard]] Cursor newest_first(EntryId from = EntryId::max()) const;
  using Time = std::chrono::system_clock::time_point;
  /// The first entry whose group was written at that time or later, and when an entry's was, by the
  /// writers' clocks; never falling. Information only. not_found: none. Else as read().
  Result<EntryId> first_since(Time time) const;
  Result<Time> written_at(EntryId id) const;
  /// cursor() that waits for more at the end. Gives what is durable, or what is flushed, as
  /// ReadOptions::visibility says. gap: `from` was trimmed. rewound: flushed entries that it gave
  /// were taken back by a crash, or another log stands there now. A `from` that is not written yet
  /// is waited for. Writers may come, crash and go, in this process or another.
  [[nodiscard]] Follower follow(EntryId from, FollowOptions options = {}) const;
  /// See LogReader: what the newest marker of a checkpoint says, if the newest segment has one.
  Result<std::optional<EntryId>> marked_checkpoint() const { return log_.marked_checkpoint(); }
  /// See LogReader: the log that this one is a fork of.
  Result<std::optional<Marker>> parent() const { return log_.parent(); }
  /// Reads and checks all of it, and decodes nothing.
  Result<std::uint64_t> entry_count(ReplayMode mode = ReplayMode::strict) const;

 private:
  WalReader(LogReader log, C codec) : log_(std::move(log)), codec_(std::move(codec)) {}
  template <class F>
  Result<ReplaySummary> run(ReplayMode mode, ReplayRange range, F&& apply) const;
  template <class F>
  static Result<Step> call(F& apply, WalRecord<E>& record);
  static Result<WalRecord<E>> decode(const C& codec, const EntryView& entry);
  /// A move of E may throw, and so may what is written of the entry into an error.
  static Result<WalRecord<E>> recorded(const EntryView& entry, Result<E> payload);
  /// To salvage, an entry that is none is a hole like others.
  static bool is_hole(ReplayMode mode, const Error& undecoded) {
    return mode == ReplayMode::salvage && undecoded.code == Errc::decode;
  }

  LogReader log_;
  C codec_;
};

template <class E, class C>
Result<WalReader<E, C>> WalReader<E, C>::open(std::shared_ptr<Directory> directory,
                                              ReadOptions options, C codec) {
  require_codec<C, E>();
  if constexpr (requires { codec = codec.with(options.newer_schema); }) {
    codec = codec.with(options.newer_schema);
  }
  auto log = LogReader::open(std::move(directory), std::move(options),
                             LogWriter::Contents{CodecId{C::id}.value, entry_type<E>});
  if (!log) return std::move(log).error();
  return WalReader(std::move(*log), std::move(codec));
}

template <class E, class C>
template <class F>
Result<Step> WalReader<E, C>::call(F& apply, WalRecord<E>& record) {
  static_assert(std::invocable<F&, WalRecord<E>&>,
                "walkit: the callback takes a walkit::WalRecord<E>& (or const&, or auto&)");
  if constexpr (std::invocable<F&, WalRecord<E>&>) {  // else one sentence is enough
    using Answer = std::invoke_result_t<F&, WalRecord<E>&>;
    static_assert(
        std::is_void_v<Answer> || std::same_as<Answer, Step> || std::same_as<Answer, Status>,
        "walkit: a replay callback returns void, walkit::Step (next or stop) or "
        "walkit::Status. A bool or another value is refused, since it is easily the outcome "
        "of an apply function and would end the replay in silence: drop it, or return Step");
    if constexpr (std::is_void_v<Answer>) {
      apply(record);
      return Step::next;
    } else if constexpr (std::same_as<Answer, Step>) {
      return apply(record);
    } else if constexpr (std::same_as<Answer, Status>) {
      if (Status ok = apply(record); !ok) return std::move(ok).error();
      return Step::next;
    }
  }
  return Step::stop;
}

template <class E, class C>
template <class F>
Result<ReplaySummary> WalReader<E, C>::run(ReplayMode mode, ReplayRange range, F&& apply) const {
  Undecoded undecoded;
  const auto each = [&](const EntryView& entry) -> Result<Step> {
    Result<E> payload = decode_entry<E>(codec_, entry.payload, entry.schema);
    if constexpr (std::is_nothrow_move_constructible_v<E>) {
      if (payload) {
        WalRecord<E> record{entry.entry_id, std::move(*payload)};
        return call(apply, record);
      }
    }
    auto record = recorded(entry, std::move(payload));
    if (record) return call(apply, *record);
    Error error = std::move(record).error();
    if (!is_hole(mode, error)) return error;
    if (Status ok = undecoded.add(std::move(error), entry.entry_id); !ok) {
      return std::move(ok).error();
    }
    return Step::next;
  };
  auto summary = log_.replay(mode, range, each);
  if (!summary) return summary;
  if (Status ok = undecoded.add_to(*summary); !ok) return std::move(ok).error();
  return summary;
}

template <class E, class C>
Result<WalRecord<E>> WalReader<E, C>::decode(const C& codec, const EntryView& entry) {
  return recorded(entry, decode_entry<E>(codec, entry.payload, entry.schema));
}

template <class E, class C>
Result<WalRecord<E>> WalReader<E, C>::recorded(const EntryView& entry, Result<E> payload) {
  return call_codec<Result<WalRecord<E>>>(Errc::decode, [&]() -> Result<WalRecord<E>> {
    if (payload) return WalRecord<E>{entry.entry_id, std::move(*payload)};
    Error error = std::move(payload).error();
    error.message = "entry " + to_string(entry.entry_id) + ": " + error.message;
    error.file = entry.file;
    error.offset = entry.offset;
    return error;
  });
}

template <class E, class C>
Result<std::vector<WalRecord<E>>> WalReader<E, C>::replay(ReplayMode mode) const {
  static_assert(!std::same_as<E, std::string_view> && !std::same_as<E, BytesView>,
                "walkit: views live for a replay_each callback only. Read std::string or "
                "walkit::Bytes");
  if (mode == ReplayMode::salvage) {
    return Error{.code = Errc::invalid_argument,
                 .message = "a vector of records has no place for the holes that salvage finds",
                 .next_step = "use replay_each or cursor(), and ask their summary for the gaps"};
  }
  using Records = std::vector<WalRecord<E>>;
  return call_codec<Result<Records>>(Errc::decode, [&]() -> Result<Records> {
    Records records;
    auto summary =
        replay_each(mode, [&](WalRecord<E>& record) { records.push_back(std::move(record)); });
    if (!summary) return std::move(summary).error();
    return records;
  });
}

template <class E, class C>
template <class F>
Result<ReplaySummary> WalReader<E, C>::replay_each(ReplayMode mode, F&& apply) const {
  return run(mode, {}, apply);
}

template <class E, class C>
template <class F>
Result<ReplaySummary> WalReader<E, C>::replay_until(EntryId last, ReplayMode mode,
                                                    F&& apply) const {
  return run(mode, {.last = last}, apply);
}

template <class E, class C>
template <class F>
Result<ReplaySummary> WalReader<E, C>::replay_range(EntryIdRange range, ReplayMode mode,
                                                    F&& apply) const {
  const bool to_the_end = range.last == EntryId::max();
  return run(mode,
             {.first = range.first, .last = to_the_end ? std::nullopt : std::optional(range.last)},
             apply);
}

template <class E, class C>
Result<std::uint64_t> WalReader<E, C>::entry_count(ReplayMode mode) const {
  auto summary = log_.replay(mode, {}, [](const EntryView&) -> Result<Step> { return Step::next; });
  if (!summary) return std::move(summary).error();
  return summary->entry_count;
}

}  // namespace walkit

#include "walkit/wal_cursor.hpp"  // defines Cursor and Follower
