#include "walkit/app/kv_watch.hpp"

#include <new>

#include "app/kv_history.hpp"
#include "app/kv_reading.hpp"

namespace walkit::kv {

Watch::Watch(std::shared_ptr<History> history, std::string prefix, std::uint64_t from)
    : history_(std::move(history)), prefix_(std::move(prefix)), from_(from) {}

Result<std::optional<WatchItem>> Watch::next(std::chrono::milliseconds timeout) try {
  std::uint64_t from = from_;  // should memory run out, it has moved nowhere
  std::optional<std::uint64_t> place = place_;
  const auto move = [&](WatchItem item) {
    from_ = from;
    place_ = place;
    return std::optional(std::move(item));
  };
  const History::Found found = history_->next(prefix_, from, place, timeout);
  switch (found.kind) {
    case History::Found::Kind::nothing:
      from_ = from;
      place_ = place;
      return std::optional<WatchItem>();
    case History::Found::Kind::closed:
      return Error{.code = Errc::closed,
                   .message = "the state machine was closed; all changes were given",
                   .next_step = "watch the one that is opened next, from revision " +
                                std::to_string(from + 1) + " on"};
    case History::Found::Kind::gap:
      from = found.gap_through + 1;
      return move(Gap{from_, found.gap_through});
    case History::Found::Kind::change:
      break;
  }
  const Change& change = found.change;
  return move(Event{static_cast<Event::Kind>(change.kind), change.revision, change.item->key,
                    value_of(*change.item)});
} catch (const std::bad_alloc&) {
  return Error{.code = Errc::no_memory, .message = "out of memory"};
}

}  // namespace walkit::kv
