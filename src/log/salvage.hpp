#pragma once

#include "log/entry_source.hpp"
#include "log/reading.hpp"
#include "log/salvage_scanner.hpp"

namespace walkit::log {

/// What is in the folder, ready to be scanned; beside a writer, what is durable of it. not_found:
/// no log and nothing of one.
Result<SalvageScanner> scan_of(Directory& home, const ReadOptions& options);

/// The entries of a log in any state that still verify; the holes go into summary().gaps.
class Salvage : public EntrySource {
 public:
  static Result<std::unique_ptr<EntrySource>> open(std::shared_ptr<Directory> directory,
                                                   const ReadOptions& options,
                                                   std::optional<StoredType> type,
                                                   ReplayRange range);

 private:
  Salvage(std::shared_ptr<Directory> directory, std::optional<StoredType> type, ReplayRange range,
          SalvageScanner scanner)
      : directory_(std::move(directory)),
        type_(std::move(type)),
        range_(range),
        scanner_(std::move(scanner)) {}

  Result<bool> next_entries(std::chrono::milliseconds timeout) override;
  void note_gaps();
  bool end(ReplaySummary::End how);

  const std::shared_ptr<Directory> directory_;
  const std::optional<StoredType> type_;
  const ReplayRange range_;
  SalvageScanner scanner_;
  std::size_t gaps_seen_ = 0;
  bool ended_ = false;
};

}  // namespace walkit::log
