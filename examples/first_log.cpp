// [readme]
#include <iostream>
#include <string>
#include <walkit/walkit.hpp>

struct Put {
  std::string key, value;
  template <class A>
  void serialize(A& a) {
    a(key, value);
  }
};

int main() {
  auto dir = walkit::FsDirectory::open("orders").value();
  auto wal = walkit::WalWriter<Put>::open(dir).value();
  wal.append({"user/17", "blue"}).value();  // it returned: the entry survives a power cut

  auto log = walkit::WalReader<Put>::open(dir).value();
  for (auto& record : log.replay().value()) {
    std::cout << record.entry_id << " " << record.payload.key << "\n";
  }
}
// [/readme]
