#include "walkit/app/raft_io.hpp"

#include <cstdio>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "app/raft_io_appends.hpp"
#include "app/raft_io_replies.hpp"
#include "app/raft_io_store.hpp"
#include "walkit/codec.hpp"

extern "C" {  // which raft.h does not say itself
#include <raft.h>
}
#include <uv.h>

namespace walkit::raft {

namespace {

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

// As raft does with what it has no use for.
void discard(raft_message& message) {
  if (message.type == RAFT_IO_APPEND_ENTRIES && message.append_entries.n_entries > 0) {
    raft_free(message.append_entries.entries[0].batch);
    raft_free(message.append_entries.entries);
  } else if (message.type == RAFT_IO_INSTALL_SNAPSHOT) {
    raft_configuration_close(&message.install_snapshot.conf);
    raft_free(message.install_snapshot.data.base);
  }
}

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
    io.set_term = [](auto* r, raft_term t) {
      return of(r).unless_failed([&](Core& core) { return core.told(core.store.set_term(t)); });
    };
    io.set_vote = [](auto* r, raft_id id) {
      return of(r).unless_failed([&](Core& core) { return core.told(core.store.set_vote(id)); });
    };
    io.truncate = [](auto* r, raft_index i) {
      return of(r).unless_failed([&](Core& core) { return core.told(core.store.truncate(i)); });
    };
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

  /// What raft has in memory may not be what stands in the log: nothing more is taken.
  template <class Call>
  int unless_failed(Call call) {
    if (appends.failure() == 0) return call(*this);
    return told(appends.failure(), "stop this server: a write failed before");
  }
  int told(int code) { return told(code, store.text().c_str()); }
  int told(int code, const char* text);
  int put(unsigned trailing, raft_io_snapshot_put* request, const raft_snapshot* snapshot);
  int get(raft_io_snapshot_get* request);
  void snapshot_is_put(int status, const std::string& text, bool replaces, raft_index index);
  void maybe_closed();

  ::raft_io io{};
  ::raft_io& inner;  // network, ticks and clock
  uv_loop_s& loop;
  RaftIoStore store;
  FollowerReplies replies{};
  raft_io_recv_cb receive = nullptr;  // raft's
  AppendQueue appends{store};
  uv_async_t wake{};
  unsigned under_way = 0;  // snapshots whose callbacks are to come
  bool listens = false, closing = false, inner_closed = false;
  raft_io_close_cb close_cb = nullptr;
};

int RaftIo::Core::told(int code, const char* text) {
  if (code == RAFT_NOMEM) text = raft_strerror(code);
  if (code != 0) std::snprintf(io.errmsg, sizeof io.errmsg, "%s", text);
  return code;
}

// raft finds itself by `data` of the raft_io that it is called with, which the network's is too.
int RaftIo::Core::init(::raft_io* r, raft_id id, const char* address) {
  Core& core = of(r);
  core.inner.data = r->data;
  const int failed = core.told(core.inner.init(&core.inner, id, address), core.inner.errmsg);
  if (failed != 0) return failed;
  const auto deliver = [](uv_async_t* handle) {
    Core& woken = *static_cast<Core*>(handle->data);
    woken.appends.deliver();
    woken.maybe_closed();
  };
  if (uv_async_init(&core.loop, &core.wake, deliver) != 0) return RAFT_IOERR;
  core.wake.data = &core;
  core.listens = true;
  core.appends.wake_by(&core.wake);
  return 0;
}

int RaftIo::Core::start(::raft_io* r, unsigned msecs, raft_io_tick_cb tick, raft_io_recv_cb recv) {
  Core& core = of(r);
  core.inner.data = r->data;
  core.receive = recv;
  const auto receive = [](::raft_io* network, raft_message* message) {
    ::raft_io* own = static_cast<::raft*>(network->data)->io;
    Core& receiver = of(own);
    // Who answers no more is not to take a leader's word either: raft then asks for votes, is
    // refused, and says that it is unavailable.
    if (receiver.appends.failure() != 0) return discard(*message);
    receiver.replies.begin_message(*message);
    receiver.receive(own, message);
    receiver.replies.end_message();
  };
  return core.told(core.inner.start(&core.inner, msecs, tick, receive), core.inner.errmsg);
}

int RaftIo::Core::send(::raft_io* r, raft_io_send* request, const raft_message* message,
                       raft_io_send_cb cb) {
  Core& core = of(r);
  raft_message sent = *message;
  if (sent.type == RAFT_IO_APPEND_ENTRIES_RESULT) {
    auto& result = sent.append_entries_result;
    result = core.replies.correct(result);
    if (core.appends.failure() != 0 && result.rejected == 0) result.last_log_index = 0;
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
                         unsigned n, raft_io_append_cb cb) {
  request->cb = cb;
  return of(r).unless_failed([&](Core& core) {
    const int failed = core.told(core.appends.add(request, entries, n));
    if (failed == 0) core.replies.take();
    return failed;
  });
}

int RaftIo::Core::snapshot_put(::raft_io* r, unsigned trailing, raft_io_snapshot_put* request,
                               const raft_snapshot* snapshot, raft_io_snapshot_put_cb cb) {
  request->cb = cb;
  return of(r).unless_failed([&](Core& core) { return core.put(trailing, request, snapshot); });
}

int RaftIo::Core::put(unsigned trailing, raft_io_snapshot_put* request,
                      const raft_snapshot* snapshot) try {
  // raft says 0 for one that comes from its leader, and of its own where it keeps no entries.
  const bool replaces = trailing == 0 && !store.has(snapshot->index, snapshot->term);
  struct Put {
    int status = 0;
    std::string text{};
  };
  const auto put = std::make_shared<Put>();
  const int failed = Work::start(
      loop,
      [this, put, replaces, snapshot] {
        put->status = store.put_snapshot(replaces, *snapshot, put->text);
      },
      [this, put, replaces, request, snapshot] {
        snapshot_is_put(put->status, put->text, replaces, snapshot->index);
        --under_way;
        raft_buffer* leaked = replaces && put->status != 0 ? snapshot->bufs : nullptr;
        request->cb(request, put->status);
        raft_free(leaked);  // raft (0.15) forgets it where an install fails
        maybe_closed();
      });
  if (failed != 0) return failed;
  ++under_way;
  if (replaces) {
    appends.hold();
    replies.take();
  }
  return 0;
} catch (const std::bad_alloc&) {
  return RAFT_NOMEM;
}

// raft has forgotten its log for one that replaces it, also where it failed.
void RaftIo::Core::snapshot_is_put(int status, const std::string& text, bool replaces,
                                   raft_index index) {
  told(status, text.c_str());
  if (!replaces) return;
  if (status == 0) store.continue_behind(index);
  appends.go_on(status);
}

int RaftIo::Core::snapshot_get(::raft_io* r, raft_io_snapshot_get* request,
                               raft_io_snapshot_get_cb cb) {
  request->cb = cb;
  return of(r).unless_failed([&](Core& core) { return core.get(request); });
}

int RaftIo::Core::get(raft_io_snapshot_get* request) try {
  struct Got {
    int status = 0;
    raft_snapshot* snapshot = nullptr;
    std::string text{};
  };
  const auto got = std::make_shared<Got>();
  const int failed = Work::start(
      loop, [this, got] { got->status = store.get_snapshot(got->snapshot, got->text); },
      [this, got, request] {
        told(got->status, got->text.c_str());
        --under_way;
        request->cb(request, got->snapshot, got->status);
        maybe_closed();
      });
  if (failed == 0) ++under_way;
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
  if (!closing || !inner_closed || !appends.empty() || under_way > 0) return;
  if (listens) {
    listens = false;
    appends.wake_by(nullptr);
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
