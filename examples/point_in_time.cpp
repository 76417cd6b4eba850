// A mistake was logged: the state just before it, with nothing of the log changed.

#include <iostream>
#include <map>
#include <string>
#include <walkit/walkit.hpp>

#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>

struct Change {
  std::string key;
  std::optional<std::string> value;  // none: the key goes
  template <class A>
  void serialize(A& a) {
    a(key, value);
  }
};
using Table = std::map<std::string, std::string>;

void apply(Table& table, const Change& change) {
  if (change.value) {
    table[change.key] = *change.value;
  } else {
    table.erase(change.key);
  }
}

int main() {
  auto dir = walkit::FsDirectory::open("settings").value();
  walkit::EntryId mistake;
  {
    auto wal = walkit::WalWriter<Change>::open(dir).value();
    auto checkpoints = walkit::CheckpointStore<Table>::open(dir).value();
    Table table;
    for (const char* color : {"red", "green", "blue"}) {
      const Change change{color, "on"};
      const auto id = wal.append(change).value();
      apply(table, change);
      walkit::publish_checkpoint(wal, checkpoints, id, table).value();
    }
    mistake = wal.append({"green", {}}).value();  // somebody deleted the wrong one
    wal.append({"blue", "off"}).value();
  }
  // [readme]
  const auto now = walkit::recover<Table, Change>(dir, {}, apply);
  if (!now) std::cerr << now.error() << "\n";

  // The newest checkpoint that is not younger, and the entries up to that one.
  const auto before = walkit::recover<Table, Change>(dir, {.until = mistake - 1}, apply);
  if (!before) std::cerr << before.error() << "\n";
  // [/readme]
  std::cout << "now " << now.value().state.size() << " keys, before the mistake "
            << before.value().state.size() << "\n";
}
