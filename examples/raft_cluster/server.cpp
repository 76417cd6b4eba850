// One server: C-Raft on walkit's log, and a port for clients. All of it runs in one libuv loop.
//
//   put KEY VALUE   ok, once the write is committed and applied here
//   get KEY         ok VALUE, as of now: every write that was answered before is in it
//   peek KEY        ok VALUE, as far as this replica has come
//   digest          ok APPLIED DIGEST, of this replica
//
// Other answers: "not leader, ask N" (0: nobody knows), and nothing was done; "unknown: ...", and
// the write may be done or not; "failed: ..." and "what?".

#include "server.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <walkit/app/raft_io.hpp>
#include <walkit/io/fs_directory.hpp>

#include "store.hpp"

extern "C" {  // which these headers do not say themselves
#include <raft.h>
#include <raft/uv.h>
}

namespace fs = std::filesystem;

namespace {

// Each is also the name of a function.
using Apply = struct raft_apply;
using Barrier = struct raft_barrier;

constexpr std::size_t kLineMax = 64 << 10;

class Server {
 public:
  explicit Server(const ServerOptions& options) : options_(options) {}
  int run();

 private:
  struct Connection {
    Server& server;
    std::uint64_t number;
    uv_tcp_t socket{};
    std::array<char, 4096> buffer{};
    std::string unread{};
  };
  /// A command or a barrier of raft's under way. Its client may be gone when it is done.
  template <class Raft>
  struct Request : Raft {
    Server* server = nullptr;
    std::uint64_t connection = 0;  // 0: nobody waits
    std::string key{};             // of a get
  };

  bool open();
  bool listen();
  void set_up_fsm();
  void look_around();
  void accept();
  void read(Connection& connection, ssize_t count);
  void obey(std::uint64_t connection, const std::string& line);
  void put(std::uint64_t connection, std::string_view command);
  void get(std::uint64_t connection, const std::string& key);
  void refuse(std::uint64_t connection, int code);
  void answer(std::uint64_t connection, std::string text);
  void hang_up(Connection& connection);
  void close();

  // code: what a call of raft's answered.
  bool failed(const std::string& what, int code) {
    if (code != 0) say(what + ": " + raft_errmsg(&raft_));
    return code != 0;
  }
  bool refused(const std::string& why) const {
    say(why);
    return false;
  }
  void say(const std::string& text) const {
    std::cout << "server " << options_.id << ": " << text << std::endl;
  }

  const ServerOptions& options_;
  Store store_{};
  uv_loop_t loop_{};
  raft_uv_transport transport_{};
  raft_io network_{};
  std::unique_ptr<walkit::raft::RaftIo> io_{};
  raft_fsm fsm_{};
  ::raft raft_{};
  Request<Barrier> first_of_term_{};
  raft_term leads_ = 0;  // newest term that it was elected for
  bool is_up_ = false, is_closing_ = false;

  uv_tcp_t listener_{};
  uv_check_t check_{};
  std::array<uv_signal_t, 2> signals_{};
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_{};
  std::uint64_t newest_connection_ = 0;
  std::vector<std::string> held_back_{};  // Lie::early
};

template <class Handle>
uv_handle_t* handle(Handle& h) {
  return reinterpret_cast<uv_handle_t*>(&h);
}

// libraft's receiver takes it that each command of a message begins at a multiple of eight, and its
// sender does not see to it: so the length of every command has to be one, with zeros behind it.
raft_buffer to_buffer(std::string_view text) {
  const std::size_t bytes = (text.size() + 7) / 8 * 8;
  raft_buffer buffer{raft_calloc(1, bytes), bytes};
  if (buffer.base == nullptr) std::abort();
  std::memcpy(buffer.base, text.data(), text.size());
  return buffer;
}

std::string_view to_text(const raft_buffer& buffer) {
  const std::string_view text(static_cast<const char*>(buffer.base), buffer.len);
  return text.substr(0, text.find_last_not_of('\0') + 1);
}

sockaddr_in to_socket_address(const std::string& address) {
  sockaddr_in to{};
  const auto colon = address.find(':');
  uv_ip4_addr(address.substr(0, colon).c_str(), std::stoi(address.substr(colon + 1)), &to);
  return to;
}

// The state machine: raft calls these in the loop.
void Server::set_up_fsm() {
  fsm_.version = 1;
  fsm_.data = this;
  fsm_.apply = [](raft_fsm* fsm, const raft_buffer* command, void** result) {
    static_cast<Server*>(fsm->data)->store_.apply(to_text(*command));
    *result = nullptr;
    return 0;
  };
  fsm_.snapshot = [](raft_fsm* fsm, raft_buffer** buffers, unsigned* count) {
    *buffers = static_cast<raft_buffer*>(raft_malloc(sizeof(raft_buffer)));
    if (*buffers == nullptr) return RAFT_NOMEM;
    (*buffers)[0] = to_buffer(static_cast<Server*>(fsm->data)->store_.save());
    *count = 1;
    return 0;
  };
  fsm_.restore = [](raft_fsm* fsm, raft_buffer* state) {
    auto& server = *static_cast<Server*>(fsm->data);
    if (!server.store_.load(to_text(*state))) return RAFT_MALFORMED;
    raft_free(state->base);
    if (server.is_up_) server.say("installed a snapshot of the leader's");
    return 0;
  };
}

bool Server::open() {
  if (options_.lie == Lie::forget) fs::remove_all(options_.folder);
  std::error_code error;
  fs::create_directories(options_.folder / "network", error);
  if (error) return refused("no folder " + options_.folder.string() + ": " + error.message());
  auto directory = walkit::FsDirectory::open(options_.folder / "log");
  if (!directory) return refused(to_string(directory.error()));

  // libraft's own raft_io for the network and the clock, walkit's for all that is to be kept.
  const std::string network = options_.folder / "network";
  raft_uv_tcp_init(&transport_, &loop_);
  raft_uv_init(&network_, &loop_, network.c_str(), &transport_);
  raft_uv_set_connect_retry_delay(&network_, 50);
  auto io = walkit::raft::RaftIo::open(network_, loop_, *directory,
                                       {.wal = {.segment_bytes = 256 << 10}});
  if (!io) return refused(to_string(io.error()));
  io_ = std::move(*io);

  set_up_fsm();
  const std::string& own = options_.addresses[options_.id - 1];
  if (failed("cannot begin", raft_init(&raft_, &io_->io(), &fsm_, options_.id, own.c_str()))) {
    return false;
  }
  raft_.data = this;
  raft_set_heartbeat_timeout(&raft_, 50);
  raft_set_election_timeout(&raft_, 250);  // it takes one to two of these to find a leader gone
  raft_set_pre_vote(&raft_, true);         // one who was away does not unseat who is there
  raft_set_snapshot_threshold(&raft_, 100);
  raft_set_snapshot_trailing(&raft_, 20);  // who is further behind gets the snapshot

  // The first start of all says who takes part. Later ones find that it has been said.
  raft_configuration members;
  raft_configuration_init(&members);
  for (unsigned n = 0; n < options_.addresses.size(); ++n) {
    raft_configuration_add(&members, n + 1, options_.addresses[n].c_str(), RAFT_VOTER);
  }
  const int begun = raft_bootstrap(&raft_, &members);
  raft_configuration_close(&members);
  if (begun != RAFT_CANTBOOTSTRAP && failed("cannot begin", begun)) return false;
  if (failed("cannot start", raft_start(&raft_))) return false;
  is_up_ = true;
  return true;
}

bool Server::listen() {
  const sockaddr_in at = to_socket_address(client_address(options_.addresses[options_.id - 1]));
  uv_tcp_init(&loop_, &listener_);
  listener_.data = this;
  const auto accept = [](uv_stream_t* listener, int status) {
    if (status == 0) static_cast<Server*>(listener->data)->accept();
  };
  const bool bound = uv_tcp_bind(&listener_, reinterpret_cast<const sockaddr*>(&at), 0) == 0 &&
                     uv_listen(reinterpret_cast<uv_stream_t*>(&listener_), 64, accept) == 0;
  return bound || refused("the clients' port is taken");
}

// After each turn of the loop.
void Server::look_around() {
  const int state = raft_state(&raft_);
  if (state == RAFT_UNAVAILABLE && !is_closing_) {
    say(std::string("cannot go on: ") + raft_errmsg(&raft_));
    std::_Exit(1);  // what was promised is durable
  }
  if (state != RAFT_LEADER || raft_.current_term == leads_) return;
  leads_ = raft_.current_term;
  say("leader of term " + std::to_string(leads_));
  // A leader may count the copies of an entry of its own term only; those before it are committed
  // with it. libraft 0.15 counts the others too. With an entry that follows them at once, before
  // any of them is sent, a majority of those is a majority of this one.
  if (failed("cannot lead", raft_barrier(&raft_, &first_of_term_, nullptr))) std::_Exit(1);
}

void Server::accept() {
  auto owned = std::make_unique<Connection>(Connection{*this, ++newest_connection_});
  Connection& connection = *owned;
  connections_.emplace(connection.number, std::move(owned));
  uv_tcp_init(&loop_, &connection.socket);
  connection.socket.data = &connection;
  const auto memory = [](uv_handle_t* h, std::size_t, uv_buf_t* buffer) {
    auto& bytes = static_cast<Connection*>(h->data)->buffer;
    *buffer = uv_buf_init(bytes.data(), bytes.size());
  };
  const auto read = [](uv_stream_t* stream, ssize_t count, const uv_buf_t*) {
    auto& from = *static_cast<Connection*>(stream->data);
    from.server.read(from, count);
  };
  auto* stream = reinterpret_cast<uv_stream_t*>(&connection.socket);
  if (uv_accept(reinterpret_cast<uv_stream_t*>(&listener_), stream) != 0 ||
      uv_read_start(stream, memory, read) != 0) {
    hang_up(connection);
  }
}

void Server::read(Connection& connection, ssize_t count) {
  if (count < 0 || connection.unread.size() > kLineMax) return hang_up(connection);
  std::string& text = connection.unread;
  text.append(connection.buffer.data(), static_cast<std::size_t>(count));
  for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    const std::string line = text.substr(0, end);
    text.erase(0, end + 1);
    obey(connection.number, line);
  }
}

void Server::obey(std::uint64_t connection, const std::string& line) {
  const auto space = line.find(' ');
  const std::string verb = line.substr(0, space);
  const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
  if (verb == "put" && rest.find(' ') != std::string::npos) {
    if (options_.lie != Lie::early || raft_state(&raft_) != RAFT_LEADER) {
      return put(connection, rest);
    }
    answer(connection, "ok");
    held_back_.push_back(rest);
    if (held_back_.size() < 8) return;
    for (const std::string& command : std::exchange(held_back_, {})) put(0, command);
  } else if (verb == "get") {
    get(connection, rest);
  } else if (verb == "peek") {
    answer(connection, "ok " + store_.get(rest));
  } else if (verb == "digest") {
    answer(connection, "ok " + std::to_string(raft_last_applied(&raft_)) + " " +
                           std::to_string(store_.digest()));
  } else {
    answer(connection, "what?");
  }
}

void Server::put(std::uint64_t connection, std::string_view command) {
  auto request = std::make_unique<Request<Apply>>();
  request->server = this;
  request->connection = connection;
  raft_buffer buffer = to_buffer(command);
  const auto done = [](Apply* r, int status, void*) {
    const std::unique_ptr<Request<Apply>> own(static_cast<Request<Apply>*>(r));
    own->server->answer(own->connection,
                        status == 0 ? "ok" : std::string("unknown: ") + raft_strerror(status));
  };
  const int code = raft_apply(&raft_, request.get(), &buffer, 1, done);
  if (code == 0) return static_cast<void>(request.release());  // it is raft's until it is done
  raft_free(buffer.base);
  refuse(connection, code);
}

// What it reads is applied behind an entry that began after the question came: so no other leader
// has answered a write that it does not see.
void Server::get(std::uint64_t connection, const std::string& key) {
  auto request = std::make_unique<Request<Barrier>>();
  request->server = this;
  request->connection = connection;
  request->key = key;
  const auto done = [](Barrier* r, int status) {
    const std::unique_ptr<Request<Barrier>> own(static_cast<Request<Barrier>*>(r));
    Server& server = *own->server;
    server.answer(own->connection, status == 0 ? "ok " + server.store_.get(own->key)
                                               : std::string("unknown: ") + raft_strerror(status));
  };
  const int code = raft_barrier(&raft_, request.get(), done);
  if (code == 0) return static_cast<void>(request.release());
  refuse(connection, code);
}

void Server::refuse(std::uint64_t connection, int code) {
  if (code != RAFT_NOTLEADER)
    return answer(connection, "failed: " + std::string(raft_errmsg(&raft_)));
  raft_id leader = 0;
  const char* address = nullptr;
  raft_leader(&raft_, &leader, &address);
  answer(connection, "not leader, ask " + std::to_string(leader));
}

void Server::answer(std::uint64_t connection, std::string text) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  text += "\n";
  uv_buf_t buffer = uv_buf_init(text.data(), static_cast<unsigned>(text.size()));
  // A client has few questions open, so that answers fit its socket: one who does not read is left.
  auto* stream = reinterpret_cast<uv_stream_t*>(&found->second->socket);
  if (uv_is_closing(handle(found->second->socket)) == 0 &&
      uv_try_write(stream, &buffer, 1) != static_cast<int>(text.size())) {
    hang_up(*found->second);
  }
}

void Server::hang_up(Connection& connection) {
  if (uv_is_closing(handle(connection.socket)) != 0) return;
  uv_close(handle(connection.socket), [](uv_handle_t* h) {
    auto& gone = *static_cast<Connection*>(h->data);
    gone.server.connections_.erase(gone.number);
  });
}

void Server::close() {
  if (std::exchange(is_closing_, true)) return;
  for (auto& signal : signals_) uv_close(handle(signal), nullptr);
  uv_close(handle(check_), nullptr);
  uv_close(handle(listener_), nullptr);
  for (auto& [number, connection] : connections_) hang_up(*connection);
  raft_close(&raft_, [](::raft* raft) {
    auto& server = *static_cast<Server*>(raft->data);
    raft_uv_close(&server.network_);
    raft_uv_tcp_close(&server.transport_);
  });
}

int Server::run() {
  uv_loop_init(&loop_);
  if (!open() || !listen()) return 1;
  check_.data = this;
  uv_check_init(&loop_, &check_);
  uv_check_start(&check_, [](uv_check_t* c) { static_cast<Server*>(c->data)->look_around(); });
  for (auto [signal, number] : {std::pair{&signals_[0], SIGTERM}, {&signals_[1], SIGINT}}) {
    signal->data = this;
    uv_signal_init(&loop_, signal);
    uv_signal_start(
        signal, [](uv_signal_t* s, int) { static_cast<Server*>(s->data)->close(); }, number);
  }
  say("began, applied through " + std::to_string(raft_last_applied(&raft_)));
  uv_run(&loop_, UV_RUN_DEFAULT);  // until nothing is open in it
  io_.reset();
  uv_loop_close(&loop_);
  say("closed");
  return 0;
}

}  // namespace

std::string client_address(const std::string& raft_address) {
  const auto port = raft_address.find(':') + 1;
  return raft_address.substr(0, port) + std::to_string(std::stoi(raft_address.substr(port)) + 100);
}

int serve(const ServerOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // a client that is gone is told by the write
  return Server(options).run();
}
