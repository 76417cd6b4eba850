#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>

#include "app/raft_io_store.hpp"

struct uv_async_s;

namespace walkit::raft {

/// C-Raft's appends from when it asks for them to their callbacks, in the loop's thread; the log's
/// thread says what became of each.
///
/// Callbacks come in the order of the appends. Behind one that failed all fail, and then the newest
/// is told first: raft (0.15) cuts its log at the one that it hears of, though those behind it are
/// to come. After a failure nothing is taken any more: what raft has in memory and what stands in
/// the log may not be the same.
class AppendQueue {
 public:
  explicit AppendQueue(RaftIoStore& store) : store_(store) {}

  /// Who wakes the loop for deliver(); none, nobody.
  void wake_by(uv_async_s* handle);
  /// 0: its callback will come. raft keeps the entries until then.
  int add(raft_io_append* request, const raft_entry* entries, unsigned n);
  /// Appends wait meanwhile: a snapshot replaces the log.
  void hold() { is_held_ = true; }
  /// It is there, or failed.
  void go_on(int status);
  void deliver();
  void fail(int status);

  /// Of the first that failed; 0: none did.
  [[nodiscard]] int failure() const { return failure_; }
  [[nodiscard]] bool empty() const { return appends_.empty(); }

 private:
  static constexpr int kUnknown = -1;
  using Answer = std::atomic<int>;

  struct Append {
    raft_io_append* request;
    const raft_entry* entries;
    unsigned n;
    std::shared_ptr<Answer> answer;
    bool is_submitted = false;
  };
  struct Wake {
    std::mutex mutex{};
    uv_async_s* handle = nullptr;
    void operator()();
  };

  int submit(Append& append);

  RaftIoStore& store_;
  std::deque<Append> appends_{};
  std::shared_ptr<Wake> wake_ = std::make_shared<Wake>();  // outlives the loop in a callback
  bool is_held_ = false;
  int failure_ = 0;
};

}  // namespace walkit::raft
