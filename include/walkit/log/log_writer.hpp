#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "walkit/base/bytes.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/options.hpp"
#include "walkit/log/reports.hpp"
#include "walkit/log/ticket.hpp"

namespace walkit {

class WalMaintenance;  // walkit/maintenance.hpp

/// WalWriter's compiled half: entries are bytes that a codec made. Each call does what the call of
/// the same name on WalWriter says; an application uses that one. Any thread may call; moving,
/// assigning and destroying it need it alone.
class LogWriter {
 public:
  /// codec: the four characters that name who made the bytes; type: "" is not checked.
  struct Contents {
    std::uint32_t codec = 0;
    EntryType type{};
  };
  static Result<LogWriter> open(std::shared_ptr<Directory> directory, WalOptions options,
                                Contents contents);
  LogWriter(LogWriter&&) noexcept;
  LogWriter& operator=(LogWriter&&) noexcept;
  ~LogWriter();

  Result<EntryIdRange> append(std::span<const BytesView> payloads);
  Result<Ticket> append_async(std::span<const BytesView> payloads);
  Status flush();
  Status sync();
  Status wait_durable(EntryId id);
  /// A marker behind all that was appended so far: durable on return, and all of that with it. It
  /// uses no id. body: of MarkerBody; at most 64 KiB less a frame's header (too_large). no_space,
  /// no_memory: nothing happened, and the writer goes on. Costs a write and a sync; where there
  /// is no segment yet, what the first append of a writer does.
  Status write_marker(BytesView body);
  Status close();

  [[nodiscard]] EntryId next_entry_id() const;
  [[nodiscard]] EntryId durable_entry_id() const;
  [[nodiscard]] std::optional<EntryId> last_entry_id() const;
  [[nodiscard]] std::uint64_t appended_bytes() const noexcept;
  [[nodiscard]] LogIdentity log_identity() const;
  [[nodiscard]] RecoveryReport recovery() const;
  [[nodiscard]] Verdict verdict() const;
  [[nodiscard]] WalStats stats() const;
  [[nodiscard]] WalMaintenance maintenance() const;
  /// That of the options; nullptr: none.
  [[nodiscard]] WalObserver* observer() const;
  /// What a codec may write for one entry.
  [[nodiscard]] std::uint32_t max_entry_bytes() const;

  /// Memory to encode into, which the log keeps between calls, so that an append allocates none.
  /// Where another thread has it: the caller's own. It ends before the writer does.
  class Buffer {
   public:
    explicit Buffer(const LogWriter& log) noexcept;
    ~Buffer();
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    Bytes bytes{};

   private:
    log::LogCore* lender_;  // none: nothing was lent
  };

 private:
  explicit LogWriter(std::shared_ptr<log::LogCore> core);
  std::shared_ptr<log::LogCore> core_;  // none: moved from
};

}  // namespace walkit
