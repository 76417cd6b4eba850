// A process follows what another writes, from before the log is there until its last entry.
#include <sys/wait.h>
#include <unistd.h>
#include <chrono>
#include <cstdlib>
#include <string>
#include <walkit/walkit.hpp>

#include "check.hpp"

using Codec = walkit::BytesCodec;

int follow() {
  const auto dir = walkit::FsDirectory::open("log", {.access = walkit::FsAccess::read_only});
  CHECK(dir);
  auto log = walkit::WalReader<std::string, Codec>::open(*dir);
  while (!log && log.error().code == walkit::Errc::not_found) {
    log = walkit::WalReader<std::string, Codec>::open(*dir);  // until a writer made it
  }
  CHECK(log);
  std::uint64_t next = 1;
  for (auto& record : log->follow(walkit::EntryId{1}, {.poll = std::chrono::milliseconds(5)})) {
    CHECK(record);
    CHECK(record->entry_id.value == next);
    if (record->payload == "end") break;
    CHECK(record->payload == std::to_string(next));
    ++next;
  }
  CHECK(next == 101);
  return 0;
}

int write_in_two_lives() {
  const auto dir = walkit::FsDirectory::open("log").value();
  int number = 0;
  for (const int until : {50, 100}) {
    auto wal = walkit::WalWriter<std::string, Codec>::open(dir, {.segment_bytes = 4096}).value();
    while (number < until) CHECK(wal.append(std::to_string(++number)));
    if (until == 100) CHECK(wal.append("end"));
  }
  return 0;
}

int main() {
  CHECK(walkit::FsDirectory::open("log"));
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) _exit(follow());
  CHECK(write_in_two_lives() == 0);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
