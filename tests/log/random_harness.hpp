#pragma once

// Logs of random shapes, what replay says of them, and a directory that counts what is read.

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <random>
#include <utility>

#include "log/frames_by_hand.hpp"
#include "log/log_box.hpp"
#include "log/random_reader.hpp"
#include "seed.hpp"
#include "walkit/log/log_reader.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit {

/// Where random tests begin: WALKIT_SEED, or 1.
inline std::uint64_t first_seed() { return from_environment("WALKIT_SEED", 1); }

/// Of random lives: WALKIT_LIVES, or 25.
inline std::uint64_t end_of_seeds() { return first_seed() + from_environment("WALKIT_LIVES", 25); }

/// Hands everything on to a directory that may be exchanged, and counts what a reader asks for.
class WatchedDirectory final : public testing::PassingDirectory {
 public:
  struct Counts {
    std::atomic<std::uint64_t> reads = 0, bytes = 0, opens = 0, lists = 0;
  };

  using PassingDirectory::move_to;
  explicit WatchedDirectory(std::shared_ptr<Directory> below,
                            std::shared_ptr<Counts> counting = std::make_shared<Counts>())
      : PassingDirectory(std::move(below)), counts_(std::move(counting)) {}

  const Counts& counts() const { return *counts_; }
  /// Reads since the last call.
  std::uint64_t take_reads() { return counts_->reads.exchange(0); }

  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    ++counts_->opens;
    return PassingDirectory::open(name, mode);
  }
  Result<std::vector<std::string>> list() override {
    ++counts_->lists;
    return PassingDirectory::list();
  }

 private:
  struct Watched final : testing::PassingFile {
    Watched(std::unique_ptr<File> inner, std::shared_ptr<Counts> counting)
        : PassingFile(std::move(inner)), counts(std::move(counting)) {}
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
      auto got = PassingFile::read_at(offset, into);
      ++counts->reads;
      counts->bytes += got.value_or(0);
      return got;
    }
    std::shared_ptr<Counts> counts;
  };
  std::unique_ptr<File> wrap_file(std::string_view /*name*/, std::unique_ptr<File> file) override {
    return std::make_unique<Watched>(std::move(file), counts_);
  }
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view /*name*/,
                                               std::shared_ptr<Directory> below) override {
    return std::make_shared<WatchedDirectory>(std::move(below), counts_);
  }

  std::shared_ptr<Counts> counts_;
};

/// What replay gives, best effort, and how it ends.
struct Model {
  struct Entry {
    std::uint64_t id = 0;
    std::string text{}, file{};
    std::uint64_t offset = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::vector<Entry> entries{};
  Result<ReplaySummary> summary{};
};

inline Model model_of(const std::shared_ptr<Directory>& root, ReadOptions options = {}) {
  Model model;
  options.recorded_loss = RecordedLoss::accept;
  const auto reader = LogReader::open(root, options, std::nullopt);
  if (!reader) {
    model.summary = reader.error();
    return model;
  }
  model.summary = reader->replay(ReplayMode::best_effort, {}, [&](const EntryView& entry) {
    model.entries.push_back({entry.entry_id.value, std::string(as_text(entry.payload)),
                             std::string(entry.file), entry.offset});
    return Step::next;
  });
  return model;
}

inline log::RandomReader random_reader(std::shared_ptr<Directory> home, ReadOptions options = {}) {
  return {std::move(home), std::move(options), std::nullopt};
}

inline Model::Entry entry_of(const OwnedEntry& entry) {
  return {entry.entry_id.value, std::string(as_text(entry.payload)), entry.file, entry.offset};
}

/// A log of a random life: each step appends, flushes, rotates, crashes or opens anew.
class RandomLife {
 public:
  explicit RandomLife(std::uint64_t seed)
      : random_(static_cast<std::uint32_t>(seed)),
        box({.segment_bytes = 4096 + 4096 * one_of(3),
             .layout = one_of(2) == 0 ? Layout::packed : Layout::whole_blocks,
             .preallocation = one_of(2) == 0 ? Preallocation::none : Preallocation::zero_fill},
            {.seed = seed}) {}

  std::size_t one_of(std::size_t choices) { return random_() / 7 % choices; }

  void step() {
    if (!box.wal) {
      box.open();
      return;
    }
    switch (one_of(8)) {
      case 0:
      case 1:
        box.append(one_of(40));
        break;
      case 2:
        box.flush(1 + one_of(12));
        break;
      case 3:
        append_batch(1 + one_of(9));
        break;
      case 4:
        box.close();
        break;
      case 5:
        box.kill();
        break;
      case 6:
        box.crash(Crash::power_cut);
        break;
      default:
        box.close().open();
    }
  }

 private:
  void append_batch(std::size_t count) {
    std::vector<std::string> texts;
    for (std::size_t n = 0; n < count; ++n) {
      texts.push_back(text_of(box.wal->next_entry_id().value + n));
    }
    EXPECT_THAT(box.wal->append_batch(texts), IsOk());
    EXPECT_THAT(box.wal->sync(), IsOk());
  }
  std::minstd_rand random_;

 public:
  LogBox box;
};

/// A folder with these segments and a manifest that names them.
inline std::shared_ptr<Directory> folder_of(const std::vector<log::FramesByHand>& segments,
                                            std::uint64_t durable) {
  auto root = MemoryDirectory::create();
  const auto home = root->subdirectory("wal", OpenMode::create).value();
  const log::SegmentHeader &first = segments.front().header(), &last = segments.back().header();
  log::ManifestSlot slot{.log = first.log,
                         .epoch = last.epoch,
                         .first_segment = first.number,
                         .last_segment = last.number,
                         .first_salt = first.salt(),
                         .last_salt = last.salt(),
                         .last_segment_first = last.first,
                         .durable_through = EntryId{durable},
                         .clean = false,
                         .begins_after = first.first - 1};
  const auto put = [&](std::string_view name, std::uint64_t at, BytesView bytes) {
    auto file = home->open(name, OpenMode::create);
    if (!file) file = home->open(name, OpenMode::write);
    file.value()->write_at(at, std::span(&bytes, 1)).value();
  };
  for (slot.generation = 2; slot.generation < 4; ++slot.generation) {
    put("MANIFEST", slot.generation % 2 * log::kManifestSlotBytes, log::encode(slot));
  }
  for (const log::FramesByHand& segment : segments) {
    const log::SegmentHeader& h = segment.header();
    put(log::to_string(log::SegmentName{h.number, h.first}), 0, segment.bytes);
  }
  return root;
}

/// Entries 1 and 2, a recorded loss of 3..6, entries 7 and 8, all of them durable.
inline log::FramesByHand segment_with_loss() {
  log::FramesByHand segment;
  segment.entries(1, 0, {"one", "two"});
  segment.add(log::control(log::FrameKind::loss, EntryId{3}, EntryId{2}),
              log::encode_loss({{EntryId{3}, EntryId{6}}, "a bad sector"}));
  return segment.entries(7, 6, {"seven", "eight"});
}

/// Entries 1 and 2 at the times 5 and 7, and in a second segment 3 and 4 at 7 and 9; `damage` may
/// change what the second one's header says.
inline std::shared_ptr<Directory> two_segments(
    const std::function<void(log::SegmentHeader&)>& damage = [](log::SegmentHeader&) {}) {
  const auto add = [](log::FramesByHand& segment, std::uint64_t id, std::uint64_t time_ns) {
    const std::string text = std::to_string(id);
    segment.add({.first = EntryId{id}, .time_ns = time_ns, .count = 1}, log::body_of({text}));
  };
  log::FramesByHand first;
  add(first, 1, 5);
  add(first, 2, 7);
  log::SegmentHeader header = log::first_header();
  header.number = 2;
  header.first = EntryId{3};
  header.prev_number = 1;
  header.prev_last = EntryId{2};
  header.prev_end = first.bytes.size();
  header.prev_chain = first.chain;
  damage(header);
  log::FramesByHand second(header);
  add(second, 3, 7);
  add(second, 4, 9);
  return folder_of({first, second}, 4)->subdirectory("wal", OpenMode::read).value();
}

}  // namespace walkit
