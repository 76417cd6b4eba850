#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>

#include "app/kv_data.hpp"

namespace walkit::kv {

/// The newest changes, for who watches; how many is bounded, whoever is behind. Any thread.
class History {
 public:
  /// Changes of entry `through` and before are not there.
  explicit History(std::uint64_t through = 0) : gone_through_(through) {}

  void add(const Changes& changes);
  /// The state became another one, behind entry `through`.
  void restart(std::uint64_t through);
  void bound(std::size_t changes, std::size_t bytes);
  /// Who waits is told; what is there can still be had.
  void close();

  struct Found {
    enum class Kind { nothing, change, gap, closed } kind = Kind::nothing;
    Change change{};
    std::uint64_t gap_through = 0;
  };
  /// The next one for this prefix, from entry `from` or, if it has a value, from `place` on, which
  /// moves behind it, as `from` does. Waits until there is one, or the time is over.
  Found next(std::string_view prefix, std::uint64_t& from, std::optional<std::uint64_t>& place,
             std::chrono::milliseconds timeout);

 private:
  Found look(std::string_view prefix, std::uint64_t& from, std::optional<std::uint64_t>& place);
  void drop_oldest();
  void trim();

  std::mutex mutex_{};
  std::condition_variable changed_{};
  std::deque<Change> changes_{};
  std::uint64_t first_place_ = 0;  // of the oldest, counted since the open
  std::uint64_t gone_through_;     // changes of this entry and before are gone, if only some of it
  std::size_t bytes_ = 0;
  std::size_t changes_max_ = 65536, bytes_max_ = 16u << 20;
  bool is_closed_ = false;
};

}  // namespace walkit::kv
