#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "log/entry_source.hpp"
#include "log/indexed_segment.hpp"
#include "log/snapshot.hpp"

namespace walkit::log {

/// A log read newest entry first, as it stood at the first advance(): from an id, or from the end,
/// down to the oldest. Every frame is checked as a replay checks it: checksums, chain, links
/// between segments, ids that meet without a hole. Takes no lock, changes nothing. Memory is one
/// frame, its entries' places, and the headers of one step of the index. One thread.
///
/// not_found: `from` is behind the end; gap: older than the oldest; corrupt: damage, or a recorded
/// loss that the options refuse; incompatible: codec, type or schema. What a trim removes under way
/// was the oldest then, and is not missed. Recorded losses that were passed over are in
/// summary().gaps, newest first.
class BackwardReader : public EntrySource {
 public:
  /// directory: of the log itself. type: none reads any codec and type. from: none begins at the
  /// end, which is where a best-effort replay ends.
  BackwardReader(std::shared_ptr<Directory> directory, ReadOptions options,
                 std::optional<StoredType> type, std::optional<EntryId> from = std::nullopt);

 private:
  Result<bool> next_entries(std::chrono::milliseconds timeout) override;
  Result<bool> step();
  Status begin();
  Status check_from() const;
  Result<bool> next_segment();
  Result<bool> next_frame();
  Status open_frame(const FrameHeader& header);
  Status note_loss(const FrameView& frame);

  const std::shared_ptr<Directory> directory_;
  const ReadOptions options_;
  const std::optional<StoredType> type_;
  std::optional<EntryId> from_;
  bool began_ = false, ended_ = false;
  Snapshot snapshot_{};
  std::size_t segments_left_ = 0;  // not begun yet
  std::unique_ptr<IndexedSegment> segment_{};
  std::optional<FrameScanner> scanner_{};
  FramePlace upper_{};                  // what stands below it was not looked at
  std::vector<FrameHeader> headers_{};  // of the step above, those not given yet
  EntryView like_{};                    // what the entries of the frame have in common
  std::vector<BytesView> begins_{};     // from each of them on that was not given yet; of scanner_
};

}  // namespace walkit::log
