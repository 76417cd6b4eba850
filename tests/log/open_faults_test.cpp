// Every read and every operation of opening a log fails once, whatever open has to decide there:
// never a shorter log, nothing said to be lost, and the next open finds it all. Readers of the same
// folders likewise.

#include <algorithm>
#include <functional>
#include <ostream>

#include "log/log_box.hpp"
#include "walkit/testing/fault_directory.hpp"

namespace walkit {
namespace {

using testing::Fault;
using testing::FaultDirectory;

/// A folder as open finds it, and how many entries stand there once it is open.
struct Situation {
  const char* name;
  std::function<LogBox()> make;
  std::uint64_t entries = 0;
  std::optional<Errc> refused{};  // without a fault too
};
std::ostream& operator<<(std::ostream& out, const Situation& s) { return out << s.name; }

LogBox no_folder() {
  LogBox box;
  box.kill().directory = CrashDirectory::create();
  return box;
}

/// Where a life stopped that was about to make the log.
LogBox unfinished_birth() {
  LogBox box = no_folder();
  box.put("wal/MANIFEST.tmp", Bytes(100));
  box.put("wal/notes.txt", Bytes(3));
  return box;
}

LogBox closed() {
  LogBox box;
  box.append(3).close();
  return box;
}

LogBox three_lives() {
  LogBox box;
  box.append(1).close().open().append(1).kill().open().append(1).kill();
  return box;
}

/// The manifest is one segment behind, as if the crash had come before it was written.
LogBox rotated_without_manifest() {
  LogBox box;
  box.append(2).close();
  const Bytes older = box.directory->read_file("wal/MANIFEST").value();
  box.open().append(1).kill();
  box.put("wal/MANIFEST", older);
  return box;
}

/// Entries 1 and 2, and 3 and 4 of which nothing proves that they are durable.
LogBox unproven(WalOptions options = {}) {
  LogBox box(std::move(options));
  box.append(2).flush(2).kill();
  box.remove("wal/LOCK");
  return box;
}

/// The same with frame 4, or what is behind it, changed.
LogBox with_last_frame(const std::function<void(std::span<std::byte>)>& change) {
  LogBox box = unproven();
  const auto frame = read_segment(*box.home(), box.newest().substr(4)).frames.back();
  box.change(box.newest(), [&](Bytes& bytes) { change(std::span(bytes).subspan(frame.offset)); });
  return box;
}
void wipe(std::span<std::byte> bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{0}); }

LogBox torn_header() {
  return with_last_frame([](auto frame) { wipe(frame.subspan(40)); });
}
LogBox torn_body() {
  return with_last_frame([](auto frame) { wipe(frame.subspan(70)); });
}
LogBox suspect_body() {
  return with_last_frame([](auto frame) { frame[66] ^= std::byte{1}; });
}

/// Bytes behind the proven end that no crash leaves in this layout: nothing is cut there.
LogBox damaged_blocks() {
  LogBox box({.layout = Layout::whole_blocks});
  box.append(2).flush(1).kill();
  const auto frame = read_segment(*box.home(), box.newest().substr(4)).frames.back();
  box.change(box.newest(), [&](Bytes& bytes) { bytes[frame.offset + 66] ^= std::byte{1}; });
  box.remove("wal/LOCK");
  return box;
}

LogBox unborn_and_leftovers() {
  LogBox box = unproven();
  box.put("wal/" + log::to_string(log::SegmentName{2, EntryId{3}}), Bytes(600, std::byte{7}));
  box.put("wal/MANIFEST.tmp", Bytes(100));
  return box;
}

LogBox one_slot() {
  LogBox box = closed();
  box.flip("wal/MANIFEST", 40);
  return box;
}

/// More than a scanner reads without asking how long the file is.
LogBox large_entry() {
  LogBox box;
  box.append(2);
  EXPECT_THAT(box.wal->append(std::string(3 << 20, 'x')), IsOk());
  EXPECT_THAT(box.wal->flush(), IsOk());
  box.kill();
  return box;
}

LogBox expecting(LogBox box, std::uint64_t floor) {
  box.options.expect_durable_through = EntryId{floor};
  return box;
}
LogBox expected_log_gone() {
  LogBox box = no_folder();
  box.put("wal/notes.txt", Bytes(3));
  return expecting(std::move(box), 1);
}

std::vector<Situation> situations() {
  return {
      {"NoFolder", no_folder, 0},
      {"UnfinishedBirth", unfinished_birth, 0},
      {"BornAndNeverWritten",
       [] {
         LogBox box;
         box.close();
         return box;
       },
       0},
      {"Closed", closed, 3},
      {"ClosedAsExpected", [] { return expecting(closed(), 3); }, 3},
      {"ThreeLives", three_lives, 3},
      {"RotatedWithoutManifest", rotated_without_manifest, 3},
      {"Unproven", [] { return unproven(); }, 4},
      {"UnprovenUnfilled", [] { return unproven({.preallocation = Preallocation::none}); }, 4},
      {"UnprovenBlocks", [] { return unproven({.layout = Layout::whole_blocks}); }, 4},
      {"TornHeader", torn_header, 3},
      {"TornBody", torn_body, 3},
      {"SuspectBody", suspect_body, 3},
      {"DamagedBlocks", damaged_blocks, 2, Errc::corrupt},
      {"UnbornAndLeftovers", unborn_and_leftovers, 4},
      {"OneSlot", one_slot, 3},
      {"LargeEntry", large_entry, 3},
      {"ExpectedLogGone", expected_log_gone, 0, Errc::corrupt},
  };
}

class OpenFaults : public ::testing::TestWithParam<Situation> {
 protected:
  const Situation& situation() const { return GetParam(); }
  const LogBox left = GetParam().make();

  [[nodiscard]] std::shared_ptr<FaultDirectory> disk() const {
    return FaultDirectory::create(left.directory->clone());
  }
  /// The fault is named, or nothing is there to be opened anyway.
  void expect_named(const Error& error, Errc code) const {
    if (error.code == situation().refused) return;
    EXPECT_EQ(error.code, code) << error;
    EXPECT_NE(error.os_error, 0) << error;
    EXPECT_NE(error.message.find("injected fault"), std::string::npos) << error;
    EXPECT_TRUE(error.lost.empty()) << error;
  }
  /// All of it is there, once the fault is gone.
  void expect_whole(const std::shared_ptr<Directory>& after) const {
    const auto wal = Wal::open(after, left.options);
    if (situation().refused) {
      EXPECT_THAT(wal, HasErrc(*situation().refused));
      return;
    }
    ASSERT_THAT(wal, IsOk());
    EXPECT_EQ(wal->next_entry_id(), EntryId{situation().entries + 1});
    const auto found = Reader::open(after).value().replay();
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(found->size(), situation().entries);
  }
  [[nodiscard]] std::string report() const {
    const auto wal = Wal::open(disk(), left.options);
    return wal ? to_string(wal->recovery()) : "refused";
  }
  /// Opens it with the fault and without. The file that the error names; none: there was no error,
  /// and nothing is told otherwise than without the fault.
  std::optional<std::string> expect_sound(const std::shared_ptr<FaultDirectory>& faulty,
                                          Errc code) const {
    std::optional<std::string> file;
    if (const auto wal = Wal::open(faulty, left.options); wal) {
      EXPECT_EQ(to_string(wal->recovery()), report());
      EXPECT_EQ(wal->next_entry_id(), EntryId{situation().entries + 1});
    } else {
      expect_named(wal.error(), code);
      file = wal.error().file;
    }
    EXPECT_GE(faulty->fault_count(), 1u);
    faulty->lift();
    expect_whole(faulty);
    return file;
  }
};

TEST_P(OpenFaults, EachReadIsToldAndLosesNothing) {
  const auto whole = disk();
  const auto opened = Wal::open(whole, left.options);  // not closed before all is counted
  const std::uint64_t reads = whole->read_count();
  ASSERT_GE(reads, 3u);
  std::size_t unnamed = 0;
  for (std::uint64_t read = 1; read <= reads; ++read) {
    SCOPED_TRACE("read " + std::to_string(read));
    const auto faulty = disk();
    faulty->fail_read_at(read, Fault::io);
    const auto file = expect_sound(faulty, Errc::io);
    // Without LOCK held, a first look only says sooner that what the caller expects is gone.
    EXPECT_TRUE(file || left.options.expect_durable_through > EntryId{}) << "nobody was told";
    unnamed += file == "" && !situation().refused ? 1 : 0;
    if (HasFailure()) return;
  }
  EXPECT_LE(unnamed, 2u) << "the names are listed once or twice; all else is a file's";
}

TEST_P(OpenFaults, EachOperationIsToldAndLosesNothing) {
  const auto whole = disk();
  const auto opened = Wal::open(whole, left.options);  // not closed before all is counted
  const auto operations = whole->operations();
  for (std::uint64_t operation = 1; operation <= operations.size(); ++operation) {
    const auto& [kind, path] = operations[operation - 1];
    for (const Fault fault : {Fault::io, Fault::no_space, Fault::short_write}) {
      SCOPED_TRACE(std::string(to_string(fault)) + " at operation " + std::to_string(operation));
      const auto faulty = disk();
      faulty->fail_at(operation, fault);
      const auto file = expect_sound(faulty, fault == Fault::io ? Errc::io : Errc::no_space);
      if (file && !situation().refused) {
        EXPECT_THAT(*file, ::testing::StartsWith(path.substr(path.rfind('/') + 1)));
      }
      // LOCK is evidence that the frames can do without; zeros for what comes are a matter of
      // speed.
      const bool may_fail = path == "wal/LOCK" ||
                            (fault != Fault::io && kind == OperationKind::fill_zeros) ||
                            (fault != Fault::io && kind == OperationKind::create);
      EXPECT_TRUE(file || may_fail) << "nobody was told";
      if (fault != Fault::io && kind == OperationKind::fill_zeros) {
        EXPECT_FALSE(file) << *file;
      }
      if (HasFailure()) return;
    }
  }
}

TEST_P(OpenFaults, FullDiskIsNoSpaceAndLosesNothing) {
  const auto faulty = disk();
  faulty->fail_from(1, Fault::no_space);
  expect_sound(faulty, Errc::no_space);
}

std::string answer_of(const std::shared_ptr<Directory>& directory, ReplayMode mode) {
  std::string text;
  const auto reader = Reader::open(directory);
  if (!reader) return std::string(to_string(reader.error().code));
  const auto found = reader->replay(mode);
  if (!found) return std::string(to_string(found.error().code));
  for (const auto& record : *found) text += to_string(record.entry_id) + record.payload + "\n";
  return text;
}

TEST_P(OpenFaults, EachReadOfAReaderIsToldOrChangesNothing) {
  for (const ReplayMode mode : {ReplayMode::strict, ReplayMode::best_effort}) {
    const auto whole = disk();
    const std::string right = answer_of(whole, mode);
    for (std::uint64_t read = 1; read <= whole->read_count(); ++read) {
      const auto faulty = disk();
      faulty->fail_read_at(read, Fault::io);
      const std::string answer = answer_of(faulty, mode);
      EXPECT_TRUE(answer == "io" || answer == right) << "read " << read << ": " << answer;
      EXPECT_EQ(answer_of(faulty, mode), right) << "after read " << read;
    }
  }
}

std::string name_of(const ::testing::TestParamInfo<Situation>& tested) { return tested.param.name; }
INSTANTIATE_TEST_SUITE_P(Each, OpenFaults, ::testing::ValuesIn(situations()), name_of);

}  // namespace
}  // namespace walkit
