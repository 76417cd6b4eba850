#pragma once

#include "walkit/app/raft_log.hpp"

namespace walkit::raft {

template <class Command, class C>
Result<RaftLog<Command, C>> RaftLog<Command, C>::open(std::shared_ptr<Directory> directory,
                                                      RaftOptions options, C codec) {
  require_codec<C, Command>();
  auto storage = RaftStorage::open(std::move(directory), std::move(options), commands());
  if (!storage) return std::move(storage).error();
  return RaftLog(std::move(*storage), std::move(codec));
}

template <class Command, class C>
Result<RaftLog<Command, C>> RaftLog<Command, C>::open(const RaftLogGroup& log, std::uint64_t group,
                                                      C codec) {
  require_codec<C, Command>();
  auto storage = log.storage(group, commands());
  if (!storage) return std::move(storage).error();
  return RaftLog(std::move(*storage), std::move(codec));
}

template <class Command, class C>
Result<std::vector<EntryBytes>> RaftLog<Command, C>::encode(std::span<const Entry> entries,
                                                            std::vector<Bytes>& memory) const {
  return call_codec<Result<std::vector<EntryBytes>>>(
      Errc::encode, [&]() -> Result<std::vector<EntryBytes>> {
        std::vector<EntryBytes> encoded;
        encoded.reserve(entries.size());
        memory.resize(entries.size());
        for (const Entry& entry : entries) {
          EntryBytes bytes{.index = entry.index, .term = entry.term, .kind = entry.kind};
          if (entry.kind != EntryKind::command) {
            bytes.payload = entry.data;
          } else {
            Bytes& own = memory[encoded.size()];
            ByteSink sink(own, storage_.max_command_bytes());
            Status ok = encode_entry(codec_, entry.command, sink);
            if (!ok) return std::move(ok).error();
            bytes.payload = own;
          }
          encoded.push_back(bytes);
        }
        return encoded;
      });
}

template <class Command, class C>
auto RaftLog<Command, C>::decode(OwnedEntryBytes&& bytes) const -> Result<Entry> {
  Entry entry{.index = bytes.index, .term = bytes.term, .kind = bytes.kind};
  if (entry.kind != EntryKind::command) {
    entry.data = std::move(bytes.payload);
  } else if constexpr (std::same_as<Command, Bytes> && std::same_as<C, BytesCodec>) {
    entry.command = std::move(bytes.payload);
  } else {
    auto command = decode_entry<Command>(codec_, bytes.payload, bytes.schema);
    if (!command) return std::move(command).error();
    entry.command = *std::move(command);
  }
  return entry;
}

template <class Command, class C>
Status RaftLog<Command, C>::save(const Update<Command>& update) {
  std::vector<Bytes> memory;
  auto encoded = encode(update.entries, memory);
  if (!encoded) return std::move(encoded).error();
  return storage_.save(update.hard_state, *encoded);
}

template <class Command, class C>
Result<Ticket> RaftLog<Command, C>::save_async(const Update<Command>& update) {
  std::vector<Bytes> memory;
  auto encoded = encode(update.entries, memory);
  if (!encoded) return std::move(encoded).error();
  return storage_.save_async(update.hard_state, *encoded);
}

template <class Command, class C>
auto RaftLog<Command, C>::entries(std::uint64_t first, std::uint64_t last,
                                  std::uint64_t bytes_max) const -> Result<std::vector<Entry>> {
  auto found = storage_.entries(first, last, bytes_max);
  if (!found) return std::move(found).error();
  return call_codec<Result<std::vector<Entry>>>(Errc::decode, [&]() -> Result<std::vector<Entry>> {
    std::vector<Entry> entries;
    entries.reserve(found->size());
    for (OwnedEntryBytes& bytes : *found) {
      auto entry = decode(std::move(bytes));
      if (!entry) return std::move(entry).error();
      entries.push_back(std::move(*entry));
    }
    return entries;
  });
}

template <class Command, class C>
auto RaftLog<Command, C>::entry(std::uint64_t index) const -> Result<Entry> {
  auto found = entries(index, index, 0);
  if (!found) return std::move(found).error();
  if (found->empty()) {
    return Error{.code = Errc::not_found, .message = "it is the entry that comes next"};
  }
  return std::move(found->front());
}

template <class Command, class C>
Status RaftLog<Command, C>::save_snapshot(const SnapshotInfo& info, BytesView state) {
  auto writer = begin_snapshot(info);
  if (!writer) return std::move(writer).error();
  if (Status ok = writer->write(state); !ok) return ok;
  return writer->commit();
}

template <class Command, class C>
Status RaftLog<Command, C>::install_snapshot(const SnapshotInfo& info, BytesView state) {
  auto writer = begin_install(info);
  if (!writer) return std::move(writer).error();
  if (Status ok = writer->write(state); !ok) return ok;
  return writer->commit();
}

template <class Command, class C>
Result<Snapshot> RaftLog<Command, C>::snapshot() const {
  return call_codec<Result<Snapshot>>(Errc::no_memory, [&]() -> Result<Snapshot> {
    Snapshot whole;
    auto info = read_snapshot([&](BytesView chunk) -> Status {
      whole.state.insert(whole.state.end(), chunk.begin(), chunk.end());
      return {};
    });
    if (!info) return std::move(info).error();
    whole.info = std::move(*info);
    return whole;
  });
}

template <class Command, class C>
Result<RaftLeader<Command, C>> RaftLog<Command, C>::lead(std::uint64_t term) const {
  auto leadership = storage_.lead(term);
  if (!leadership) return std::move(leadership).error();
  return RaftLeader<Command, C>(std::move(*leadership), codec_, storage_.max_command_bytes());
}

template <class Command, class C>
Result<Bytes> RaftLeader<Command, C>::encode(const Command& command) const {
  return call_codec<Result<Bytes>>(Errc::encode, [&]() -> Result<Bytes> {
    Bytes bytes;
    ByteSink sink(bytes, bytes_max_);
    if (Status ok = encode_entry(codec_, command, sink); !ok) return std::move(ok).error();
    return bytes;
  });
}

// The index is taken when nothing can go wrong with the command any more.
template <class Command, class C>
Result<std::uint64_t> RaftLeader<Command, C>::append(const Command& command) const {
  const auto bytes = encode(command);
  if (!bytes) return bytes.error();
  return leadership_.complete(leadership_.reserve(), EntryKind::command, *bytes);
}

template <class Command, class C>
Status RaftLeader<Command, C>::append_async(const Command& command, Done done) const {
  const auto bytes = encode(command);
  if (!bytes) return bytes.error();
  return leadership_.complete_async(leadership_.reserve(), EntryKind::command, *bytes,
                                    std::move(done));
}

template <class Command, class C>
Result<std::uint64_t> RaftLeader<Command, C>::Reservation::append(const Command& command) {
  const auto bytes = leader_.encode(command);
  if (!bytes) return bytes.error();
  return leader_.leadership_.complete(std::exchange(index_, 0), EntryKind::command, *bytes);
}

template <class Command, class C>
Status RaftLeader<Command, C>::Reservation::append_async(const Command& command, Done done) {
  const auto bytes = leader_.encode(command);
  if (!bytes) return bytes.error();
  return leader_.leadership_.complete_async(std::exchange(index_, 0), EntryKind::command, *bytes,
                                            std::move(done));
}

}  // namespace walkit::raft
