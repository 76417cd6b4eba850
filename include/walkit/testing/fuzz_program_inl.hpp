#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "walkit/io/fs_directory.hpp"
#include "walkit/log/log_reader.hpp"
#include "walkit/testing/fuzz.hpp"

namespace walkit::testing {

/// One seed; a file that is there already is one of an earlier run.
inline Status write_seed(Directory& into, const EntryView& entry) {
  Bytes bytes;
  Status made = frame::encode({.entries = {entry.entry_id, entry.entry_id},
                               .schema = entry.schema,
                               .payloads = {entry.payload}},
                              kFuzzPlace, bytes);
  if (!made) return made;
  const auto file = into.open("entry-" + to_string(entry.entry_id), OpenMode::create);
  if (!file) {
    return file.error().code == Errc::already_exists ? Status{} : Status(file.error());
  }
  const BytesView parts[] = {bytes};
  return (*file)->write_at(0, parts);
}

template <class E, class C>
Result<std::size_t> write_seeds(std::shared_ptr<Directory> log, Directory& into,
                                SeedOptions options) {
  const LogWriter::Contents contents{CodecId{C::id}.value, entry_type<E>};
  ReadOptions reading;
  reading.recorded_loss = RecordedLoss::accept;
  const auto reader = LogReader::open(std::move(log), reading, contents);
  if (!reader) return reader.error();
  std::set<std::size_t> seen;  // by hash: one that collides is no loss
  const auto read =
      reader->replay(ReplayMode::best_effort, {}, [&](const EntryView& entry) -> Result<Step> {
        if (seen.size() >= options.files_max) return Step::stop;
        if (entry.payload.size() > options.entry_bytes_max) return Step::next;
        if (!seen.insert(std::hash<std::string_view>{}(as_text(entry.payload))).second) {
          return Step::next;
        }
        if (Status ok = write_seed(into, entry); !ok) return ok.error();
        return Step::next;
      });
  if (!read) return read.error();
  return seen.size();
}

template <class E, class C>
void write_seeds_if_asked(int argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]) != "--seeds-from") return;
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s --seeds-from LOG INTO\n", argv[0]);
    std::exit(2);
  }
  const auto log = FsDirectory::open(argv[2], {.access = FsAccess::read_only});
  const auto into = FsDirectory::open(argv[3]);
  Result<std::size_t> written = log ? Result<std::size_t>(0) : log.error();
  if (log && !into) written = into.error();
  if (log && into) written = write_seeds<E, C>(*log, **into);
  if (!written) std::fprintf(stderr, "%s\n", to_string(written.error()).c_str());
  if (written) std::printf("%zu seeds\n", *written);
  std::exit(written ? 0 : 1);
}

inline Status replay_input(Directory& folder, const std::string& name,
                           int (*target)(const std::uint8_t*, std::size_t)) {
  const auto file = folder.open(name, OpenMode::read);
  if (!file) return file.error();
  const auto size = (*file)->size();
  if (!size) return size.error();
  Bytes bytes(*size);
  const auto read = (*file)->read_at(0, bytes);
  if (!read) return read.error();
  // Told before, since a finding ends the program.
  std::printf("%s\n", name.c_str());
  std::fflush(stdout);
  target(reinterpret_cast<const std::uint8_t*>(bytes.data()), *read);
  return {};
}

inline int replay_inputs(int argc, char** argv, int (*target)(const std::uint8_t*, std::size_t)) {
  constexpr FsOptions kRead{.access = FsAccess::read_only};
  std::size_t files = 0;
  const auto replay = [&](const std::string& path) -> Status {
    auto folder = FsDirectory::open(path, kRead);
    Result<std::vector<std::string>> names = std::vector<std::string>{};
    if (folder) {
      names = (*folder)->list();
    } else {
      const std::size_t slash = path.rfind('/');
      const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
      folder = FsDirectory::open(parent, kRead);
      names->push_back(slash == std::string::npos ? path : path.substr(slash + 1));
    }
    if (!folder) return folder.error();
    if (!names) return names.error();
    for (const std::string& name : *names) {
      if (Status ok = replay_input(**folder, name, target); !ok) return ok;
      ++files;
    }
    return {};
  };
  for (int i = 1; i < argc; ++i) {
    if (const Status ok = replay(argv[i]); !ok) {
      std::fprintf(stderr, "%s\n", to_string(ok.error()).c_str());
      return 1;
    }
  }
  std::printf("%zu files\n", files);
  return files == 0 ? 1 : 0;
}

}  // namespace walkit::testing
