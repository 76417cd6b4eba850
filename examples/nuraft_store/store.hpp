#pragma once

#include <atomic>
#include <libnuraft/nuraft.hxx>
#include <memory>
#include <string>
#include <walkit/app/raft_storage.hpp>
#include <walkit/walkit.hpp>

/// NuRaft keeps two things beside term and vote: the configuration that was committed last, and
/// flags of the server. They change seldom, and are kept whole.
struct Papers {
  enum class Kind : std::uint8_t { configuration, server_state };
  struct Entry {
    Kind kind{};
    std::string bytes{};
    template <class A>
    void serialize(A& a) {
      a(kind, bytes);
    }
  };
  std::string configuration{}, server_state{};

  void apply(const Entry& entry) {
    (entry.kind == Kind::configuration ? configuration : server_state) = entry.bytes;
  }
  template <class A>
  void serialize(A& a) {
    a(configuration, server_state);
  }
};

/// What a NuRaft server keeps, on walkit: term, vote, entries and snapshots in a Raft log, and its
/// papers beside it.
///
/// NuRaft's storage callbacks cannot fail: here an error ends the process, after a line that says
/// what it was. A server that goes on after it might deny what it has promised. Any thread.
class Store {
 public:
  /// Reserved: NuRaft's reserved_log_items_, which stay readable below a snapshot.
  static std::shared_ptr<Store> open(const std::string& folder, std::uint64_t reserved);

  [[nodiscard]] walkit::raft::RaftStorage& log() { return log_; }
  [[nodiscard]] Papers papers() const;
  void save(Papers::Kind kind, const std::string& bytes);

  /// Saves the state machine's state: NuRaft's create_snapshot(). Where `from` says that it is the
  /// leader's, that is when its last object has come, it takes the place of the log.
  enum class From { own_log, leader };
  void save_snapshot(const nuraft::snapshot& snapshot, walkit::BytesView state, From from);
  /// The newest, or none. With its state in `state`, if that is asked for.
  nuraft::ptr<nuraft::snapshot> snapshot(walkit::Bytes* state = nullptr);

 private:
  Store(walkit::raft::RaftStorage log, walkit::Journaled<Papers> papers)
      : log_(std::move(log)), papers_(std::move(papers)) {}

  walkit::raft::RaftStorage log_;
  walkit::Journaled<Papers> papers_;
};

/// NuRaft appends one by one and ends a batch: then it is written and synced, all in one.
class LogStore final : public nuraft::log_store {
 public:
  explicit LogStore(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  nuraft::ulong next_slot() const override;
  nuraft::ulong start_index() const override;
  nuraft::ptr<nuraft::log_entry> last_entry() const override;
  nuraft::ulong append(nuraft::ptr<nuraft::log_entry>& entry) override;
  void write_at(nuraft::ulong index, nuraft::ptr<nuraft::log_entry>& entry) override;
  void end_of_append_batch(nuraft::ulong start, nuraft::ulong count) override;
  nuraft::ptr<std::vector<nuraft::ptr<nuraft::log_entry>>> log_entries(nuraft::ulong start,
                                                                       nuraft::ulong end) override;
  nuraft::ptr<std::vector<nuraft::ptr<nuraft::log_entry>>> log_entries_ext(
      nuraft::ulong start, nuraft::ulong end, nuraft::int64 bytes_hint) override;
  nuraft::ptr<nuraft::log_entry> entry_at(nuraft::ulong index) override;
  nuraft::ulong term_at(nuraft::ulong index) override;
  nuraft::ptr<nuraft::buffer> pack(nuraft::ulong index, nuraft::int32 count) override;
  void apply_pack(nuraft::ulong index, nuraft::buffer& pack) override;
  /// Entries go with the snapshot that covers them, which Store::save_snapshot has saved before.
  /// False: there is none.
  bool compact(nuraft::ulong last) override;
  bool flush() override;

 private:
  std::shared_ptr<Store> store_;
  std::atomic<nuraft::ulong> compacted_ = 0;
};

class StateManager final : public nuraft::state_mgr {
 public:
  /// `first` is the configuration of the very first start: all servers, this one included.
  StateManager(std::shared_ptr<Store> store, nuraft::int32 id,
               nuraft::ptr<nuraft::cluster_config> first)
      : store_(std::move(store)), id_(id), first_(std::move(first)) {}

  nuraft::ptr<nuraft::cluster_config> load_config() override;
  void save_config(const nuraft::cluster_config& config) override;
  void save_state(const nuraft::srv_state& state) override;
  nuraft::ptr<nuraft::srv_state> read_state() override;
  nuraft::ptr<nuraft::log_store> load_log_store() override;
  nuraft::int32 server_id() override { return id_; }
  void system_exit(int code) override;

 private:
  std::shared_ptr<Store> store_;
  nuraft::int32 id_;
  nuraft::ptr<nuraft::cluster_config> first_;
};
