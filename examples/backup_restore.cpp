// A backup of a journal that goes on working, and the state that it gives back.

#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <walkit/walkit.hpp>

#include <cereal/types/map.hpp>

struct Count {
  std::string word;
  template <class A>
  void serialize(A& a) {
    a(word);
  }
};
struct Words {
  using Entry = Count;
  std::map<std::string, int> counts{};
  int apply(const Count& count) { return ++counts[count.word]; }
  template <class A>
  void serialize(A& a) {
    a(counts);
  }
};
using Journal = walkit::Journaled<Words>;

int main() {
  {
    auto words = Journal::open(walkit::FsDirectory::open("words").value()).value();
    for (int n = 0; n < 100; ++n) words.apply({n % 2 == 0 ? "even" : "odd"}).value();
    words.checkpoint().value();
    words.apply({"even"}).value();
    // [readme]
    // The log up to what is durable now, and the checkpoints it needs, into an empty folder. Sealed
    // segments are hard links where the file system allows it, so that this copies little.
    auto target = walkit::FsDirectory::open("backup").value();
    const auto saved = words.backup(target);
    if (!saved) std::cerr << saved.error() << "\n";
    const auto checked = walkit::verify_backup(target);  // each file, then all of it
    if (!checked) std::cerr << checked.error() << "\n";  // it could not be judged
    if (checked && !checked->damage.empty()) std::cerr << to_string(*checked) << "\n";
    // [/readme]
    words.apply({"odd"}).value();  // too late for the backup
  }
  std::filesystem::remove_all("words");  // a disaster
  std::filesystem::rename("backup", "words");
  auto words = Journal::open(walkit::FsDirectory::open("words").value()).value();
  const int even = words.read([](const Words& w) { return w.counts.at("even"); });
  const int odd = words.read([](const Words& w) { return w.counts.at("odd"); });
  std::cout << "restored: " << even << " even, " << odd << " odd\n";
}
