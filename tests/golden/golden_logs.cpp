#include "golden/golden_logs.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/crc32c.hpp"
#include "golden/holds.hpp"
#include "log/evidence_files.hpp"
#include "log/frames_by_hand.hpp"
#include "log/segment_name.hpp"
#include "walkit/log/log_writer.hpp"
#include "walkit/log/maintenance.hpp"
#include "walkit/log/marker.hpp"
#include "walkit/testing/crash_directory.hpp"

namespace walkit::golden {
namespace {

using testing::Crash;
using testing::CrashDirectory;

constexpr std::uint32_t kCodec = 'g' | 'o' << 8 | 'l' << 16 | 'd' << 24;

WalOptions small(Preallocation preallocation = Preallocation::none) {
  return {.segment_bytes = 4096,
          .max_frame_bytes = 8192,
          .max_entry_bytes = 4096,
          .preallocation = preallocation};
}

WalOptions by_hand() {
  WalOptions options = small();
  options.flush = FlushPolicy::manual();
  return options;
}

std::string segment(std::uint64_t number, std::uint64_t first) {
  return "wal/" + log::to_string(log::SegmentName{number, EntryId{first}});
}

/// One log under way, with what it should hold.
class Recipe {
 public:
  explicit Recipe(std::string about) : holds_("# " + std::move(about) + "\n") {}

  LogWriter open(WalOptions options) const {
    return LogWriter::open(directory_, std::move(options), {kCodec, {"golden", 3}}).value();
  }
  void append(LogWriter& log, std::vector<std::string> payloads) const {
    std::vector<BytesView> views;
    for (const std::string& payload : payloads) views.push_back(as_bytes(payload));
    log.append(views).value();
  }
  /// The process is gone without a close.
  void kill() { directory_ = directory_->crash(Crash::process_kill); }
  [[nodiscard]] CrashDirectory& directory() const { return *directory_; }
  [[nodiscard]] std::shared_ptr<Directory> root() const { return directory_; }
  [[nodiscard]] std::uint64_t bytes_of(const std::string& path) const {
    return directory_->read_file(path).value().size();
  }
  Recipe& line(const std::string& text) {
    holds_ += text + "\n";
    return *this;
  }
  Recipe& entry(std::uint64_t id, const std::string& payload) {
    return line(entry_line(EntryId{id}, 3, as_bytes(payload)));
  }

  /// Process ids differ from run to run, so LOCK gets a 0 for it.
  void finish(const std::string& kind, Files& into) const {
    for (const std::string& path : directory_->list_files()) {
      Bytes bytes = directory_->read_file(path).value();
      if (path == "wal/LOCK") bytes = without_process(bytes);
      into[kind + path.substr(3)] = std::move(bytes);
    }
    const BytesView text = as_bytes(holds_);
    into[kind + "/holds.txt"] = Bytes(text.begin(), text.end());
  }

 private:
  static Bytes without_process(BytesView bytes) {
    log::LockRecord record = log::decode_lock_record(bytes).value();
    record.process = 0;
    const log::LockRecordBytes encoded = log::encode(record);
    return {encoded.begin(), encoded.end()};
  }

  std::shared_ptr<CrashDirectory> directory_ = CrashDirectory::create({.seed = 7});
  std::string holds_;
};

void born(Files& files) {
  Recipe r("Opened for writing once, nothing appended.");
  r.open(small()).close().value();
  r.line("segments 0").line("end clean").line("proven 0");
  r.finish("born", files);
}

void three_entries(Recipe& r) {
  LogWriter log = r.open(small(Preallocation::zero_fill));
  for (const char* text : {"one", "two", "three"}) r.append(log, {text});
  r.kill();
}

void plain(Files& files) {
  Recipe r("Three durable entries; the process was killed. Prefilled with zeros.");
  three_entries(r);
  r.line("segments 1").entry(1, "one").entry(2, "two").entry(3, "three");
  r.line("end clean").line("proven 3");
  r.finish("plain", files);
}

void batches(Files& files) {
  Recipe r("Batches of three, one (empty) and two entries.");
  LogWriter log = r.open(small());
  r.append(log, {"red", "green", "blue"});
  r.append(log, {""});
  r.append(log, {std::string(200, 'x'), "end"});
  r.kill();
  r.line("segments 1").entry(1, "red").entry(2, "green").entry(3, "blue").entry(4, "");
  r.entry(5, std::string(200, 'x')).entry(6, "end").line("end clean").line("proven 6");
  r.finish("batches", files);
}

void two_entries_closed(Recipe& r) {
  LogWriter log = r.open(small());
  r.append(log, {"one"});
  r.append(log, {"two"});
  log.close().value();
  r.line("segments 1").entry(1, "one").entry(2, "two").line("end clean").line("proven 2");
}

void closed(Files& files) {
  Recipe r("Two entries and a close.");
  two_entries_closed(r);
  r.finish("closed", files);
}

void bad_manifest_slot(Files& files) {
  Recipe r("As closed, with a bit flipped in the older slot of MANIFEST.");
  two_entries_closed(r);
  // Generations 1 and 2 at birth, 3 for the segment, 4 for the close: the older one is odd.
  r.directory().flip_bit("wal/MANIFEST", (log::kManifestSlotBytes + 108) * 8).value();
  r.line("warnings 1");
  r.finish("bad_manifest_slot", files);
}

void several_segments(Files& files) {
  Recipe r("Two lives: two segments by rotation, then a close, then one more segment.");
  const std::vector<std::string> texts = {std::string(1300, 'a'), std::string(1300, 'b'),
                                          std::string(1300, 'c')};
  LogWriter first = r.open(small());
  for (const std::string& text : texts) r.append(first, {text});
  first.close().value();
  LogWriter second = r.open(small());
  r.append(second, {"second life"});
  second.close().value();
  r.line("segments 3").entry(1, texts[0]).entry(2, texts[1]).entry(3, texts[2]);
  r.entry(4, "second life").line("end clean").line("proven 4");
  r.finish("several_segments", files);
}

void trimmed(Files& files) {
  Recipe r("As several_segments, trimmed to its last two; the first file is not removed yet.");
  const std::vector<std::string> texts = {std::string(1300, 'a'), std::string(1300, 'b'),
                                          std::string(1300, 'c')};
  LogWriter first = r.open(small());
  for (const std::string& text : texts) r.append(first, {text});
  first.close().value();
  const Bytes oldest = r.directory().read_file(segment(1, 1)).value();
  LogWriter second = r.open(small());
  r.append(second, {"second life"});
  second.maintenance().trim_before(EntryId{3}).value();
  second.close().value();
  r.directory().add_file(segment(1, 1), oldest).value();
  r.line("segments 2").entry(3, texts[2]).entry(4, "second life");
  r.line("end clean").line("proven 4");
  r.finish("trimmed", files);
}

void pinned(Files& files) {
  Recipe r("Two entries, closed; a pin from 2 on, another from 1 on for 4096 bytes at most.");
  two_entries_closed(r);
  const auto care = WalMaintenance::open(r.root()).value();
  care.pin("backup", EntryId{2}, ~std::uint64_t{0}).value();
  care.pin("replica_1", EntryId{1}, 4096).value();
  r.line("pin backup 2 18446744073709551615").line("pin replica_1 1 4096");
  r.finish("pinned", files);
}

void markers(Files& files) {
  Recipe r("An entry, a parent, two checkpoints, one of a kind to come, an entry; closed.");
  LogWriter log = r.open(small());
  r.append(log, {"one"});
  const auto write = [&](const Marker& marker) {
    log.write_marker(MarkerBody(marker).bytes()).value();
  };
  write({Marker::Kind::parent, EntryId{40}, log::first_header().log});
  write({.kind = Marker::Kind::checkpoint});
  write({.kind = Marker::Kind::checkpoint, .entry_id = EntryId{1}});
  log.write_marker(as_bytes("\x03 to come")).value();
  r.append(log, {"two"});
  log.close().value();
  r.line("segments 1").entry(1, "one").entry(2, "two").line("end clean").line("proven 2");
  r.line("checkpoint 1");
  r.finish("markers", files);
}

void whole_blocks(Files& files) {
  Recipe r("Each sync group on a block of its own; the process was killed.");
  WalOptions options = small();
  options.segment_bytes = 1 << 20;
  options.layout = Layout::whole_blocks;
  LogWriter log = r.open(options);
  r.append(log, {"one"});
  r.append(log, {"two", "three"});
  r.kill();
  r.line("segments 1").entry(1, "one").entry(2, "two").entry(3, "three");
  r.line("end clean").line("proven 3");
  r.finish("whole_blocks", files);
}

/// Entries 1 and 2 durable, 3 flushed, 4 flushed behind it; where the frame of 4 begins.
std::uint64_t two_durable_two_flushed(Recipe& r) {
  LogWriter log = r.open(by_hand());
  r.append(log, {"durable", "too"});
  log.sync().value();
  r.append(log, {"flushed"});
  log.flush().value();
  const std::uint64_t begin = r.bytes_of(segment(1, 1));
  r.append(log, {std::string(60, 'q')});
  log.flush().value();
  r.kill();
  r.line("segments 1").entry(1, "durable").entry(2, "too").entry(3, "flushed");
  return begin;
}

void torn(Files& files) {
  Recipe r("A write that did not finish: the file ends inside the body of the last frame.");
  const std::uint64_t begin = two_durable_two_flushed(r);
  r.directory().truncate_file(segment(1, 1), begin + 64 + 20).value();
  r.line("end torn").line("proven 2").line("torn_bytes 84");
  r.finish("torn", files);
}

void suspect(Files& files) {
  Recipe r("A bit flipped in the last frame, which was never known to be durable.");
  const std::uint64_t begin = two_durable_two_flushed(r);
  r.directory().flip_bit(segment(1, 1), (begin + 64 + 20) * 8).value();
  r.line("end suspect").line("proven 2").line("suspect_bytes 125");
  r.finish("suspect", files);
}

void lost(Files& files) {
  Recipe r("As plain, without LOCK, with a bit flipped in entry 2; the frame behind it proves 2.");
  three_entries(r);
  r.directory().remove_file("wal/LOCK").value();
  // Frames of 72 bytes from 512 on, and a body behind a header of 64.
  r.directory().flip_bit(segment(1, 1), (512 + 72 + 64 + 2) * 8).value();
  r.line("segments 1").entry(1, "one").line("end corrupt");
  r.finish("lost", files);
}

void rehomed(Files& files) {
  Recipe r("Two flushed entries, written again by the next life, which appended one more.");
  LogWriter first = r.open(by_hand());
  r.append(first, {"durable"});
  first.sync().value();
  r.append(first, {"moved"});
  first.flush().value();
  r.append(first, {"moved too"});
  first.flush().value();
  r.kill();
  LogWriter second = r.open(small());
  r.append(second, {"new"});
  r.kill();
  r.line("segments 2").entry(1, "durable").entry(2, "moved").entry(3, "moved too");
  r.entry(4, "new").line("end clean").line("proven 4");
  r.finish("rehomed", files);
}

void newer(Files& files) {
  Recipe r("As plain, with a segment header of format version 1.");
  three_entries(r);
  Bytes bytes = r.directory().read_file(segment(1, 1)).value();
  bytes[12] = std::byte{1};
  const BytesView head = BytesView(bytes).first(log::kSegmentHeaderBytes);
  const std::uint32_t crc = crc32c(head.subspan(32), crc32c(head.first(28)));
  for (int i = 0; i < 4; ++i) bytes[28 + i] = static_cast<std::byte>(crc >> (8 * i));
  r.directory().overwrite_file(segment(1, 1), bytes).value();
  r.line("segments 1").line("end incompatible");
  r.finish("newer", files);
}

void write_by_hand(CrashDirectory& root, const log::FramesByHand& frames) {
  const auto wal = root.subdirectory("wal", OpenMode::create).value();
  const log::SegmentHeader& header = frames.header();
  const std::string name = log::to_string(log::SegmentName{header.number, header.first});
  const BytesView parts[] = {frames.bytes};
  wal->open(name, OpenMode::create).value()->write_at(0, parts).value();
  auto manifest = log::ManifestWriter::create(*wal, header.log).value();
  log::ManifestSlot slot = manifest.current();
  slot.epoch = header.epoch;
  slot.first_segment = slot.last_segment = header.number;
  slot.first_salt = slot.last_salt = header.salt();
  slot.last_segment_first = header.first;
  slot.begins_after = header.first - 1;
  slot.clean = false;
  manifest.write(slot).value();
}

void born_later(Files& files) {
  Recipe r("Born behind entry 41, nothing appended; its first segment will be number 3.");
  const auto wal = r.directory().subdirectory("wal", OpenMode::create).value();
  const log::LogIdentity identity = log::first_header().log;
  auto manifest = log::ManifestWriter::create(*wal, identity).value();
  for (int slot = 0; slot < 2; ++slot) {
    manifest
        .write({.log = identity,
                .epoch = 5,
                .first_segment = 3,
                .durable_through = EntryId{41},
                .begins_after = EntryId{41}})
        .value();
  }
  r.line("segments 0").line("end clean").line("proven 41");
  r.finish("born_later", files);
}

void begins_later(Files& files) {
  Recipe r("A log that begins with entry 42, in segment 3, which has no predecessor.");
  log::SegmentHeader header = log::first_header();
  header.number = 3;
  header.first = EntryId{42};
  header.prev_last = header.durable_through = EntryId{41};
  header.codec = kCodec;
  header.type_name = "golden";
  write_by_hand(r.directory(),
                log::FramesByHand(header).entries(42, 41, {"first"}).entries(43, 42, {"second"}));
  r.line("segments 1").entry(42, "first").entry(43, "second");
  r.line("end clean").line("proven 42");
  r.finish("begins_later", files);
}

void with_loss(Files& files) {
  Recipe r(
      "An entry of an older schema, a marker, a loss of 2 to 4, a kind to pass over, one more.");
  log::SegmentHeader header = log::first_header();
  header.codec = kCodec;
  header.type_name = "golden";
  log::FramesByHand frames(header);
  const Bytes loss = log::encode_loss({{EntryId{2}, EntryId{4}}, "a bad sector"});
  frames.add({.first = EntryId{1}, .count = 1, .flags = log::kFlagSchema},
             as_bytes("\x02\x04kept"));
  frames.add(log::control(log::FrameKind::marker, EntryId{2}, EntryId{1}), as_bytes("note"));
  frames.add(log::control(log::FrameKind::loss, EntryId{2}, EntryId{1}), loss);
  log::FrameHeader later = log::control(log::FrameKind::marker, EntryId{5}, EntryId{4});
  later.kind = log::kSkippableKind | 9;
  frames.add(later, as_bytes("of later")).entries(5, 4, {"after"});
  write_by_hand(r.directory(), frames);
  r.line("segments 1").line(entry_line(EntryId{1}, 2, as_bytes("kept")));
  r.line(gap_line({EntryId{2}, EntryId{4}})).entry(5, "after").line("end clean").line("proven 4");
  r.finish("with_loss", files);
}

/// Packed once and kept: another version of the libraries may pack otherwise.
void compressed(Files& files, Compression algorithm, std::string_view packed) {
  const char* const kind = algorithm == Compression::lz4 ? "lz4" : "zstd";
  const std::vector<std::string> texts{"the same words and the same words again",
                                       "the same words, once more",
                                       "and the same words at the end"};
  Recipe r(std::string("A plain entry, three compressed by ") + kind +
           ", the same three of an older schema, a plain one.");
  log::SegmentHeader header = log::first_header();
  header.codec = kCodec;
  header.type_name = "golden";
  log::FramesByHand frames = log::FramesByHand(header).entries(1, 0, {"one"});
  const std::string body = static_cast<char>(algorithm) + std::string("\x60") + std::string(packed);
  log::FrameHeader three{.first = EntryId{2},
                         .durable_through = EntryId{1},
                         .count = 3,
                         .flags = log::kFlagCompressed};
  frames.add(three, as_bytes(body));
  three.first = EntryId{5};
  three.flags |= log::kFlagSchema;
  frames.add(three, as_bytes("\x02" + body)).entries(8, 4, {"eight"});
  write_by_hand(r.directory(), frames);
  r.line("segments 1").entry(1, "one");
  for (std::uint64_t i = 0; i < 3; ++i) r.entry(2 + i, texts[i]);
  for (std::uint64_t i = 0; i < 3; ++i) r.line(entry_line(EntryId{5 + i}, 2, as_bytes(texts[i])));
  r.entry(8, "eight").line("end clean").line("proven 4");
  r.finish(kind, files);
}

void lz4(Files& files) {
  using namespace std::string_view_literals;
  compressed(
      files, Compression::lz4,
      "\374\005'the same words and \023\000Zgain\031\025\000\317, once more\0353\000\001\220t the end"sv);
}

void zstd(Files& files) {
  using namespace std::string_view_literals;
  compressed(
      files, Compression::zstd,
      "(\265/\375 `\325\001\000\344\002'the same words and gain\031, once more\035t the end\003\000V\321\011\247\254\0312\231"sv);
}

}  // namespace

Files make_all() {
  Files files;
  for (const auto make : {born,
                          plain,
                          batches,
                          closed,
                          bad_manifest_slot,
                          several_segments,
                          trimmed,
                          pinned,
                          markers,
                          whole_blocks,
                          torn,
                          suspect,
                          lost,
                          rehomed,
                          newer,
                          born_later,
                          begins_later,
                          with_loss,
                          lz4,
                          zstd}) {
    make(files);
  }
  return files;
}

}  // namespace walkit::golden
