#include "log/read_ahead.hpp"

#include <algorithm>
#include <new>
#include <system_error>

namespace walkit::log {
namespace {

constexpr unsigned kThreadsMax = 64;
// Read at once, if the index has lines so near to each other.
constexpr std::uint64_t kPieceBytes = 512 << 10;
// What is larger, stored or decompressed, is left to who asks.
constexpr std::uint64_t kPieceBytesMax = 8 << 20;

}  // namespace

ReadAhead::ReadAhead(Directory& directory, const ReadOptions& options)
    : directory_(directory),
      threads_(std::min(options.threads, kThreadsMax)),
      frame_bytes_max_(std::min(options.frame_bytes_max, kPieceBytesMax)),
      how_(options.sealed_segments),
      slots_(std::size_t{2} * threads_) {}

ReadAhead::~ReadAhead() {
  {
    const Lock lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void ReadAhead::enter(const std::string& file, const SegmentHeader& segment,
                      const SegmentHeader* next) {
  leave();
  const auto opened = directory_.open(file, OpenMode::read);
  if (!opened) return;
  SegmentIndex index(segment);
  if (Status loaded = index.load_seal(**opened, segment, next); !loaded || !index.seal()) return;
  file_ = file;
  segment_ = segment;
  std::vector<FramePlace> places = pieces_of(index);
  if (places.size() < 3) return;  // nothing that could be read apart
  start_helpers();
  {
    const Lock lock(mutex_);
    places_ = std::move(places);
  }
  work_.notify_all();
}

// Nobody is at work when it returns.
void ReadAhead::leave() {
  Lock lock(mutex_);
  places_.clear();
  done_.wait(lock, [&] { return busy_ == 0; });
  head_ = taken_ = 0;
  given_ = nullptr;
  for (Slot& slot : slots_) {
    slot.scanner.reset();
    slot.file.reset();
    slot.unpacked.clear();
  }
}

// Where pieces begin, and where the last one ends.
std::vector<FramePlace> ReadAhead::pieces_of(const SegmentIndex& index) const {
  std::vector<FramePlace> places{{first_frame_offset(segment_.layout), segment_.first, {}}};
  for (auto line = index.above(segment_.first); line; line = index.above(line->first)) {
    if (line->offset < places.back().offset + kPieceBytes) continue;
    places.push_back({line->offset, line->first, {}});
  }
  places.push_back(*index.seal());
  return places;
}

// Fewer than were asked for, or none, do as well.
void ReadAhead::start_helpers() {
  try {
    while (helpers_.size() + 1 < threads_) helpers_.emplace_back([this] { help(); });
  } catch (const std::system_error&) {
    return;
  }
}

void ReadAhead::help() {
  Lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stop_ || may_take(); });
    if (stop_) return;
    check_next(lock);
  }
}

bool ReadAhead::may_take() const { return taken_ < pieces() && taken_ < head_ + slots_.size(); }

void ReadAhead::check_next(Lock& lock) {
  const std::size_t piece = taken_++;
  Slot& slot = slot_of(piece);
  slot.done = false;
  ++busy_;
  const std::uint64_t end = places_[piece + 1].offset;
  const FramePlace begin = places_[piece];
  lock.unlock();
  if (!check(slot, begin, end)) slot.frames.clear();
  lock.lock();
  slot.done = true;
  --busy_;
  done_.notify_all();
}

// false: not all of the piece is as it should be, and views in what was may be of another place.
bool ReadAhead::check(Slot& slot, const FramePlace& begin, std::uint64_t end) noexcept try {
  slot.frames.clear();
  slot.given = 0;
  std::size_t kept = 0;  // what is used again must not grow with the frames of all pieces
  for (const Decompressor::Memory& memory : slot.unpacked) kept += memory.capacity;
  if (kept > kPieceBytesMax) slot.unpacked.clear();
  if (end - begin.offset > kPieceBytesMax) return false;
  if (!slot.file) {
    auto file = directory_.open(file_, OpenMode::read);
    if (!file) return false;
    slot.file = std::move(*file);
    slot.scanner.emplace(*slot.file, segment_, frame_bytes_max_);
    if (how_ == SealedSegments::mapped) slot.scanner->map();
  }
  FrameScanner& scanner = *slot.scanner;
  seek(scanner, begin);
  // All of it with one read, so that no view moves.
  if (!scanner.window().at(begin.offset, end - begin.offset)) return false;
  std::size_t unpacked = 0, unpacked_bytes = 0;
  while (scanner.position() < end) {
    const auto frame = scanner.next();
    if (!frame || !*frame || scanner.position() > end) return false;
    slot.frames.push_back({**frame, scanner.expected()});
    if (((*frame)->header.flags & kFlagCompressed) == 0) continue;
    unpacked_bytes += (*frame)->entries.size();
    if (unpacked_bytes > kPieceBytesMax) return false;
    if (unpacked == slot.unpacked.size()) slot.unpacked.emplace_back();
    scanner.keep_unpacked(slot.unpacked[unpacked++]);
  }
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

// The piece that `position` lies in, checked: by whoever is free, this thread too.
ReadAhead::Slot* ReadAhead::piece_at(std::uint64_t position) {
  Lock lock(mutex_);
  const auto is_done = [&] { return taken_ > head_ && slot_of(head_).done; };
  while (head_ < pieces() && places_[head_ + 1].offset <= position) {
    if (taken_ == head_) {
      ++taken_;  // passed over
    } else {
      done_.wait(lock, is_done);
    }
    ++head_;
    work_.notify_all();
  }
  if (head_ == pieces() || position < places_[head_].offset) return nullptr;
  while (!is_done()) {
    if (may_take()) {
      check_next(lock);
    } else {
      done_.wait(lock);
    }
  }
  given_end_ = places_[head_ + 1].offset;
  return &slot_of(head_);
}

const ReadAhead::Frame* ReadAhead::at(std::uint64_t position, EntryId expected,
                                      std::uint32_t chain) {
  if (given_ == nullptr || position >= given_end_) given_ = piece_at(position);
  if (given_ == nullptr) return nullptr;
  const std::vector<Frame>& frames = given_->frames;
  std::size_t& next = given_->given;
  while (next < frames.size() && frames[next].view.header.offset < position) ++next;
  if (next == frames.size()) return nullptr;
  const FrameHeader& header = frames[next].view.header;
  const bool continues =
      header.offset == position && header.first == expected && header.chain == chain;
  return continues ? &frames[next] : nullptr;
}

}  // namespace walkit::log
