#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "log/frame_scanner.hpp"
#include "log/segment_index.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::log {

/// Reads and checks the frames of one sealed segment after the other before they are asked for: on
/// helper threads, which live as long as this, and on the one that asks. The seal's index says
/// where pieces begin that may be read apart.
///
/// It judges nothing. What it gives is what a FrameScanner gives in that place; where it has
/// nothing, for whatever reason (no index, a fault, an error of the device, no memory, no threads),
/// who asks reads the place himself. So errors are the same as without it, and come in the same
/// order. Memory is two pieces for each thread, each as it is stored and decompressed. One thread
/// asks.
class ReadAhead {
 public:
  /// Of the options threads, frame_bytes_max and sealed_segments count.
  ReadAhead(Directory& directory, const ReadOptions& options);
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead();

  /// Goes to another segment. next: the header of its successor; nullptr: it has none. Errors are
  /// told by who reads the segment.
  void enter(const std::string& file, const SegmentHeader& segment, const SegmentHeader* next);
  /// Goes to none: at() gives nothing.
  void leave();

  struct Frame {
    FrameView view{};
    EntryId next{};  // the id expected behind it
  };
  /// The frame of the segment at `position` that continues this chain with this id. nullptr: not
  /// known here. Views live until the next call; positions do not fall from call to call.
  const Frame* at(std::uint64_t position, EntryId expected, std::uint32_t chain);

 private:
  // A piece that is being checked, or was and is not given yet.
  struct Slot {
    std::unique_ptr<File> file{};
    std::optional<FrameScanner> scanner{};
    std::vector<Frame> frames{};
    std::vector<Decompressor::Memory> unpacked{};  // what frames point into
    std::size_t given = 0;
    bool done = false;
  };
  using Lock = std::unique_lock<std::mutex>;

  [[nodiscard]] std::vector<FramePlace> pieces_of(const SegmentIndex& index) const;
  void start_helpers();
  void help();
  [[nodiscard]] std::size_t pieces() const { return places_.empty() ? 0 : places_.size() - 1; }
  [[nodiscard]] Slot& slot_of(std::size_t piece) { return slots_[piece % slots_.size()]; }
  [[nodiscard]] bool may_take() const;
  void check_next(Lock& lock);
  bool check(Slot& slot, const FramePlace& begin, std::uint64_t end) noexcept;
  Slot* piece_at(std::uint64_t position);

  Directory& directory_;
  const unsigned threads_;  // at work, the one that asks included
  const std::uint64_t frame_bytes_max_;
  const SealedSegments how_;

  // Of the segment; written only while no piece of it is being checked.
  std::string file_{};
  SegmentHeader segment_{};
  std::vector<FramePlace> places_{};  // where pieces begin, and where the last one ends
  std::vector<Slot> slots_;
  Slot* given_ = nullptr;  // of the one that asks
  std::uint64_t given_end_ = 0;

  std::mutex mutex_{};
  std::condition_variable work_{}, done_{};
  std::size_t head_ = 0;   // the piece that is being given
  std::size_t taken_ = 0;  // those before it are being checked, or are done
  std::size_t busy_ = 0;
  bool stop_ = false;
  std::vector<std::thread> helpers_{};
};

}  // namespace walkit::log
