#pragma once

#include <memory>
#include <utility>

#include "walkit/app/raft_log.hpp"
#include "walkit/testing/raft_suite.hpp"

namespace walkit::raft {

/// RaftLog, as the suite asks for it.
class RaftLogAdapter : public testing::RaftAdapter {
 public:
  explicit RaftLogAdapter(RaftStorage storage) : storage_(std::move(storage)) {}

  static Result<std::unique_ptr<RaftAdapter>> open(const std::shared_ptr<Directory>& directory,
                                                   const RaftOptions& options) {
    auto storage = RaftStorage::open(directory, options, {CodecId{"byte"}.value, {}});
    if (!storage) return std::move(storage).error();
    return std::unique_ptr<RaftAdapter>(new RaftLogAdapter(std::move(*storage)));
  }

  Status save(const std::optional<HardState>& hard_state, const Entries& entries) override {
    return storage_.save(hard_state, views_of(entries));
  }
  Status truncate(std::uint64_t from) override { return storage_.truncate(from); }
  Status save_snapshot(const Snapshot& snapshot) override {
    return write(storage_.begin_snapshot(snapshot.info), snapshot);
  }
  Status install_snapshot(const Snapshot& snapshot) override {
    return write(storage_.begin_install(snapshot.info), snapshot);
  }
  Status commit(std::uint64_t index) override { return storage_.stage_commit(index); }

  HardState hard_state() override { return storage_.hard_state(); }
  std::uint64_t first_index() override { return storage_.first_index(); }
  std::uint64_t last_index() override { return storage_.last_index(); }
  std::uint64_t commit_index() override { return storage_.commit_index(); }
  Result<std::uint64_t> term_at(std::uint64_t index) override { return storage_.term_at(index); }
  Result<Entries> entries(std::uint64_t first, std::uint64_t last,
                          std::uint64_t bytes_max) override {
    return storage_.entries(first, last, bytes_max);
  }
  Result<Snapshot> snapshot() override {
    Snapshot whole;
    auto info = storage_.read_snapshot([&](BytesView chunk) -> Status {
      whole.state.insert(whole.state.end(), chunk.begin(), chunk.end());
      return {};
    });
    if (!info) return std::move(info).error();
    whole.info = std::move(*info);
    return whole;
  }

 protected:
  /// Readable on return, and no more.
  Status save_later(const std::optional<HardState>& hard_state, const Entries& entries) {
    auto ticket = storage_.save_async(hard_state, views_of(entries));
    if (!ticket) return std::move(ticket).error();
    return {};
  }

 private:
  static std::vector<EntryBytes> views_of(const Entries& entries) {
    std::vector<EntryBytes> views;
    for (const OwnedEntryBytes& entry : entries) {
      views.push_back({entry.index, entry.term, entry.kind, entry.payload});
    }
    return views;
  }
  static Status write(Result<SnapshotWriter> writer, const Snapshot& snapshot) {
    if (!writer) return std::move(writer).error();
    const BytesView state = snapshot.state;
    const std::size_t half = state.size() / 2;  // chunks may end anywhere
    if (Status ok = writer->write(state.first(half)); !ok) return ok;
    if (Status ok = writer->write(state.subspan(half)); !ok) return ok;
    return writer->commit();
  }

  RaftStorage storage_;
};

}  // namespace walkit::raft
