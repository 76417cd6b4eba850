// A disk in memory that loses power, runs full, fails and rots on command.
// [readme]
#include <iostream>
#include <string>
#include <walkit/testing/crash_directory.hpp>
#include <walkit/walkit.hpp>

using Orders = walkit::WalWriter<std::string, walkit::BytesCodec>;
using walkit::testing::CrashDirectory;
using walkit::testing::CrashModel;

void say(const std::string& when, const walkit::Result<walkit::EntryId>& appended) {
  std::cout << when << ": " << (appended ? "appended" : to_string(appended.error().code)) << "\n";
}

int main() {
  const auto disk = CrashDirectory::create({.seed = 7, .model = CrashModel::ext4()});
  auto wal = Orders::open(disk).value();
  say("healthy", wal.append("an order"));

  // The next operation but one, the sync behind the write, fails, and so does the writer.
  disk->fail_at(disk->operation_count() + 2, walkit::Errc::io);
  say("failed sync", wal.append("in doubt"));
  say("after it", wal.append("refused"));

  // Power goes; `next` is what the next boot finds, by the seed. The old disk answers io only.
  const auto next = disk->crash();
  auto again = Orders::open(next).value();
  std::cout << "after a power cut: " << again.last_entry_id()->value << " of 1 acknowledged\n";

  // Room for so many bytes more. An append that finds none uses no id.
  next->set_free_bytes(0);
  say("full", again.append(std::string(2 << 20, 'x')));
  next->set_free_bytes(16 << 20);
  say("with room", again.append(std::string(2 << 20, 'x')));
  again.close().value();

  // Rot: what is read is whole, or an error that names the place.
  for (const std::string& file : next->list_files()) {
    if (!file.ends_with(".wal")) continue;
    next->flip_bit(file, 8 * 580).value();
    break;
  }
  const auto log = walkit::WalReader<std::string, walkit::BytesCodec>::open(next).value();
  std::cout << "rotten: " << to_string(log.replay().error().code) << "\n";
}
// [/readme]
