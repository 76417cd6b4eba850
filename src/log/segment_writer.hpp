#pragma once

#include <memory>
#include <string>
#include <vector>

#include "log/compression.hpp"
#include "log/frame.hpp"
#include "log/group.hpp"
#include "log/segment_name.hpp"
#include "log/sparse_index.hpp"
#include "walkit/io/directory.hpp"

namespace walkit::log {

/// The one segment that a writer appends to. Nothing of it is visible under its name before
/// publish(). After an error of a write or sync it must not be used again. One thread at a time.
class SegmentWriter {
 public:
  /// How space is made ahead of use: zeros are written, so that syncs need no metadata; or space is
  /// only set aside, where syncs are rare and writing all twice would cost more.
  enum class Prefill { written, allocated };

  /// Makes the file under a temporary name, in place of an older leftover, and fills it with zeros
  /// (0: no prefill). An error leaves no file behind.
  static Result<std::unique_ptr<SegmentWriter>> prepare(Directory& directory, SegmentName name,
                                                        std::uint64_t prefill_bytes,
                                                        Prefill prefill = Prefill::written);
#ifdef WALKIT_MUTATIONS
  static std::unique_ptr<SegmentWriter> adopt(std::string name, std::unique_ptr<File> file,
                                              SegmentHeader header, std::uint64_t position,
                                              std::uint32_t chain);
#endif
  /// Writes the header. Frames may follow before publish(): rehoming has its commit point there.
  Status begin(SegmentHeader header);
  /// The commit point: sync, rename, directory sync. Durable and visible on return.
  Status publish(Directory& directory);
  /// Removes what prepare() made; for a segment that will not be published.
  void discard(Directory& directory) noexcept;
  /// Before publish(): it will be this segment, prepared under whatever name.
  void become(SegmentName name);

  /// Writes the group's frames with one write; what is compressed is so in the group's own memory.
  Status write(Group& group, Compressor& compressor, EntryId durable_through,
               std::uint64_t time_ns);
  /// A frame that stood in another segment, its body byte for byte.
  Status rehome(const FrameHeader& header, BytesView body, std::uint64_t original_epoch,
                EntryId durable_through);
  /// A marker where the id `expected` comes next, all entries before it being durable. Not synced.
  Status write_marker(BytesView body, EntryId expected, std::uint64_t time_ns);
  Status sync();
  enum class Ending { rotation, close };
  /// A close frame for a close, a seal, the unused rest cut off, one sync.
  Status seal(Ending ending, EntryId last, std::uint64_t time_ns);
  /// Makes zeros up to `to`. no_space: nothing else changed.
  Status prefill(std::uint64_t to);

  [[nodiscard]] const SegmentHeader& header() const { return header_; }
  [[nodiscard]] const std::string& file() const { return name_; }
  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] std::uint64_t prefilled() const { return prefilled_; }
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  [[nodiscard]] std::uint64_t time_ns() const { return time_ns_; }
  /// The most that a close frame and a seal with that many lines of index take.
  [[nodiscard]] static std::uint64_t ending_room(std::size_t index_entries) noexcept;
  [[nodiscard]] std::uint64_t ending_room() const noexcept {
    return ending_room(index_.lines().size() + 1);
  }
  [[nodiscard]] const SegmentEnd& end() const { return end_; }

 private:
  SegmentWriter(std::string name, std::unique_ptr<File> file);
  Status named(Status done) const;
  BytesView put_header(FrameHeader header, BytesView body, std::byte* header_at, bool ends_group);
  Status write_control(FrameKind kind, BytesView body, EntryId expected, bool ends_group);
  void note_in_index(const FrameHeader& header) noexcept;

  std::string name_, temporary_;
  std::unique_ptr<File> file_;
  bool published_ = false;
  Prefill prefill_ = Prefill::written;
  SegmentHeader header_{};
  std::uint32_t seed_ = 0;
  std::uint64_t position_ = 0;   // behind what was written
  std::uint64_t prefilled_ = 0;  // zeros stand up to here
  std::uint32_t chain_ = 0;
  std::uint64_t time_ns_ = 0;
  std::uint64_t frames_ = 0;
  std::uint64_t next_position_ = 0;  // while a write is under way
  SparseIndex index_{};
  SegmentEnd end_{};
};

}  // namespace walkit::log
