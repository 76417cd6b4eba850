// A type that holds itself, up to the 64 levels an entry may have.
#include <memory>
#include <string>
#include <vector>
#include <walkit/walkit.hpp>

#include <cereal/types/memory.hpp>

#include "check.hpp"

struct Folder {
  std::string name;
  std::vector<Folder> folders;
  std::unique_ptr<Folder> link;
  template <class A>
  void serialize(A& a) {
    a(name, folders, link);
  }
};

Folder chain(int levels) {
  Folder folder;
  folder.name = "level " + std::to_string(levels);
  if (levels > 1) folder.folders.push_back(chain(levels - 1));
  return folder;
}

int main() {
  const auto dir = walkit::MemoryDirectory::create();
  auto wal = walkit::WalWriter<Folder>::open(dir).value();
  Folder home = chain(10);
  home.link = std::make_unique<Folder>(chain(2));
  wal.append(home).value();

  // Too deep is refused, uses no id, and the writer goes on.
  CHECK(wal.append(chain(1000)).error().code == walkit::Errc::encode);
  CHECK(wal.append(chain(1)).value() == walkit::EntryId{2});

  const auto records = walkit::WalReader<Folder>::open(dir).value().replay().value();
  CHECK(records.size() == 2);
  const Folder* folder = &records[0].payload;
  CHECK(folder->link && folder->link->name == "level 2");
  for (int level = 10; level > 1; --level) {
    CHECK(folder->name == "level " + std::to_string(level));
    CHECK(folder->folders.size() == 1);
    folder = &folder->folders[0];
  }
  CHECK(folder->name == "level 1" && folder->folders.empty());
}
