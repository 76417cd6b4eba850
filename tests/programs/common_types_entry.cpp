// Enums, times and paths need no header of cereal.
#include <chrono>
#include <filesystem>
#include <walkit/walkit.hpp>

#include "check.hpp"

enum class Action : std::uint8_t { created, moved, removed };
enum Priority { kLow, kHigh = 7 };

struct Change {
  Action action = Action::created;
  Priority priority = kLow;
  std::filesystem::path path;
  std::chrono::sys_seconds at;
  std::chrono::milliseconds took{0};
  std::chrono::system_clock::time_point precisely;
  friend bool operator==(const Change&, const Change&) = default;
  template <class A>
  void serialize(A& a) {
    a(action, priority, path, at, took, precisely);
  }
};

int main() {
  using namespace std::chrono_literals;
  const auto now = std::chrono::system_clock::now();
  const Change change{.action = Action::moved,
                      .priority = kHigh,
                      .path = std::filesystem::path("a") / "b.txt",
                      .at = std::chrono::floor<std::chrono::seconds>(now),
                      .took = 15ms,
                      .precisely = now};
  const auto dir = walkit::MemoryDirectory::create();
  auto wal = walkit::WalWriter<Change>::open(dir).value();
  CHECK(wal.append(change));
  const auto record =
      walkit::WalReader<Change>::open(dir).value().read(*wal.last_entry_id()).value();
  CHECK(record.payload == change);
}
