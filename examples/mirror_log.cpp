// A second copy of a log, kept up to date by a follower: the same entries under the same ids.

#include <iostream>
#include <string>
#include <thread>
#include <walkit/walkit.hpp>

using Writer = walkit::WalWriter<std::string, walkit::BytesCodec>;
using Reader = walkit::WalReader<std::string, walkit::BytesCodec>;

// [readme]
// Copies what the mirror lacks and then what comes, up to the entry `last`. A pin keeps the source
// from trimming what was not copied yet; one that is a gigabyte behind holds no longer.
walkit::Status mirror(const std::shared_ptr<walkit::Directory>& from,
                      const std::shared_ptr<walkit::Directory>& to, walkit::EntryId last) {
  auto copy = Writer::open(to);
  if (!copy) return copy.error();
  const auto care = walkit::WalMaintenance::open(from);
  if (!care) return care.error();
  if (auto ok = care->pin("mirror", copy->next_entry_id(), 1u << 30); !ok) return ok.error();
  const auto log = Reader::open(from);
  if (!log) return log.error();
  for (auto& record : log->follow(copy->next_entry_id())) {
    if (!record) return record.error();  // gap: trimmed all the same; rewound: start anew
    if (auto id = copy->append(record->payload); !id) return id.error();
    if (record->entry_id == last) break;
    if (record->entry_id.value % 100 != 0) continue;
    if (auto ok = care->move_pin("mirror", record->entry_id + 1); !ok) return ok.error();
  }
  return care->release_pin("mirror");
}
// [/readme]

int main() {
  constexpr std::uint64_t kEntries = 250;
  auto from = walkit::FsDirectory::open("orders").value();
  auto to = walkit::FsDirectory::open("mirror").value();
  auto wal = Writer::open(from).value();
  wal.append("order 1").value();
  walkit::Status mirrored;
  std::thread following([&] { mirrored = mirror(from, to, walkit::EntryId{kEntries}); });
  for (std::uint64_t n = 2; n <= kEntries; ++n) wal.append("order " + std::to_string(n)).value();
  following.join();
  if (!mirrored) std::cerr << mirrored.error() << "\n";
  const auto last = Reader::open(to).value().read(walkit::EntryId{kEntries}).value();
  std::cout << "the mirror ends with " << last.payload << "\n";
}
