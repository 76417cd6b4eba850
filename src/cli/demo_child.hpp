#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "cli/demo_journal.hpp"

namespace walkit::demo {

/// The journaling process, seen from its parent: it never outlives this object nor the parent. One
/// thread.
class Child {
 public:
  static Result<Child> start(JournalPlan plan);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  /// none: nothing came in time, or a signal came. end_of_messages() tells whether more can come.
  Result<std::optional<Message>> next(std::chrono::milliseconds timeout);
  [[nodiscard]] bool end_of_messages() const { return ended_; }

  void kill();
  /// Waits for its end. io: it neither was killed by us nor ended well.
  Status wait();

 private:
  Child(pid_t process, int pipe) : process_(process), pipe_(pipe) {}

  pid_t process_ = -1;
  int pipe_ = -1;
  bool ended_ = false;
};

}  // namespace walkit::demo
