#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "log/indexed_segment.hpp"
#include "log/snapshot.hpp"
#include "walkit/log/log_reader.hpp"

namespace walkit::log {

/// Single entries of a log, by id or by time: a binary search over the names of the segments, then
/// over the index of one, then one step of that index is read and checked. Beside a writer or not;
/// takes no lock, changes nothing.
///
/// Kept between calls, and thrown away as soon as the evidence is another: the names, the judged
/// tail of the newest segment, and the last segments used, open, with their indexes. Each call asks
/// for the lock and reads LOCK and MANIFEST, which a writer changes at least one of before it moves
/// or removes anything proven durable; what an answer "there is none" or an entry above that rests
/// on, the names, is read too. So a file that a trim removed keeps its space until the next call.
/// Any thread; calls wait for each other.
class RandomReader {
 public:
  /// directory: of the log itself. type: none reads any codec and type.
  RandomReader(std::shared_ptr<Directory> directory, ReadOptions options,
               std::optional<StoredType> type);
  ~RandomReader();

  /// gap: older than the oldest; not_found: behind the end, which beside a writer is the durable id
  /// or, with Durability::flushed, the last whole frame, and else the last whole entry;
  /// corrupt: damaged, with file, offset and ids, or in a recorded loss, whatever RecordedLoss
  /// says; incompatible: another codec or type, or a newer schema.
  Result<OwnedEntry> read(EntryId id);
  /// The first entry whose frame was written at or after that time, as the writer's clock told it;
  /// frames of one group share a time. not_found: none. Errors as read().
  Result<EntryId> first_since(std::uint64_t time_ns);
  /// When the frame of an entry was written, ns since 1970. Errors as read().
  Result<std::uint64_t> time_of(EntryId id);

 private:
  struct Evidence;
  struct View;
  template <class T, class Answer>
  Result<T> ask(EntryId id, Answer&& answer);
  template <class T, class Answer>
  Result<T> ask_until_sure(EntryId id, Answer& answer);
  Status refresh(EntryId id);
  Status look_anew();
  Result<Evidence> evidence() const;
  Result<bool> still_fits() const;
  Result<bool> same_names() const;
  Status find_end();

  Result<IndexedSegment*> segment(std::size_t index);
  [[nodiscard]] IndexedSegment::Reach reach() const;
  Status check_id(EntryId id) const;
  Result<IndexedSegment*> segment_of(EntryId id);
  Result<OwnedEntry> read_here(EntryId id);
  Result<std::optional<FrameHeader>> since_in(std::size_t index, std::uint64_t time_ns);
  Result<EntryId> first_since_here(std::uint64_t time_ns);

  const std::shared_ptr<Directory> directory_;
  const ReadOptions options_;
  const std::optional<StoredType> type_;
  std::mutex mutex_{};
  std::unique_ptr<View> view_;  // none: nothing is known
};

}  // namespace walkit::log
