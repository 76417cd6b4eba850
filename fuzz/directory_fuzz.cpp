// Surface: a folder whose files were changed, read by LogReader and opened by LogWriter.
// Property: whatever stands there is read or refused. An entry is given with the bytes it was
// written with, unless checksums were mended. A refused open leaves every file as it was. After an
// open that succeeds, a log that could be read before reads strictly, with the new entry behind.
//
// Input: image, mode, then edits of six bytes: kind, file, offset (2), value (2). Mode bit 0: mend
// the checksums of what was edited.

#include <array>
#include <map>

#include "folder.hpp"
#include "fuzz_input.hpp"
#include "walkit/log/log_reader.hpp"
#include "walkit/log/log_writer.hpp"

namespace walkit::fuzz {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using Files = std::map<std::string, Bytes>;
using Entries = std::vector<std::pair<std::uint64_t, Bytes>>;  // with their ids

constexpr std::size_t kImages = 4;
constexpr LogWriter::Contents kContents{.codec = 1, .type = {}};
const std::string kNewEntry = "the new entry";

WalOptions options_of(std::size_t image) {
  WalOptions options;
  options.segment_bytes = 4096;
  options.max_frame_bytes = 32768;
  options.max_entry_bytes = 16384;
  options.layout = image == 2 ? Layout::whole_blocks : Layout::packed;
  if (image == 3) options.flush = FlushPolicy::manual();
  return options;
}

Bytes payload(std::size_t id) {
  Bytes bytes(40 + id * 37 % 400);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(id * 31 + i);
  return bytes;
}

// 0: closed; 1: killed; 2: whole blocks, killed; 3: killed with entries that no sync covers.
std::shared_ptr<CrashDirectory> make_image(std::size_t image) {
  const auto directory = CrashDirectory::create();
  auto writer = LogWriter::open(directory, options_of(image), kContents).value();
  for (std::size_t id = 1; id <= 20; id += 2) {
    const Bytes one = payload(id), two = payload(id + 1);
    writer.append(std::array{BytesView(one), BytesView(two)}).value();
    if (image == 3) (id < 10 ? writer.sync() : writer.flush()).value();
  }
  if (image == 0) writer.close().value();
  return directory->crash(Crash::process_kill);
}

Files files_of(const CrashDirectory& directory) {
  Files files;
  for (const std::string& name : directory.list_files()) files[name] = *directory.read_file(name);
  // An open makes LOCK where it is missing, whatever it answers then.
  if (files["wal/LOCK"].empty()) files.erase("wal/LOCK");
  return files;
}

Result<Entries> read(const std::shared_ptr<Directory>& directory, ReplayMode mode) {
  ReadOptions options;
  options.recorded_loss = RecordedLoss::accept;
  options.frame_bytes_max = 65536;
  const auto reader = LogReader::open(directory, options, kContents);
  if (!reader) return reader.error();
  reader->segments().map([](const auto&) {});
  Entries entries;
  const auto summary = reader->replay(mode, {}, [&](const EntryView& entry) -> Result<Step> {
    const BytesView bytes = entry.payload;
    entries.emplace_back(entry.entry_id.value, Bytes(bytes.begin(), bytes.end()));
    return Step::next;
  });
  if (!summary) return summary.error();
  return entries;
}

void require_written(const Entries& entries) {
  for (const auto& [id, bytes] : entries) {
    const bool same = bytes == payload(id) || same_bytes(bytes, as_bytes(kNewEntry));
    require(same, "an entry was given that was never written");
  }
}

// False: refused.
bool go_on(const std::shared_ptr<CrashDirectory>& directory, const WalOptions& options) {
  const Files before = files_of(*directory);
  auto writer = LogWriter::open(directory, options, kContents);
  if (!writer) {
    require(files_of(*directory) == before, "a refused open changed a file");
    return false;
  }
  const BytesView entry = as_bytes(kNewEntry);
  const auto ids = writer->append({&entry, 1});
  return writer->close() && ids;
}

void run(Input input) {
  static const auto images = [] {
    std::array<std::shared_ptr<CrashDirectory>, kImages> made;
    for (std::size_t i = 0; i < kImages; ++i) made[i] = make_image(i);
    return made;
  }();
  const std::size_t image = input.byte() % kImages;
  const bool mended = (input.byte() & 1) != 0;
  const auto directory = images[image]->clone();
  Folder folder(directory, images[image]);
  for (int edits = 0; edits < 64 && !input.at_end(); ++edits) folder.edit(input, mended ? 2 : 1);
  if (mended) folder.mend();

  const auto strict = read(directory, ReplayMode::strict);
  const auto best = read(directory, ReplayMode::best_effort);
  require(!strict || best, "strict replay reads what best effort refuses");
  if (strict) require(*strict == *best, "strict and best effort give different entries");
  if (best && !mended) require_written(*best);
  // With both slots of MANIFEST bad a reader reads and a writer refuses.
  const bool manifest_stands = folder.is_untouched("wal/MANIFEST");
  const bool opened = go_on(directory, options_of(image));
  require(opened || !best || mended || !manifest_stands, "a log that reads is not opened");
  const auto after = read(directory, ReplayMode::strict);
  if (after && !mended) require_written(*after);
  if (!opened || !best) return;
  require_ok(after, "a log that was opened does not read");
  require(after->size() == best->size() + 1, "open lost entries, or the new one is missing");
  require(same_bytes(after->back().second, as_bytes(kNewEntry)),
          "the last entry is not the new one");
  require(std::equal(best->begin(), best->end(), after->begin()), "open changed entries");
}

}  // namespace
}  // namespace walkit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  walkit::fuzz::run({data, bytes});
  return 0;
}
