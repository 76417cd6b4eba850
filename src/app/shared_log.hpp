#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "app/raft_group.hpp"
#include "walkit/log/log_reader.hpp"
#include "walkit/log/log_writer.hpp"
#include "walkit/log/maintenance.hpp"

namespace walkit::raft {

/// The log that groups share, and the groups. Any thread.
class SharedLog {
 public:
  static Result<std::shared_ptr<SharedLog>> open(std::shared_ptr<Directory> directory,
                                                 RaftOptions options);

  /// Made if it is not there; it lives as long as the log.
  Result<Group*> group(std::uint64_t number, const RaftStorage::Commands& commands);
  [[nodiscard]] std::vector<std::uint64_t> born() const;
  /// Removes what no group needs. A group that stands still is told again at the log's end where it
  /// begins, so that it holds nothing but its entries.
  Status trim();
  Status close();

  [[nodiscard]] LogWriter& writer() { return writer_; }
  [[nodiscard]] const LogReader& reader() const { return reader_; }
  [[nodiscard]] const RaftOptions& options() const { return options_; }

 private:
  SharedLog(std::shared_ptr<Directory> directory, RaftOptions options, LogWriter writer,
            LogReader reader);
  Result<Group*> find_or_make(std::uint64_t number);
  Status load();
  [[nodiscard]] std::vector<Group*> all() const;

  std::shared_ptr<Directory> directory_;
  RaftOptions options_;
  LogWriter writer_;
  LogReader reader_;
  mutable std::mutex mutex_{};  // of the map
  std::map<std::uint64_t, std::unique_ptr<Group>> groups_{};
  std::mutex trimming_{};
};

}  // namespace walkit::raft
