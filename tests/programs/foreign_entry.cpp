// A type of somebody else: serialize beside it, its name at global scope.
#include <string>
#include <vector>
#include <walkit/walkit.hpp>

#include "check.hpp"

namespace vendor {  // cannot be changed
struct Point {
  double x = 0, y = 0;
};
struct Event {
  int code = 0;
  std::string text;
  std::vector<Point> path;
};
}  // namespace vendor

namespace vendor {  // ours
template <class A>
void serialize(A& a, Point& point) {
  a(point.x, point.y);
}
template <class A>
void serialize(A& a, Event& event) {
  a(event.code, event.text, event.path);
}
}  // namespace vendor

template <>
inline constexpr walkit::EntryType walkit::entry_type<vendor::Event>{"vendor.event", 3};

int main() {
  const auto dir = walkit::FsDirectory::open("events").value();
  auto wal = walkit::WalWriter<vendor::Event>::open(dir).value();
  wal.append({404, "lost", {{1, 2}, {3, 4.5}}}).value();
  wal.close().value();

  const auto log = walkit::WalReader<vendor::Event>::open(dir).value();
  const auto record = log.read(walkit::EntryId{1}).value();
  CHECK(record.payload.code == 404);
  CHECK(record.payload.text == "lost");
  CHECK(record.payload.path.size() == 2);
  CHECK(record.payload.path[1].y == 4.5);

  // The name stands in the log: the same codec with another type is refused.
  walkit::WalOptions options;
  options.entry_type = "vendor.metric";
  const auto wrong = walkit::WalWriter<vendor::Event>::open(dir, options);
  CHECK(!wrong && wrong.error().code == walkit::Errc::incompatible);
}
