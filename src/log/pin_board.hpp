#pragma once

#include <mutex>
#include <optional>
#include <set>

#include "walkit/base/types.hpp"

namespace walkit::log {

/// From where on entries are wanted by those who hold a RetentionPin. Any thread.
class PinBoard {
 public:
  void add(EntryId from) {
    const std::lock_guard lock(mutex_);
    pins_.insert(from);
  }
  void remove(EntryId from) noexcept {
    const std::lock_guard lock(mutex_);
    pins_.erase(pins_.find(from));
  }
  [[nodiscard]] std::optional<EntryId> lowest() const {
    const std::lock_guard lock(mutex_);
    return pins_.empty() ? std::nullopt : std::optional(*pins_.begin());
  }

 private:
  mutable std::mutex mutex_;
  std::multiset<EntryId> pins_{};
};

}  // namespace walkit::log
