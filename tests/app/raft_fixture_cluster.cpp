#include "app/raft_fixture_cluster.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "walkit/codec.hpp"

namespace walkit::raft {

namespace {

RaftOptions small_log() { return {.wal = {.segment_bytes = 8192}, .trailing_entries = 4}; }

}  // namespace

/// Waits as long as an append of the fixture's own takes.
struct FixtureNode::Delayed : raft_io_append {
  FixtureNode* node = nullptr;
  Run run{};
};

FixtureNode::FixtureNode(raft_fixture& fixture, unsigned index, std::uint64_t seed, Flaw flaw,
                         History& history)
    : fixture_(fixture),
      index_(index),
      flaw_(flaw),
      history_(history),
      random_(seed),
      device_(testing::CrashDirectory::create({.seed = seed})) {
  fsm_.version = 1;
  fsm_.data = this;
  fsm_.apply = [](raft_fsm* fsm, const raft_buffer* buffer, void** result) {
    std::uint64_t command = 0;
    std::memcpy(&command, buffer->base, sizeof command);
    static_cast<FixtureNode*>(fsm->data)->apply(command);
    *result = nullptr;
    return 0;
  };
  fsm_.snapshot = [](raft_fsm* fsm, raft_buffer** buffers, unsigned* n) {
    const auto& applied = static_cast<FixtureNode*>(fsm->data)->applied_;
    const std::size_t bytes = applied.size() * sizeof(std::uint64_t);
    *n = 1;
    *buffers = static_cast<raft_buffer*>(raft_malloc(sizeof(raft_buffer)));
    (*buffers)[0] = {raft_malloc(bytes), bytes};
    std::memcpy((*buffers)[0].base, applied.data(), bytes);
    return 0;
  };
  fsm_.restore = [](raft_fsm* fsm, raft_buffer* buffer) {
    auto& node = *static_cast<FixtureNode*>(fsm->data);
    std::vector<std::uint64_t> commands(buffer->len / sizeof(std::uint64_t));
    std::memcpy(commands.data(), buffer->base, buffer->len);
    raft_free(buffer->base);
    node.applied_.clear();
    for (const std::uint64_t command : commands) node.apply(command);
    return 0;
  };
  if (raft_fixture_grow(&fixture_, &fsm_) != 0) history_.violated("the fixture did not grow");
  of_fixture_ = server().io;
  take_over_io();
}

void FixtureNode::apply(std::uint64_t command) {
  const std::size_t position = applied_.size();
  applied_.push_back(command);
  if (position == history_.commands.size()) {
    history_.commands.push_back(command);
  } else if (history_.commands[position] != command) {
    history_.violated("server " + std::to_string(index_ + 1) + " applied " +
                      std::to_string(command) + " where another applied " +
                      std::to_string(history_.commands[position]));
  }
}

FixtureNode& FixtureNode::of(raft_io* io) {
  return *static_cast<FixtureNode*>(static_cast<::raft*>(io->data)->data);
}

void FixtureNode::take_over_io() {
  raft_io& io = server().io;
  server().raft.data = this;
  io.close = [](auto* r, raft_io_close_cb cb) { of(r).closed_ = cb; };
  io.start = [](auto* r, unsigned msecs, auto tick, raft_io_recv_cb receive) {
    of(r).receive_ = receive;
    const auto wrapped = [](raft_io* own, raft_message* message) {
      of(own).replies_.begin_message(*message);
      of(own).receive_(own, message);
      of(own).replies_.end_message();
    };
    return of(r).of_fixture_.start(r, msecs, tick, wrapped);
  };
  // The fixture's is a constant, with which all may be candidates for ever.
  io.random = [](auto* r, int low, int high) {
    return low + static_cast<int>(of(r).random_() % static_cast<unsigned>(high - low));
  };
  io.send = [](auto* r, auto* request, auto* message, auto cb) {
    raft_message sent = *message;
    if (sent.type == RAFT_IO_APPEND_ENTRIES_RESULT && of(r).flaw_ != Flaw::answers_as_raft_does) {
      sent.append_entries_result = of(r).replies_.correct(sent.append_entries_result);
    }
    return of(r).of_fixture_.send(r, request, &sent, cb);
  };
  io.load = [](auto* r, auto* term, auto* vote, auto** snapshot, auto* start, auto** entries,
               auto* n) { return of(r).load(term, vote, snapshot, start, entries, n); };
  io.bootstrap = [](auto* r, auto* configuration) {
    return of(r).answered(of(r).store_->bootstrap(*configuration));
  };
  io.set_term = [](auto* r, raft_term term) {
    const int failed = of(r).answered(of(r).store_->set_term(term));
    if (failed == 0) of(r).kept_ = {.term = term};
    return failed;
  };
  io.set_vote = [](auto* r, raft_id id) {
    FixtureNode& node = of(r);
    const bool forgets = node.flaw_ == Flaw::forgets_votes;
    const int failed = forgets ? 0 : node.answered(node.store_->set_vote(id));
    if (failed == 0) node.kept_.vote = id;
    return failed;
  };
  io.truncate = [](auto* r, raft_index index) {
    of(r).lets_go_behind(index - 1);
    return of(r).answered(of(r).store_->truncate(index));
  };
  io.append = [](auto* r, auto* request, const raft_entry* entries, unsigned n, auto cb) {
    request->cb = cb;
    return of(r).append(request, entries, n);
  };
  io.snapshot_put = [](auto* r, unsigned trailing, auto* request, const auto* snapshot, auto cb) {
    request->cb = cb;
    return of(r).put_snapshot(trailing, request, snapshot);
  };
  io.snapshot_get = [](auto* r, auto* request, auto cb) {
    request->cb = cb;
    return of(r).get_snapshot(request);
  };
}

// Raft is about to replace what is there: from now on it may be gone, or not yet.
void FixtureNode::lets_go_behind(std::uint64_t index) {
  kept_last_ = std::min(kept_last_, index);
  ++replaced_;
}

// A store may fail where there is no power, and nowhere else.
int FixtureNode::answered(int code) {
  if (code != 0 && up_ && !is_without_power()) {
    history_.violated("server " + std::to_string(index_ + 1) + ": " + store_->text());
  }
  return code;
}

int FixtureNode::delay(Run run) {
  if (!up_) return RAFT_CANCELED;
  static std::array<std::uint8_t, 8> bytes{};
  static const raft_entry nothing{1, RAFT_COMMAND, {bytes.data(), bytes.size()}, nullptr};
  auto delayed = std::make_unique<Delayed>();
  delayed->node = this;
  delayed->run = std::move(run);
  ++under_way_;
  return of_fixture_.append(&server().io, delayed.release(), &nothing, 1,
                            [](raft_io_append* request, int) {
                              const std::unique_ptr<Delayed> done(static_cast<Delayed*>(request));
                              --done->node->under_way_;
                              done->run(done->node->up_);
                            });
}

int FixtureNode::append(raft_io_append* request, const raft_entry* entries, unsigned n) {
  if (!up_) return RAFT_CANCELED;
  Ticket ticket;
  const int failed = answered(store_->append(entries, n, ticket));
  if (failed != 0) return failed;
  replies_.take();
  const std::uint64_t last = store_->storage().last_index();
  return delay([this, request, ticket, last, replaced = replaced_](bool up) {
    if (!up) return request->cb(request, 0);  // to a raft that is closing: it looks away
    if (flaw_ != Flaw::answers_before_the_sync && !ticket.wait()) {
      answered(RAFT_IOERR);
      return unanswered_.push_back(request);
    }
    if (replaced == replaced_) kept_last_ = std::max(kept_last_, last);
    request->cb(request, 0);
  });
}

int FixtureNode::put_snapshot(unsigned trailing, raft_io_snapshot_put* request,
                              const raft_snapshot* snapshot) {
  if (trailing == 0) {
    replies_.take();
    lets_go_behind(snapshot->index);
  }
  return delay([this, trailing, request, snapshot](bool up) {
    int failed = RAFT_CANCELED;
    std::string text;
    if (up) failed = answered(store_->put_snapshot(trailing == 0, *snapshot, text));
    if (failed == 0 && trailing == 0) {
      ++installs_;
      kept_last_ = snapshot->index;
      store_->continue_behind(snapshot->index);
    }
    raft_buffer* leaked = failed != 0 && trailing == 0 ? snapshot->bufs : nullptr;
    request->cb(request, failed);
    raft_free(leaked);  // raft forgets it where an install fails
  });
}

int FixtureNode::get_snapshot(raft_io_snapshot_get* request) {
  return delay([this, request](bool up) {
    raft_snapshot* snapshot = nullptr;
    std::string text;
    const int failed = up ? answered(store_->get_snapshot(snapshot, text)) : RAFT_CANCELED;
    request->cb(request, snapshot, failed);
  });
}

int FixtureNode::load(raft_term* term, raft_id* vote, raft_snapshot** snapshot, raft_index* start,
                      raft_entry** entries, std::size_t* count) {
  return answered(store_->load(*term, *vote, *snapshot, *start, *entries, *count));
}

bool FixtureNode::open() {
  auto storage = RaftStorage::open(device_, small_log(), {CodecId{"byte"}.value, {}});
  if (!storage) {
    if (!is_without_power()) history_.violated(to_string(storage.error()));
    return false;
  }
  expect_kept(*storage);
  store_.emplace(std::move(*storage));
  return true;
}

void FixtureNode::expect_kept(const RaftStorage& storage) {
  const HardState now = storage.hard_state();
  const bool same = now.term == kept_.term && (!kept_.vote || now.vote == kept_.vote);
  if (now.term < kept_.term || (now.term == kept_.term && !same)) {
    history_.violated("server " + std::to_string(index_ + 1) + " forgot its term or its vote");
  }
  if (storage.last_index() < kept_last_) {
    history_.violated("server " + std::to_string(index_ + 1) + " forgot entries: it had " +
                      std::to_string(kept_last_) + " and has " +
                      std::to_string(storage.last_index()));
  }
  kept_ = now;
}

void FixtureNode::start(const raft_configuration& configuration) {
  raft_set_snapshot_threshold(&raft(), 16);
  raft_set_snapshot_trailing(&raft(), 4);
  up_ = open() && raft_bootstrap(&raft(), &configuration) == 0;
  if (!up_ || raft_start(&raft()) != 0) history_.violated("a server did not start");
}

void FixtureNode::cut_power_at(std::uint64_t operation) {
  cut_ = operation;
  device_->cut_power_at(operation);
}

void FixtureNode::crash(testing::Crash kind) {
  up_ = false;
  cut_ = 0;
  device_ = device_->crash(kind);
  down_since_ = raft_fixture_time(&fixture_);
  raft_fixture_kill(&fixture_, index_);
  raft_close(&raft(), nullptr);
  answer_the_rest();
}

// Whose power went before they could be told. Raft is closing, and looks away.
void FixtureNode::answer_the_rest() {
  for (raft_io_append* request : std::exchange(unanswered_, {})) request->cb(request, 0);
}

void FixtureNode::closed() {
  answer_the_rest();
  std::exchange(closed_, nullptr)(&server().io);
}

// Its messages are under way for 15 ms.
bool FixtureNode::may_restart() const {
  return !up_ && under_way_ == 0 && raft_fixture_time(&fixture_) > down_since_ + 50;
}

bool FixtureNode::restart() {
  store_.reset();
  closed();
  applied_.clear();
  replies_ = {};
  raft_fixture_server& s = server();
  if (raft_init(&s.raft, &s.io, &fsm_, s.id, s.address) != 0) history_.violated("no memory");
  s.raft.data = this;
  raft_set_snapshot_threshold(&s.raft, 16);
  raft_set_snapshot_trailing(&s.raft, 4);
  up_ = true;
  up_ = open() && raft_start(&s.raft) == 0;
  if (up_) raft_fixture_revive(&fixture_, index_);
  return up_;
}

}  // namespace walkit::raft
