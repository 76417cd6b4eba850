#pragma once

// A log under test as a small language: open, append, kill, damage, open again.

#include <functional>
#include <map>
#include <optional>

#include "log/evidence_files.hpp"
#include "log/frame_scanner.hpp"
#include "log/frames_by_hand.hpp"
#include "log/segment_name.hpp"
#include "log/survey.hpp"
#include "log/writer_harness.hpp"

namespace walkit {

using Image = std::map<std::string, Bytes>;

/// Entry n of every log here.
inline std::string text_of(std::uint64_t n) { return "entry number " + std::to_string(n); }

inline std::vector<std::string> texts_through(std::uint64_t count) {
  std::vector<std::string> texts;
  for (std::uint64_t n = 1; n <= count; ++n) texts.push_back(text_of(n));
  return texts;
}

/// One log on a simulated device and the writer that is open on it, if any. append() is durable,
/// flush() stands for entries that reached the operating system only.
class LogBox {
 public:
  explicit LogBox(WalOptions settings = {}, testing::CrashOptions device = {})
      : options(std::move(settings)), directory(CrashDirectory::create(std::move(device))) {
    options.flush = FlushPolicy::manual();
    open();
  }

  Status try_open() {
    wal.reset();
    auto opened = Wal::open(directory, options);
    if (!opened) return opened.error();
    wal.emplace(std::move(*opened));
    return {};
  }
  LogBox& open() {
    EXPECT_THAT(try_open(), IsOk());
    return *this;
  }
  LogBox& append(std::uint64_t count) {
    flush(count);
    EXPECT_THAT(wal->sync(), IsOk());
    return *this;
  }
  /// Each in a frame of its own, none of them synced.
  LogBox& flush(std::uint64_t count) {
    for (; count > 0; --count) {
      EXPECT_THAT(wal->append(text_of(wal->next_entry_id().value)), IsOk());
      EXPECT_THAT(wal->flush(), IsOk());
    }
    return *this;
  }
  LogBox& close() {
    EXPECT_THAT(wal->close(), IsOk());
    wal.reset();
    return *this;
  }
  LogBox& crash(Crash kind) {
    directory = directory->crash(kind);
    wal.reset();  // its power is off: it closes nothing
    return *this;
  }
  LogBox& kill() { return crash(Crash::process_kill); }

  [[nodiscard]] RecoveryReport report() const { return wal->recovery(); }
  [[nodiscard]] std::uint64_t last() const { return (wal->next_entry_id() - 1).value; }
  [[nodiscard]] Image image() const {
    Image image;
    for (const std::string& path : directory->list_files()) {
      image[path] = directory->read_file(path).value();
    }
    return image;
  }
  [[nodiscard]] std::string segment(std::size_t n) const {
    return "wal/" + segment_files(directory).at(n);
  }
  [[nodiscard]] std::string newest() const { return "wal/" + segment_files(directory).back(); }
  [[nodiscard]] std::shared_ptr<Directory> home() const {
    return directory->subdirectory("wal", OpenMode::read).value();
  }

  void put(const std::string& path, BytesView bytes) {
    directory->overwrite_file(path, bytes).ignore("made below where it is missing");
    if (directory->read_file(path).has_value()) return;
    auto file = directory->subdirectory(path.substr(0, path.find('/')), OpenMode::create)
                    .value()
                    ->open(path.substr(path.find('/') + 1), OpenMode::create)
                    .value();
    file->write_at(0, std::span(&bytes, 1)).value();
  }
  void change(const std::string& path, const std::function<void(Bytes&)>& damage) {
    Bytes bytes = directory->read_file(path).value();
    damage(bytes);
    put(path, bytes);
  }
  void flip(const std::string& path, std::uint64_t byte) {
    EXPECT_THAT(directory->flip_bit(path, byte * 8 + 3), IsOk());
  }
  void remove(const std::string& path) { EXPECT_THAT(directory->remove_file(path), IsOk()); }

  WalOptions options;
  std::shared_ptr<CrashDirectory> directory;
  std::optional<Wal> wal{};
};

/// The frames of one segment with their bodies, and its header.
struct SegmentOnDisk {
  log::SegmentHeader header{};
  std::vector<log::FrameHeader> frames{};
  std::vector<Bytes> bodies{};
};

inline SegmentOnDisk read_segment(Directory& home, const std::string& file) {
  const auto name = log::parse_segment_name(file).value();
  auto opened = log::open_segment(home, {file, name}).value();
  SegmentOnDisk segment{.header = opened.header};
  log::FrameScanner scanner(*opened.file, opened.header, ~std::uint64_t{0});
  for (auto frame = scanner.next(); frame && *frame; frame = scanner.next()) {
    segment.frames.push_back((*frame)->header);
    segment.bodies.emplace_back((*frame)->body.begin(), (*frame)->body.end());
  }
  return segment;
}

/// The payloads of a frame.
inline std::vector<std::string> payloads_of(const log::FrameHeader& header, BytesView body) {
  std::vector<std::string> texts;
  log::Decompressor decompressor;
  log::PayloadCursor cursor(log::open_body(header, body, decompressor).value());
  while (const auto payload = cursor.next()) texts.emplace_back(as_text(*payload));
  return texts;
}

inline log::LockRecord lock_of(const LogBox& box) {
  return log::decode_lock_record(box.directory->read_file("wal/LOCK").value()).value();
}

inline void put_lock(LogBox& box, const log::LockRecord& record) {
  box.put("wal/LOCK", log::encode(record));
}

}  // namespace walkit
