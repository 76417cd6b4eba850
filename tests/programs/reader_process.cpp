// A reader in another process: it needs the folder and no more.
#include <sys/wait.h>
#include <unistd.h>
#include <string>
#include <walkit/walkit.hpp>

#include "check.hpp"

using Codec = walkit::BytesCodec;

/// Told how much was acknowledged, it looks at the log; each look sees that much.
int read_beside(int told) {
  const auto dir = walkit::FsDirectory::open("log", {.access = walkit::FsAccess::read_only});
  CHECK(dir);
  unsigned char acknowledged = 0;
  while (read(told, &acknowledged, 1) == 1) {
    const auto log = walkit::WalReader<std::string, Codec>::open(*dir);
    CHECK(log);
    CHECK(log->entry_count().value() >= acknowledged);
    const auto record = log->read(walkit::EntryId{acknowledged});
    CHECK(record && record->payload == "entry " + std::to_string(acknowledged));
  }
  CHECK(acknowledged == 50);
  return 0;
}

int main() {
  // Forked before the log is opened: a writer is no use in a child.
  CHECK(walkit::FsDirectory::open("log"));
  int told[2];
  CHECK(pipe(told) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    close(told[1]);
    _exit(read_beside(told[0]));
  }
  close(told[0]);

  auto wal = walkit::WalWriter<std::string, Codec>::open(walkit::FsDirectory::open("log").value());
  CHECK(wal);
  for (unsigned char i = 1; i <= 50; ++i) {
    CHECK(wal->append("entry " + std::to_string(i)));
    CHECK(write(told[1], &i, 1) == 1);
  }
  close(told[1]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
