#include "app/raft_io_store.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <utility>

namespace walkit::raft {

namespace {

struct Free {
  void operator()(void* memory) const { raft_free(memory); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

template <class T>
Owned<T> allocate(std::size_t count) {
  Owned<T> memory(static_cast<T*>(raft_malloc(count * sizeof(T))));
  if (count > 0 && memory == nullptr) throw std::bad_alloc();
  return memory;
}

raft_buffer copied(BytesView bytes) {
  if (bytes.empty()) return {};
  Owned<std::byte> memory = allocate<std::byte>(bytes.size());
  std::memcpy(memory.get(), bytes.data(), bytes.size());
  return {memory.release(), bytes.size()};
}

BytesView view(const raft_buffer& buffer) {
  return {static_cast<const std::byte*>(buffer.base), buffer.len};
}

EntryKind kind_of(unsigned short type) {
  if (type == RAFT_COMMAND) return EntryKind::command;
  return type == RAFT_CHANGE ? EntryKind::configuration : EntryKind::noop;
}

unsigned short type_of(EntryKind kind) {
  if (kind == EntryKind::command) return RAFT_COMMAND;
  return kind == EntryKind::configuration ? RAFT_CHANGE : RAFT_BARRIER;
}

// A line for each server: id, role and address.
Membership membership_of(const raft_configuration& configuration) {
  Membership members;
  for (unsigned n = 0; n < configuration.n; ++n) {
    const raft_server& server = configuration.servers[n];
    (server.role == RAFT_VOTER ? members.voters : members.learners).push_back(server.id);
    members.context +=
        std::to_string(server.id) + " " + std::to_string(server.role) + " " + server.address + "\n";
  }
  return members;
}

int configuration_of(std::string_view context, raft_configuration& configuration) {
  raft_configuration_init(&configuration);
  while (!context.empty()) {
    const std::size_t end = context.find('\n');
    const std::string_view line = context.substr(0, end);
    raft_id id = 0;
    int role = 0;
    const char* stop = line.data() + line.size();
    auto number = std::from_chars(line.data(), stop, id);
    if (number.ec != std::errc() || number.ptr == stop) return RAFT_MALFORMED;
    number = std::from_chars(number.ptr + 1, stop, role);
    if (number.ec != std::errc() || number.ptr == stop) return RAFT_MALFORMED;
    const std::string address(number.ptr + 1, stop);
    const int failed = raft_configuration_add(&configuration, id, address.c_str(), role);
    if (failed != 0) return failed;
    if (end == std::string_view::npos) break;
    context.remove_prefix(end + 1);
  }
  return 0;
}

constexpr std::size_t kCommandUnit = 8;

Error odd_length(std::size_t bytes) {
  return {.code = Errc::invalid_argument,
          .message = "a command of " + std::to_string(bytes) +
                     " bytes: libraft hands others on with the wrong bytes unless their length is "
                     "a multiple of " +
                     std::to_string(kCommandUnit),
          .next_step = "fill it up, and say its own length in it"};
}

/// Released by those to whom it is given, else here.
class LoadedSnapshot {
 public:
  LoadedSnapshot() : snapshot_(allocate<raft_snapshot>(1)) {
    *snapshot_ = {};
    raft_configuration_init(&snapshot_->configuration);
  }
  explicit LoadedSnapshot(raft_snapshot* loaded) : snapshot_(loaded) {}
  ~LoadedSnapshot() {
    if (!snapshot_) return;
    raft_configuration_close(&snapshot_->configuration);
    if (snapshot_->bufs != nullptr) raft_free(snapshot_->bufs[0].base);
    raft_free(snapshot_->bufs);
  }
  LoadedSnapshot(const LoadedSnapshot&) = delete;
  LoadedSnapshot& operator=(const LoadedSnapshot&) = delete;
  raft_snapshot* operator->() { return snapshot_.get(); }
  raft_snapshot* release() { return snapshot_.release(); }

 private:
  Owned<raft_snapshot> snapshot_;
};

}  // namespace

int to_raft_code(Errc code) {
  switch (code) {
    case Errc::no_memory:
      return RAFT_NOMEM;
    case Errc::no_space:
      return RAFT_NOSPACE;
    case Errc::corrupt:
    case Errc::torn:
    case Errc::decode:
    case Errc::gap:
      return RAFT_CORRUPT;
    case Errc::locked:
      return RAFT_BUSY;
    case Errc::too_large:
      return RAFT_TOOBIG;
    case Errc::not_found:
      return RAFT_NOTFOUND;
    case Errc::invalid_argument:
      return RAFT_INVALID;
    case Errc::closed:
      return RAFT_CANCELED;
    default:
      return RAFT_IOERR;
  }
}

namespace {

int told(const Error& error, std::string& text) noexcept {
  try {
    text = to_string(error);
  } catch (const std::bad_alloc&) {
    text.clear();
  }
  return to_raft_code(error.code);
}

}  // namespace

int RaftIoStore::answer(const Error& error) noexcept { return told(error, text_); }

int RaftIoStore::get_snapshot(raft_snapshot*& snapshot, std::string& text) const try {
  LoadedSnapshot loaded;
  Bytes state;
  const auto info = storage_.read_snapshot([&](BytesView chunk) -> Status {
    state.insert(state.end(), chunk.begin(), chunk.end());
    return {};
  });
  if (!info) return told(info.error(), text);
  loaded->index = info->index;
  loaded->term = info->term;
  loaded->configuration_index = info->membership_index;
  const int failed = configuration_of(info->membership.context, loaded->configuration);
  if (failed != 0) return failed;
  loaded->bufs = allocate<raft_buffer>(1).release();
  loaded->bufs[0] = {};
  loaded->n_bufs = 1;
  loaded->bufs[0] = copied(state);
  snapshot = loaded.release();
  return 0;
} catch (const std::bad_alloc&) {
  return RAFT_NOMEM;
}

int RaftIoStore::load(raft_term& term, raft_id& voted_for, raft_snapshot*& snapshot,
                      raft_index& start_index, raft_entry*& entries, std::size_t& n_entries) try {
  const HardState hard_state = storage_.hard_state();
  term = hard_state.term;
  voted_for = hard_state.vote.value_or(0);
  snapshot = nullptr;
  entries = nullptr;
  n_entries = 0;
  start_index = storage_.first_index();
  next_ = storage_.last_index() + 1;
  auto found = storage_.entries(start_index, next_, std::numeric_limits<std::uint64_t>::max());
  if (!found) return answer(found.error());
  if (storage_.snapshot_info()) {
    const int failed = get_snapshot(snapshot, text_);
    if (failed != 0) return failed;
  }
  if (found->empty()) return 0;
  entries = allocate<raft_entry>(found->size()).release();
  for (OwnedEntryBytes& entry : *found) {
    raft_entry& loaded = entries[n_entries];
    loaded = {};
    loaded.term = entry.term;
    loaded.type = type_of(entry.kind);
    loaded.buf = copied(entry.payload);  // with no batch: raft frees each
    entry.payload = Bytes();
    ++n_entries;
  }
  return 0;
} catch (const std::bad_alloc&) {
  for (std::size_t n = 0; n < n_entries; ++n) raft_free(entries[n].buf.base);
  raft_free(entries);
  entries = nullptr;
  n_entries = 0;
  const LoadedSnapshot released(std::exchange(snapshot, nullptr));
  return RAFT_NOMEM;
}

int RaftIoStore::bootstrap(const raft_configuration& configuration) {
  if (storage_.hard_state().term != 0 || storage_.last_index() != 0) return RAFT_CANTBOOTSTRAP;
  raft_buffer encoded{};
  const int failed = raft_configuration_encode(&configuration, &encoded);
  if (failed != 0) return failed;
  const Owned<void> owned(encoded.base);
  const EntryBytes entry{1, 1, EntryKind::configuration, view(encoded)};
  const int saved = answer(storage_.save(HardState{.term = 1}, {&entry, 1}));
  if (saved == 0) next_ = 2;
  return saved;
}

int RaftIoStore::recover(const raft_configuration& configuration) {
  raft_buffer encoded{};
  const int failed = raft_configuration_encode(&configuration, &encoded);
  if (failed != 0) return failed;
  const Owned<void> owned(encoded.base);
  const std::uint64_t last = storage_.last_index();
  HardState hard_state = storage_.hard_state();
  hard_state.term = std::max({hard_state.term, storage_.last_term(), std::uint64_t{1}});
  if (hard_state.term != storage_.hard_state().term) hard_state.vote.reset();
  const EntryBytes entry{last + 1, hard_state.term, EntryKind::configuration, view(encoded)};
  const int saved = answer(storage_.save(hard_state, {&entry, 1}));
  if (saved == 0) next_ = last + 2;
  return saved;
}

int RaftIoStore::set_term(raft_term term) {
  return answer(storage_.save(HardState{.term = term}, {}));
}

int RaftIoStore::set_vote(raft_id id) {
  return answer(storage_.save(HardState{.term = storage_.hard_state().term, .vote = id}, {}));
}

int RaftIoStore::append(const raft_entry* entries, unsigned n, Ticket& ticket) try {
  std::vector<EntryBytes> views;
  views.reserve(n);
  for (unsigned i = 0; i < n; ++i) {
    if (entries[i].type == RAFT_COMMAND && entries[i].buf.len % kCommandUnit != 0) {
      return answer(odd_length(entries[i].buf.len));
    }
    views.push_back({next_ + i, entries[i].term, kind_of(entries[i].type), view(entries[i].buf)});
  }
  auto saved = storage_.save_async(std::nullopt, views);
  if (!saved) return answer(saved.error());
  next_ += n;
  ticket = *saved;
  return 0;
} catch (const std::bad_alloc&) {
  return RAFT_NOMEM;
}

int RaftIoStore::truncate(raft_index index) {
  if (index == 0 || index > next_) return RAFT_INVALID;
  next_ = index;
  return 0;
}

bool RaftIoStore::has(raft_index index, raft_term term) const {
  const auto own = storage_.term_at(index);
  return index < next_ && own && *own == term;
}

int RaftIoStore::put_snapshot(bool replaces, const raft_snapshot& snapshot, std::string& text) try {
  SnapshotInfo info{.index = snapshot.index, .term = snapshot.term};
  info.membership = membership_of(snapshot.configuration);
  info.membership_index = snapshot.configuration_index;
  auto writer = replaces ? storage_.begin_install(info) : storage_.begin_snapshot(info);
  if (!writer) return told(writer.error(), text);
  for (unsigned n = 0; n < snapshot.n_bufs; ++n) {
    Status ok = writer->write(view(snapshot.bufs[n]));
    if (!ok) return told(ok.error(), text);
  }
  const Status ok = writer->commit();
  return ok ? 0 : told(ok.error(), text);
} catch (const std::bad_alloc&) {
  return RAFT_NOMEM;
}

int RaftIoStore::close() { return answer(storage_.close()); }

}  // namespace walkit::raft
