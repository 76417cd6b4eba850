#include "walkit/app/raft_io.hpp"

#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "app/raft_io_replies.hpp"
#include "app/raft_io_store.hpp"
#include "walkit/codec.hpp"

extern "C" {  // which raft.h does not say itself
#include <raft.h>
}
#include <uv.h>

namespace walkit::raft {

namespace {

/// Appends that are durable, or failed, on their way from the log's thread to the loop: shared with
/// callbacks that may come when the loop is gone.
struct Arrivals {
  std::mutex mutex{};
  uv_async_t* wake = nullptr;  // none: nobody listens
  std::deque<std::pair<raft_io_append*, int>> done{};

  void add(raft_io_append* request, int status) {
    const std::lock_guard lock(mutex);
    done.emplace_back(request, status);
    if (wake != nullptr) uv_async_send(wake);
  }
};

/// Runs on a thread of libuv's, then tells the loop.
struct Work {
  uv_work_t request{};
  std::function<void()> run{}, done{};

  static int start(uv_loop_s& loop, std::function<void()> run, std::function<void()> done) {
    auto work = std::make_unique<Work>();
    work->run = std::move(run);
    work->done = std::move(done);
    work->request.data = work.get();
    const int failed = uv_queue_work(
        &loop, &work->request, [](uv_work_t* r) { static_cast<Work*>(r->data)->run(); },
        [](uv_work_t* r, int) {
          const std::unique_ptr<Work> finished(static_cast<Work*>(r->data));
          finished->done();
        });
    if (failed != 0) return RAFT_IOERR;
    static_cast<void>(work.release());  // it is the loop's now
    return 0;
  }
};

}  // namespace

/// Its static functions are the raft_io's: each finds its Core in `impl`.
struct RaftIo::Core {
  Core(::raft_io& network, uv_loop_s& l, RaftStorage storage)
      : inner(network), loop(l), store(std::move(storage)) {
    io.version = 2;
    io.impl = this;
    io.init = init;
    io.close = close;
    io.load = load;
    io.start = start;
    io.bootstrap = [](auto* r, auto* c) { return of(r).told(of(r).store.bootstrap(*c)); };
    io.recover = [](auto* r, auto* c) { return of(r).told(of(r).store.recover(*c)); };
    io.set_term = [](auto* r, raft_term t) { return of(r).told(of(r).store.set_term(t)); };
    io.set_vote = [](auto* r, raft_id id) { return of(r).told(of(r).store.set_vote(id)); };
    io.truncate = [](auto* r, raft_index i) { return of(r).told(of(r).store.truncate(i)); };
    io.append = append;
    io.snapshot_put = snapshot_put;
    io.snapshot_get = snapshot_get;
    io.send = send;
    io.time = [](auto* r) { return of(r).inner.time(&of(r).inner); };
    io.random = [](auto* r, int min, int max) {
      return of(r).inner.random(&of(r).inner, min, max);
    };
    io.async_work = [](auto* r, auto* request, auto cb) {
      return of(r).inner.async_work(&of(r).inner, request, cb);
    };
  }

  static Core& of(::raft_io* r) { return *static_cast<Core*>(r->impl); }

  static int init(::raft_io* r, raft_id id, const char* address);
  static void close(::raft_io* r, raft_io_close_cb cb);
  static int load(::raft_io* r, raft_term* term, raft_id* voted_for, raft_snapshot** snapshot,
                  raft_index* start_index, raft_entry** entries, std::size_t* n_entries);
  static int start(::raft_io* r, unsigned msecs, raft_io_tick_cb tick, raft_io_recv_cb recv);
  static int send(::raft_io* r, raft_io_send* request, const raft_message* message,
                  raft_io_send_cb cb);
  static int append(::raft_io* r, raft_io_append* request, const raft_entry* entries, unsigned n,
                    raft_io_append_cb cb);
  static int snapshot_put(::raft_io* r, unsigned trailing, raft_io_snapshot_put* request,
                          const raft_snapshot* snapshot, raft_io_snapshot_put_cb cb);
  static int snapshot_get(::raft_io* r, raft_io_snapshot_get* request, raft_io_snapshot_get_cb cb);

  int told(int code);
  int told_by_network(int code);
  int submit(raft_io_append* request, const raft_entry* entries, unsigned n);
  void installed(int status, raft_index index);
  void deliver();
  void maybe_closed();

  ::raft_io io{};
  ::raft_io& inner;  // network, ticks and clock
  uv_loop_s& loop;
  RaftIoStore store;
  FollowerReplies replies{};
  raft_io_recv_cb receive = nullptr;  // raft's
  std::shared_ptr<Arrivals> arrivals = std::make_shared<Arrivals>();
  uv_async_t wake{};
  unsigned appending = 0, under_way = 0;  // appends, and snapshots, whose callbacks are to come
  /// Appends for behind a snapshot that replaces the log, and is not there yet. raft keeps the
  /// entries.
  struct Waiting {
    raft_io_append* request;
    const raft_entry* entries;
    unsigned n;
  };
  std::vector<Waiting> waiting{};
  bool is_installing = false;
  bool listens = false, closing = false, inner_closed = false;
  raft_io_close_cb close_cb = nullptr;
};

int RaftIo::Core::told(int code) {
  if (code != 0) std::snprintf(io.errmsg, sizeof io.errmsg, "%s", store.text().c_str());
  return code;
}

int RaftIo::Core::told_by_network(int code) {
  if (code != 0) std::snprintf(io.errmsg, sizeof io.errmsg, "%s", inner.errmsg);
  return code;
}

// raft finds itself by `data` of the raft_io that it is called with, which the network's is too.
int RaftIo::Core::init(::raft_io* r, raft_id id, const char* address) {
  Core& core = of(r);
  core.inner.data = r->data;
  const int failed = core.told_by_network(core.inner.init(&core.inner, id, address));
  if (failed != 0) return failed;
  const auto deliver = [](uv_async_t* handle) { static_cast<Core*>(handle->data)->deliver(); };
  if (uv_async_init(&core.loop, &core.wake, deliver) != 0) return RAFT_IOERR;
  core.wake.data = &core;
  core.listens = true;
  core.arrivals->wake = &core.wake;
  return 0;
}

int RaftIo::Core::start(::raft_io* r, unsigned msecs, raft_io_tick_cb tick, raft_io_recv_cb recv) {
  Core& core = of(r);
  core.inner.data = r->data;
  core.receive = recv;
  const auto receive = [](::raft_io* network, raft_message* message) {
    ::raft_io* own = static_cast<::raft*>(network->data)->io;
    Core& receiver = of(own);
    receiver.replies.begin_message(*message);
    receiver.receive(own, message);
    receiver.replies.end_message();
  };
  return core.told_by_network(core.inner.start(&core.inner, msecs, tick, receive));
}

int RaftIo::Core::send(::raft_io* r, raft_io_send* request, const raft_message* message,
                       raft_io_send_cb cb) {
  Core& core = of(r);
  raft_message sent = *message;
  if (sent.type == RAFT_IO_APPEND_ENTRIES_RESULT) {
    sent.append_entries_result = core.replies.correct(sent.append_entries_result);
  }
  return core.inner.send(&core.inner, request, &sent, cb);
}

int RaftIo::Core::load(::raft_io* r, raft_term* term, raft_id* voted_for, raft_snapshot** snapshot,
                       raft_index* start_index, raft_entry** entries, std::size_t* n_entries) {
  Core& core = of(r);
  return core.told(
      core.store.load(*term, *voted_for, *snapshot, *start_index, *entries, *n_entries));
}

int RaftIo::Core::append(::raft_io* r, raft_io_append* request, const raft_entry* entries,
                         unsigned n, raft_io_append_cb cb) try {
  Core& core = of(r);
  request->cb = cb;
  if (core.is_installing) {
    core.waiting.push_back({request, entries, n});
  } else {
    const int failed = core.submit(request, entries, n);
    if (failed != 0) return failed;
  }
  core.replies.take();
  ++core.appending;
  return 0;
} catch (const std::bad_alloc&) {
  return RAFT_NOMEM;
}

int RaftIo::Core::submit(raft_io_append* request, const raft_entry* entries, unsigned n) {
  Ticket ticket;
  const int failed = told(store.append(entries, n, ticket));
  if (failed != 0) return failed;
  ticket.on_durable([to = arrivals, request](const Status& status) {
    to->add(request, status ? 0 : to_raft_code(status.error().code));
  });
  return 0;
}

void RaftIo::Core::installed(int status, raft_index index) {
  is_installing = false;
  if (status == 0) store.continue_behind(index);
  for (const Waiting& append : std::exchange(waiting, {})) {
    const int failed = submit(append.request, append.entries, append.n);
    if (failed != 0) arrivals->add(append.request, failed);
  }
}

// In the loop. A callback may append again. Behind one that failed all fail, and raft (0.15) cuts
// its log at the one that it hears of, though those behind it are to come: so it hears of the last
// first, once all have arrived.
void RaftIo::Core::deliver() {
  for (;;) {
    std::pair<raft_io_append*, int> next;
    {
      const std::lock_guard lock(arrivals->mutex);
      auto& done = arrivals->done;
      if (done.empty()) break;
      const bool failed = done.front().second != 0;
      if (failed && done.size() < appending) break;
      next = failed ? done.back() : done.front();
      failed ? done.pop_back() : done.pop_front();
    }
    --appending;
    next.first->cb(next.first, next.second);
  }
  maybe_closed();
}

int RaftIo::Core::snapshot_put(::raft_io* r, unsigned trailing, raft_io_snapshot_put* request,
                               const raft_snapshot* snapshot, raft_io_snapshot_put_cb cb) try {
  Core& core = of(r);
  request->cb = cb;
  const auto status = std::make_shared<int>(0);
  const int failed = Work::start(
      core.loop,
      [&core, status, trailing, snapshot] {
        *status = core.store.put_snapshot(trailing, *snapshot);
      },
      [&core, status, trailing, request, index = snapshot->index] {
        if (trailing == 0) core.installed(*status, index);
        --core.under_way;
        request->cb(request, *status);
        core.maybe_closed();
      });
  if (failed != 0) return failed;
  ++core.under_way;
  if (trailing == 0) {
    core.is_installing = true;
    core.replies.take();
  }
  return 0;
} catch (const std::bad_alloc&) {
  return RAFT_NOMEM;
}

int RaftIo::Core::snapshot_get(::raft_io* r, raft_io_snapshot_get* request,
                               raft_io_snapshot_get_cb cb) try {
  Core& core = of(r);
  request->cb = cb;
  struct Got {
    int status = 0;
    raft_snapshot* snapshot = nullptr;
  };
  const auto got = std::make_shared<Got>();
  const int failed = Work::start(
      core.loop, [&core, got] { got->status = core.store.get_snapshot(got->snapshot); },
      [&core, got, request] {
        --core.under_way;
        request->cb(request, got->snapshot, got->status);
        core.maybe_closed();
      });
  if (failed == 0) ++core.under_way;
  return failed;
} catch (const std::bad_alloc&) {
  return RAFT_NOMEM;
}

void RaftIo::Core::close(::raft_io* r, raft_io_close_cb cb) {
  Core& core = of(r);
  core.closing = true;
  core.close_cb = cb;
  core.inner.data = &core;  // nothing of raft's is called through it any more
  core.inner.close(&core.inner, [](::raft_io* network) {
    Core& closed = *static_cast<Core*>(network->data);
    closed.inner_closed = true;
    closed.maybe_closed();
  });
}

void RaftIo::Core::maybe_closed() {
  if (!closing || !inner_closed || appending > 0 || under_way > 0) return;
  if (listens) {
    listens = false;
    {
      const std::lock_guard lock(arrivals->mutex);
      arrivals->wake = nullptr;
    }
    return uv_close(reinterpret_cast<uv_handle_t*>(&wake),
                    [](uv_handle_t* handle) { static_cast<Core*>(handle->data)->maybe_closed(); });
  }
  store.close();
  std::exchange(close_cb, nullptr)(&io);
}

RaftIo::RaftIo(std::unique_ptr<Core> core) : core_(std::move(core)) {}
RaftIo::~RaftIo() = default;

Result<std::unique_ptr<RaftIo>> RaftIo::open(::raft_io& network, uv_loop_s& loop,
                                             std::shared_ptr<Directory> directory,
                                             RaftOptions options) try {
  auto storage =
      RaftStorage::open(std::move(directory), std::move(options), {CodecId{"byte"}.value, {}});
  if (!storage) return std::move(storage).error();
  return std::unique_ptr<RaftIo>(
      new RaftIo(std::make_unique<Core>(network, loop, std::move(*storage))));
} catch (const std::bad_alloc&) {
  return Error{.code = Errc::no_memory, .message = "out of memory"};
}

::raft_io& RaftIo::io() { return core_->io; }
const RaftStorage& RaftIo::storage() const { return core_->store.storage(); }

}  // namespace walkit::raft
