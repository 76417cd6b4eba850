#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "walkit/codec.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/log_writer.hpp"
#include "walkit/log/maintenance.hpp"
#include "walkit/log/options.hpp"
#include "walkit/log/reports.hpp"
#include "walkit/log/ticket.hpp"

namespace walkit {

template <class E>
class CerealCodec;  // walkit/cereal_codec.hpp; walkit.hpp includes it

/// The one writer of a log. Entries are encoded before a call returns. A failed write or sync is
/// final: that call and all later ones answer `poisoned`; verdict() says what is safe; open again.
/// too_large, encode, no_space, no_memory, and io where the next segment's file could not be made:
/// nothing was written, no id was used, and it goes on.
/// Moved-from or closed, it answers `closed`; so does the child of a fork. Any number of threads
/// may call it; moving, assigning and destroying it need it alone. One that is destroyed in its own
/// callback is closed by another thread, soon after.
template <class E, class C = CerealCodec<E>>
class WalWriter {
  static_assert(
      requires { sizeof(C); },
      "walkit: CerealCodec is not there. Include walkit/cereal_codec.hpp, which needs RTTI "
      "and exceptions, or name another codec: WalWriter<E, MyCodec>");

 public:
  /// Creates the log, or recovers and resumes it; all it finds is durable on return. locked:
  /// another writer has it. corrupt: acknowledged entries are gone; nothing was changed.
  /// incompatible: another type or codec, or a newer format. no_space, io.
  static Result<WalWriter> open(std::shared_ptr<Directory> directory, WalOptions options = {},
                                C codec = {});
  WalWriter(WalWriter&&) noexcept = default;
  /// Closes what it held, as does the destructor: their errors are lost; call close() to see them.
  WalWriter& operator=(WalWriter&&) noexcept = default;
  ~WalWriter() = default;

  /// On return as safe as WalOptions::flush and durability say: by default durable.
  Result<EntryId> append(const E& entry);
  /// All or nothing, in one frame; as safe as append. No entries: an empty range.
  Result<EntryIdRange> append_batch(std::span<const E> entries);
  Result<EntryIdRange> append_batch(std::initializer_list<E> entries) {
    return append_batch(std::span<const E>(entries.begin(), entries.size()));
  }
  /// Buffered on return; waits only while max_buffer_bytes are. Counts towards the policy as append
  /// does: at a boundary walkit's own thread starts a group.
  Result<Ticket> append_async(const E& entry);
  Result<Ticket> append_batch_async(std::span<const E> entries);

  Status flush();  // all appended so far survives a kill
  Status sync();   // all appended so far is durable
  /// Syncs if need be; success even when poisoned if it is durable. not_found: not appended yet.
  Status wait_durable(EntryId id);
  /// See LogWriter: a marker behind all that was appended so far, durable on return.
  Status write_marker(BytesView body) { return log_.write_marker(body); }
  /// Syncs, marks a clean end, unlocks; open tickets are answered.
  Status close();

  [[nodiscard]] EntryId next_entry_id() const { return log_.next_entry_id(); }
  [[nodiscard]] EntryId durable_entry_id() const { return log_.durable_entry_id(); }  // 0: none
  /// Appended last, even if trimmed since. none: nothing ever was.
  [[nodiscard]] std::optional<EntryId> last_entry_id() const { return log_.last_entry_id(); }
  /// What entries took in the buffer since open, lengths included. Cheap.
  [[nodiscard]] std::uint64_t appended_bytes() const noexcept { return log_.appended_bytes(); }
  [[nodiscard]] LogIdentity log_identity() const { return log_.log_identity(); }
  [[nodiscard]] RecoveryReport recovery() const { return log_.recovery(); }
  [[nodiscard]] Verdict verdict() const { return log_.verdict(); }  // also after close
  [[nodiscard]] WalStats stats() const { return log_.stats(); }
  /// Care of the log beside this writer: trims it, verifies it. It may outlive the writer.
  [[nodiscard]] WalMaintenance maintenance() const { return log_.maintenance(); }
  [[nodiscard]] WalObserver* observer() const { return log_.observer(); }  // nullptr: none

 private:
  WalWriter(LogWriter log, C codec) : log_(std::move(log)), codec_(std::move(codec)) {}

  // The payloads of a batch, one behind the other.
  struct Encoded {
    Bytes bytes{};
    std::vector<BytesView> payloads{};
  };
  Result<Encoded> encode(std::span<const E> entries) const;
  // Calls `use` with the payload of one entry: bytes as they are, others in memory of the log.
  template <class R, class F>
  R with_payload(const E& entry, F&& use) const;

  LogWriter log_;
  C codec_;
};

template <class E, class C>
Result<WalWriter<E, C>> WalWriter<E, C>::open(std::shared_ptr<Directory> directory,
                                              WalOptions options, C codec) {
  require_codec<C, E>();
  const EntryType type = options.entry_type.name.empty() ? entry_type<E> : options.entry_type;
  auto log =
      LogWriter::open(std::move(directory), std::move(options), {CodecId{C::id}.value, type});
  if (!log) return std::move(log).error();
  return WalWriter(std::move(*log), std::move(codec));
}

template <class E, class C>
auto WalWriter<E, C>::encode(std::span<const E> entries) const -> Result<Encoded> {
  return call_codec<Result<Encoded>>(Errc::encode, [&]() -> Result<Encoded> {
    Encoded encoded;
    std::vector<std::size_t> ends;
    ends.reserve(entries.size());
    for (const E& entry : entries) {
      ByteSink sink(encoded.bytes, log_.max_entry_bytes());
      if (Status ok = encode_entry(codec_, entry, sink); !ok) return std::move(ok).error();
      ends.push_back(encoded.bytes.size());
    }
    encoded.payloads.reserve(entries.size());
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      encoded.payloads.push_back(BytesView(encoded.bytes).subspan(begin, end - begin));
      begin = end;
    }
    return encoded;
  });
}

template <class E, class C>
template <class R, class F>
R WalWriter<E, C>::with_payload(const E& entry, F&& use) const {
  if constexpr (std::same_as<C, BytesCodec>) {
    return use(view_bytes(entry));
  } else {
    LogWriter::Buffer buffer(log_);
    ByteSink sink(buffer.bytes, log_.max_entry_bytes());
    if (Status ok = encode_entry(codec_, entry, sink); !ok) return std::move(ok).error();
    return use(BytesView(buffer.bytes));
  }
}

template <class E, class C>
Result<EntryId> WalWriter<E, C>::append(const E& entry) {
  return with_payload<Result<EntryId>>(entry, [&](BytesView payload) -> Result<EntryId> {
    auto ids = log_.append({&payload, 1});
    if (!ids) return std::move(ids).error();
    return ids->last;
  });
}

template <class E, class C>
Result<EntryIdRange> WalWriter<E, C>::append_batch(std::span<const E> entries) {
  auto encoded = encode(entries);
  if (!encoded) return std::move(encoded).error();
  return log_.append(encoded->payloads);
}

template <class E, class C>
Result<Ticket> WalWriter<E, C>::append_async(const E& entry) {
  return with_payload<Result<Ticket>>(entry, [&](BytesView payload) {
    return log_.append_async({&payload, 1});
  });
}

template <class E, class C>
Result<Ticket> WalWriter<E, C>::append_batch_async(std::span<const E> entries) {
  auto encoded = encode(entries);
  if (!encoded) return std::move(encoded).error();
  return log_.append_async(encoded->payloads);
}

template <class E, class C>
Status WalWriter<E, C>::flush() {
  return log_.flush();
}

template <class E, class C>
Status WalWriter<E, C>::sync() {
  return log_.sync();
}

template <class E, class C>
Status WalWriter<E, C>::wait_durable(EntryId id) {
  return log_.wait_durable(id);
}

template <class E, class C>
Status WalWriter<E, C>::close() {
  return log_.close();
}

}  // namespace walkit
