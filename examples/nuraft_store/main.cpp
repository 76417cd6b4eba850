// NuRaft on walkit's Raft log: a group of three servers in one process, over TCP, that keeps a list
// of words. It is stopped and started again from its folders; one server stays away for so long
// that it has to be given a snapshot.

#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "store.hpp"

using nuraft::buffer;
using nuraft::cs_new;
using nuraft::ptr;
using nuraft::ulong;

namespace {

constexpr int kServers = 3, kFirstPort = 21801, kReserved = 5;

/// The state machine: every word that was committed, in order. It is in memory, and begins at the
/// newest snapshot; NuRaft commits what follows again.
class Words final : public nuraft::state_machine {
 public:
  explicit Words(std::shared_ptr<Store> store) : store_(std::move(store)) { load(); }

  ptr<buffer> commit(const ulong index, buffer& word) override {
    const std::lock_guard lock(mutex_);
    const std::string line(reinterpret_cast<const char*>(word.data_begin()), word.size());
    // A client that got no answer sends its word again.
    if (!text_.ends_with(line + "\n")) text_ += line + "\n";
    committed_ = index;
    return nullptr;
  }
  void commit_config(const ulong index, ptr<nuraft::cluster_config>&) override {
    const std::lock_guard lock(mutex_);
    committed_ = index;
  }
  ulong last_commit_index() override {
    const std::lock_guard lock(mutex_);
    return committed_;
  }
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

  // A snapshot of one's own. It stands between two commits, so this is the state at its index.
  void create_snapshot(nuraft::snapshot& snapshot,
                       nuraft::async_result<bool>::handler_type& done) override {
    const std::string state = text();
    store_->save_snapshot(snapshot, walkit::as_bytes(state), Store::From::own_log);
    bool saved = true;
    ptr<std::exception> none;
    done(saved, none);
  }
  ptr<nuraft::snapshot> last_snapshot() override { return store_->snapshot(); }

  // A leader reads the newest for a follower: all of it as one object.
  int read_logical_snp_obj(nuraft::snapshot& snapshot, void*&, ulong, ptr<buffer>& data,
                           bool& is_last) override {
    walkit::Bytes state;
    const auto newest = store_->snapshot(&state);
    if (!newest || newest->get_last_log_idx() != snapshot.get_last_log_idx()) return -1;
    data = buffer::alloc(state.size() + 1);  // NuRaft takes none that is empty
    data->put_raw(reinterpret_cast<const nuraft::byte*>(state.data()), state.size());
    data->put(nuraft::byte{0});
    data->pos(0);
    is_last = true;
    return 0;
  }
  // A follower takes it. It is durable, and its log replaced, before NuRaft compacts the log.
  void save_logical_snp_obj(nuraft::snapshot& snapshot, ulong& object, buffer& data, bool,
                            bool) override {
    const walkit::BytesView state(reinterpret_cast<const std::byte*>(data.data_begin()),
                                  data.size() - 1);
    store_->save_snapshot(snapshot, state, Store::From::leader);
    ++object;
  }
  bool apply_snapshot(nuraft::snapshot&) override {
    load();
    ++installed_;
    return true;
  }
  [[nodiscard]] int installed() const { return installed_; }

 private:
  void load() {
    walkit::Bytes state;
    const auto newest = store_->snapshot(&state);
    const std::lock_guard lock(mutex_);
    text_ = walkit::as_text(state);
    committed_ = newest ? newest->get_last_log_idx() : 0;
  }

  std::shared_ptr<Store> store_;
  mutable std::mutex mutex_{};
  std::string text_{};
  ulong committed_ = 0;
  std::atomic<int> installed_ = 0;
};

std::string address(int id) { return "127.0.0.1:" + std::to_string(kFirstPort + id); }

class Server {
 public:
  explicit Server(int id) {
    const auto store = Store::open("server-" + std::to_string(id), kReserved);
    words_ = cs_new<Words>(store);
    auto all = cs_new<nuraft::cluster_config>();
    for (int n = 1; n <= kServers; ++n) {
      all->get_servers().push_back(cs_new<nuraft::srv_config>(n, address(n)));
    }
    nuraft::raft_params params;
    params.with_election_timeout_lower(200)
        .with_election_timeout_upper(400)
        .with_hb_interval(50)
        .with_snapshot_enabled(50)
        .with_reserved_log_items(kReserved);
    params.return_method_ = nuraft::raft_params::blocking;
    raft_ = launcher_.init(words_, cs_new<StateManager>(store, id, all), nullptr, kFirstPort + id,
                           {}, params);
    if (!raft_) throw std::runtime_error("cannot serve at " + address(id));
  }
  ~Server() {
    raft_.reset();
    launcher_.shutdown();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  nuraft::raft_server& raft() { return *raft_; }
  [[nodiscard]] const Words& words() const { return *words_; }

 private:
  nuraft::raft_launcher launcher_{};
  ptr<Words> words_{};
  ptr<nuraft::raft_server> raft_{};
};

template <class Condition>
void wait_for(const std::string& what, Condition&& is_so) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("no end of: " + what);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

/// One life of the first `count` servers, which appends words until there are `last` in all.
void live(int count, int first, int last, std::string& expected) {
  std::vector<std::unique_ptr<Server>> servers;
  for (int id = 1; id <= count; ++id) servers.push_back(std::make_unique<Server>(id));
  for (int number = first; number <= last; ++number) {
    const std::string word = "word-" + std::to_string(number);
    wait_for("finding a leader that takes " + word, [&] {
      for (auto& server : servers) {
        if (!server->raft().is_leader()) continue;
        ptr<buffer> bytes = buffer::alloc(word.size());
        bytes->put_raw(reinterpret_cast<const nuraft::byte*>(word.data()), word.size());
        bytes->pos(0);
        const auto result = server->raft().append_entries({bytes});
        if (result->get_accepted() && result->get_result_code() == nuraft::OK) return true;
      }
      return false;
    });
    expected += word + "\n";
  }
  wait_for("all servers having all words", [&] {
    for (auto& server : servers) {
      if (server->words().text() != expected) return false;
    }
    return true;
  });
  std::cout << count << " servers have " << last << " words";
  for (auto& server : servers) {
    if (server->words().installed() > 0) std::cout << "; one was given a snapshot";
  }
  std::cout << std::endl;
}

}  // namespace

int main() {
  std::string expected;
  live(3, 1, 120, expected);
  live(2, 121, 300, expected);  // the third is away
  live(3, 301, 320, expected);
}
