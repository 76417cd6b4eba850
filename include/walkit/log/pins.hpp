#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

namespace walkit {

namespace log {
struct CarePlace;
}  // namespace log

/// While it lives, trims by the WalMaintenance that gave it and its copies, all those of one writer
/// included, remove no entry from `from` on. Others do not see it: for them there are named pins.
/// May outlive who gave it; moved-from it holds nothing. Any thread may destroy it.
class [[nodiscard]] RetentionPin {
 public:
  RetentionPin(RetentionPin&& other) noexcept;
  RetentionPin& operator=(RetentionPin&& other) noexcept;
  ~RetentionPin();
  [[nodiscard]] EntryId from() const { return from_; }

 private:
  friend class WalMaintenance;
  RetentionPin(std::shared_ptr<const log::CarePlace> place, EntryId from);
  void release() noexcept;

  std::shared_ptr<const log::CarePlace> place_;
  EntryId from_;
};

/// One named pin.
struct PinInfo {
  std::string name{};
  EntryId from{};
  std::uint64_t bytes_max = 0;
  std::uint64_t created_ns = 0;  // when it was made or moved, ns since 1970
  /// Why nothing above is known of it. `rewound`: it was made for another log in this place, and
  /// holds nothing; any other code: it cannot be read, and holds everything.
  std::optional<Error> fault{};
};

}  // namespace walkit
