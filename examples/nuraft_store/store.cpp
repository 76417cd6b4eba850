#include "store.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <optional>
#include <walkit/io/fs_directory.hpp>

using nuraft::buffer;
using nuraft::buffer_serializer;
using nuraft::cluster_config;
using nuraft::cs_new;
using nuraft::int32;
using nuraft::int64;
using nuraft::log_entry;
using nuraft::log_val_type;
using nuraft::ptr;
using nuraft::srv_state;
using nuraft::ulong;
using walkit::raft::EntryBytes;
using walkit::raft::EntryKind;
using walkit::raft::OwnedEntryBytes;

namespace {

constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();

[[noreturn]] void stop(const walkit::Error& error) {
  std::cerr << "this server cannot go on: " << error << std::endl;
  std::abort();
}

template <class T>
T checked(walkit::Result<T> result) {
  if (!result) stop(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::string to_string(const buffer& bytes) {
  return {reinterpret_cast<const char*>(bytes.data_begin()), bytes.size()};
}

ptr<buffer> to_buffer(std::string_view bytes) {
  ptr<buffer> made = buffer::alloc(bytes.size());
  made->put_raw(reinterpret_cast<const nuraft::byte*>(bytes.data()), bytes.size());
  made->pos(0);
  return made;
}

// An entry's payload: what NuRaft wants to have again with it, then its bytes.
constexpr std::size_t kHeaderBytes = 1 + 8 + 1 + 4;

walkit::Bytes payload_of(const log_entry& entry) {
  const ptr<buffer> data = entry.get_buf_ptr();
  const std::size_t bytes = data ? data->size() : 0;
  ptr<buffer> out = buffer::alloc(kHeaderBytes + bytes);
  buffer_serializer to(out);
  to.put_u8(entry.get_val_type());
  to.put_u64(entry.get_timestamp());
  to.put_u8(entry.has_crc32() ? 1 : 0);
  to.put_u32(entry.get_crc32());
  if (bytes > 0) to.put_raw(data->data_begin(), bytes);
  const auto* begin = reinterpret_cast<const std::byte*>(out->data_begin());
  return {begin, begin + out->size()};
}

ptr<log_entry> entry_of(const OwnedEntryBytes& kept) {
  ptr<buffer> in = to_buffer(walkit::as_text(kept.payload));
  if (in->size() < kHeaderBytes) stop({.code = walkit::Errc::decode, .message = "a short entry"});
  buffer_serializer from(in);
  const auto type = static_cast<log_val_type>(from.get_u8());
  const std::uint64_t timestamp = from.get_u64();
  const bool has_crc = from.get_u8() != 0;
  const std::uint32_t crc = from.get_u32();
  ptr<buffer> data = to_buffer(walkit::as_text(kept.payload).substr(kHeaderBytes));
  return cs_new<log_entry>(kept.term, data, type, timestamp, has_crc, crc, false);
}

// walkit wants to know of configurations; the rest is NuRaft's own.
EntryKind kind_of(log_val_type type) {
  if (type == log_val_type::app_log) return EntryKind::command;
  return type == log_val_type::conf ? EntryKind::configuration : EntryKind::noop;
}

}  // namespace

// ---- Store --------------------------------------------------------------------------------------

std::shared_ptr<Store> Store::open(const std::string& folder, std::uint64_t reserved) {
  const auto directory = checked(walkit::FsDirectory::open(folder));
  auto log = checked(walkit::raft::RaftStorage::open(
      checked(directory->subdirectory("log", walkit::OpenMode::create)),
      {.wal = {.segment_bytes = 1 << 20}, .trailing_entries = reserved},
      {.codec = walkit::CodecId{"nurf"}.value}));
  auto papers = checked(walkit::Journaled<Papers>::open(
      checked(directory->subdirectory("papers", walkit::OpenMode::create)),
      {.wal = {.segment_bytes = 64 << 10}, .checkpoint_every_entries = 100}));
  return std::shared_ptr<Store>(new Store(std::move(log), std::move(papers)));
}

Papers Store::papers() const {
  return papers_.read([](const Papers& papers) { return papers; });
}

void Store::save(Papers::Kind kind, const std::string& bytes) {
  checked(papers_.apply({kind, bytes}));
}

void Store::save_snapshot(const nuraft::snapshot& snapshot, walkit::BytesView state, From from) {
  walkit::raft::SnapshotInfo info{.index = snapshot.get_last_log_idx(),
                                  .term = snapshot.get_last_log_term()};
  cluster_config& config = *snapshot.get_last_config();
  for (const auto& server : config.get_servers()) {
    auto& ids = server->is_learner() ? info.membership.learners : info.membership.voters;
    ids.push_back(static_cast<std::uint64_t>(server->get_id()));
  }
  info.membership.context = to_string(*config.serialize());
  info.membership_index = config.get_log_idx();
  auto writer =
      checked(from == From::leader ? log_.begin_install(info) : log_.begin_snapshot(info));
  checked(writer.write(state));
  checked(writer.commit());
}

ptr<nuraft::snapshot> Store::snapshot(walkit::Bytes* state) {
  auto info = log_.snapshot_info();
  if (!info) return nullptr;
  if (state != nullptr) {
    state->clear();
    info = checked(log_.read_snapshot([&](walkit::BytesView chunk) -> walkit::Status {
      state->insert(state->end(), chunk.begin(), chunk.end());
      return {};
    }));
  }
  const ptr<buffer> config = to_buffer(info->membership.context);
  return cs_new<nuraft::snapshot>(info->index, info->term, cluster_config::deserialize(*config));
}

// ---- LogStore -----------------------------------------------------------------------------------

ulong LogStore::next_slot() const { return store_->log().last_index() + 1; }

ulong LogStore::start_index() const {
  return std::max<ulong>(store_->log().first_index(), compacted_ + 1);
}

// Where there is none it still has to have the last one's term, which a vote is compared with.
ptr<log_entry> LogStore::last_entry() const {
  const auto found = store_->log().entries(store_->log().last_index(), kAll, 1);
  if (found && !found->empty()) return entry_of(found->front());
  return cs_new<log_entry>(store_->log().last_term(), nullptr);
}

ulong LogStore::append(ptr<log_entry>& entry) {
  const ulong index = next_slot();
  write_at(index, entry);
  return index;
}

// In memory until the batch ends, or it is flushed.
void LogStore::write_at(ulong index, ptr<log_entry>& entry) {
  const walkit::Bytes payload = payload_of(*entry);
  const EntryBytes kept{index, entry->get_term(), kind_of(entry->get_val_type()), payload};
  checked(store_->log().save_async(std::nullopt, {&kept, 1}));
}

void LogStore::end_of_append_batch(ulong, ulong) { checked(store_->log().sync()); }

bool LogStore::flush() {
  checked(store_->log().sync());
  return true;
}

ptr<std::vector<ptr<log_entry>>> LogStore::log_entries(ulong start, ulong end) {
  return log_entries_ext(start, end, 0);
}

// A hint of 0 is none; below it, NuRaft wants no entries at all.
ptr<std::vector<ptr<log_entry>>> LogStore::log_entries_ext(ulong start, ulong end,
                                                           int64 bytes_hint) {
  auto found = cs_new<std::vector<ptr<log_entry>>>();
  if (start >= end || bytes_hint < 0) return found;
  const std::uint64_t bytes = bytes_hint == 0 ? kAll : static_cast<std::uint64_t>(bytes_hint);
  const auto kept = store_->log().entries(start, end - 1, bytes);
  if (!kept && kept.error().code != walkit::Errc::gap) stop(kept.error());
  if (!kept || (bytes == kAll && kept->size() != end - start)) return nullptr;
  for (const OwnedEntryBytes& entry : *kept) found->push_back(entry_of(entry));
  return found;
}

ptr<log_entry> LogStore::entry_at(ulong index) {
  const auto found = log_entries(index, index + 1);
  return found && !found->empty() ? found->front() : nullptr;
}

ulong LogStore::term_at(ulong index) { return store_->log().term_at(index).value_or(0); }

// For a server that joins: entries one behind the other, each with its term and size in front.
ptr<buffer> LogStore::pack(ulong index, int32 count) {
  const auto kept =
      checked(store_->log().entries(index, index + static_cast<ulong>(count) - 1, kAll));
  std::size_t bytes = 4;
  for (const OwnedEntryBytes& entry : kept) bytes += 8 + 4 + entry.payload.size();
  ptr<buffer> packed = buffer::alloc(bytes);
  buffer_serializer to(packed);
  to.put_u32(static_cast<std::uint32_t>(kept.size()));
  for (const OwnedEntryBytes& entry : kept) {
    to.put_u64(entry.term);
    to.put_bytes(entry.payload.data(), entry.payload.size());
  }
  return packed;
}

void LogStore::apply_pack(ulong index, buffer& pack) {
  buffer_serializer from(pack);
  std::vector<EntryBytes> entries(from.get_u32());
  for (EntryBytes& entry : entries) {
    entry.index = index++;
    entry.term = from.get_u64();
    std::size_t bytes = 0;
    const auto* data = static_cast<const std::byte*>(from.get_bytes(bytes));
    entry.payload = {data, bytes};
    entry.kind = kind_of(static_cast<log_val_type>(data[0]));
  }
  checked(store_->log().save(std::nullopt, entries));
}

bool LogStore::compact(ulong last) {
  const auto snapshot = store_->log().snapshot_info();
  if (!snapshot || snapshot->index < last) return false;
  for (ulong known = compacted_; known < last && !compacted_.compare_exchange_weak(known, last);) {
  }
  return true;
}

// ---- StateManager -------------------------------------------------------------------------------

ptr<cluster_config> StateManager::load_config() {
  const std::string kept = store_->papers().configuration;
  if (kept.empty()) return first_;
  const ptr<buffer> bytes = to_buffer(kept);
  return cluster_config::deserialize(*bytes);
}

void StateManager::save_config(const cluster_config& config) {
  store_->save(Papers::Kind::configuration, to_string(*config.serialize()));
}

// The flags come first: with an old term they are no harm.
void StateManager::save_state(const srv_state& state) {
  const srv_state flags(0, -1, state.is_election_timer_allowed(), state.is_catching_up(),
                        state.is_receiving_snapshot());
  const std::string bytes = to_string(*flags.serialize());
  if (bytes != store_->papers().server_state) store_->save(Papers::Kind::server_state, bytes);
  walkit::raft::HardState hard{.term = state.get_term()};
  if (state.get_voted_for() >= 0) hard.vote = static_cast<std::uint64_t>(state.get_voted_for());
  checked(store_->log().save(hard, {}));
}

ptr<srv_state> StateManager::read_state() {
  const std::string kept = store_->papers().server_state;
  if (kept.empty()) return nullptr;
  const ptr<buffer> bytes = to_buffer(kept);
  const ptr<srv_state> flags = srv_state::deserialize(*bytes);
  const auto hard = store_->log().hard_state();
  return cs_new<srv_state>(hard.term, hard.vote ? static_cast<int>(*hard.vote) : -1,
                           flags->is_election_timer_allowed(), flags->is_catching_up(),
                           flags->is_receiving_snapshot());
}

ptr<nuraft::log_store> StateManager::load_log_store() { return cs_new<LogStore>(store_); }

void StateManager::system_exit(int code) { std::cerr << "NuRaft gives up: " << code << std::endl; }
