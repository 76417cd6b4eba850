// A std::variant as the entry itself, folded into a state.
#include <map>
#include <string>
#include <variant>
#include <walkit/walkit.hpp>

#include "check.hpp"

struct Put {
  std::string key, value;
  template <class A>
  void serialize(A& a) {
    a(key, value);
  }
};
struct Erase {
  std::string key;
  template <class A>
  void serialize(A& a) {
    a(key);
  }
};
struct Clear {};  // an empty struct needs nothing

using Command = std::variant<Put, Erase, Clear>;
template <>
inline constexpr walkit::EntryType walkit::entry_type<Command>{"store.command", 1};

struct Store {
  std::map<std::string, std::string> values;
  void operator()(const Put& put) { values[put.key] = put.value; }
  void operator()(const Erase& erase) { values.erase(erase.key); }
  void operator()(const Clear& /*all*/) { values.clear(); }
};

int main() {
  const auto dir = walkit::FsDirectory::open("store").value();
  auto wal = walkit::WalWriter<Command>::open(dir).value();
  wal.append(Put{"old", "1"}).value();
  wal.append(Clear{}).value();
  wal.append(Put{"colour", "red"}).value();
  wal.append(Put{"colour", "blue"}).value();
  wal.append(Put{"size", "9"}).value();
  wal.append(Erase{"size"}).value();

  Store store;
  const auto log = walkit::WalReader<Command>::open(dir).value();
  const auto summary = log.replay_each(
      walkit::ReplayMode::best_effort,
      [&](const walkit::WalRecord<Command>& record) { std::visit(store, record.payload); });
  CHECK(summary.value().entry_count == 6);
  CHECK(summary->end == walkit::ReplaySummary::End::end_of_log);
  CHECK(store.values == std::map<std::string, std::string>{{"colour", "blue"}});
}
