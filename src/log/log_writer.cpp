#include "walkit/log/log_writer.hpp"

#include <new>
#include <system_error>
#include <thread>

#include "log/log_core.hpp"
#include "log/open_log.hpp"
#include "log/survey.hpp"
#include "walkit/log/maintenance.hpp"

namespace walkit {
namespace {

using log::LogCore;

// Both fit into the string itself: there may be no memory for more.
Error moved_from() noexcept { return {.code = Errc::closed, .message = "moved from"}; }
Error no_ticket() noexcept { return {.code = Errc::closed, .message = "an empty ticket"}; }

// Errors have nobody to tell; close() told them.
void close_and_release(std::shared_ptr<LogCore>& core) noexcept {
  if (!core) return;
  if (core->on_own_thread()) {
    // Dropped in a callback: the log's thread cannot wait for its own end, so another one does.
    try {
      std::thread([core] { core->close().ignore("as documented"); }).detach();
      return core.reset();
    } catch (const std::system_error&) {
      new (std::nothrow) std::shared_ptr<LogCore>(core);  // kept for ever, and so is the lock
      return core.reset();
    }
  }
  core->close().ignore("as documented");
  // The core's condition variables have the parent's waiters, for whom their destructor would wait.
  if (core->in_fork_child()) new (std::nothrow) std::shared_ptr<LogCore>(core);
  core.reset();
}

}  // namespace

LogWriter::LogWriter(std::shared_ptr<LogCore> core) : core_(std::move(core)) {}
LogWriter::LogWriter(LogWriter&&) noexcept = default;

LogWriter& LogWriter::operator=(LogWriter&& other) noexcept {
  if (this != &other) {
    close_and_release(core_);
    core_ = std::move(other.core_);
  }
  return *this;
}

LogWriter::~LogWriter() { close_and_release(core_); }

Result<LogWriter> LogWriter::open(std::shared_ptr<Directory> directory, WalOptions options,
                                  Contents contents) try {
  if (!directory) return log::no_directory();
  StoredType type{.codec = contents.codec,
                  .name = std::string(contents.type.name),
                  .schema = contents.type.schema};
  const ReadOptions place{.subdirectory = options.subdirectory};
  auto start = log::open_log(*directory, std::move(options), std::move(type));
  if (!start) return start.error();
  start->place = std::make_shared<log::CarePlace>(std::move(directory), place);
  return LogWriter(std::make_shared<LogCore>(std::move(*start)));
} catch (const std::bad_alloc&) {
  // Fits into the string itself: there is no memory for more.
  return Error{.code = Errc::no_memory, .message = "out of memory"};
}

Result<EntryIdRange> LogWriter::append(std::span<const BytesView> payloads) {
  if (!core_) return moved_from();
  return core_->append(payloads, LogCore::Completion::policy);
}

Result<Ticket> LogWriter::append_async(std::span<const BytesView> payloads) {
  if (!core_) return moved_from();
  auto ids = core_->append(payloads, LogCore::Completion::ticket);
  if (!ids) return std::move(ids).error();
  return Ticket(core_, ids->last);
}

Status LogWriter::flush() {
  if (!core_) return moved_from();
  return core_->commit_all(Durability::flushed);
}

Status LogWriter::sync() {
  if (!core_) return moved_from();
  return core_->commit_all(Durability::durable);
}

Status LogWriter::wait_durable(EntryId id) {
  if (!core_) return moved_from();
  return core_->wait_durable(id);
}

Status LogWriter::write_marker(BytesView body) {
  if (!core_) return moved_from();
  return core_->write_marker(body);
}

Status LogWriter::close() {
  if (!core_) return moved_from();
  return core_->close();
}

EntryId LogWriter::next_entry_id() const { return core_ ? core_->next_entry_id() : EntryId{}; }
EntryId LogWriter::durable_entry_id() const {
  return core_ ? core_->durable_entry_id() : EntryId{};
}

std::optional<EntryId> LogWriter::last_entry_id() const {
  const EntryId last = next_entry_id() - 1;
  if (last == EntryId{}) return std::nullopt;
  return last;
}

LogIdentity LogWriter::log_identity() const {
  return core_ ? core_->log_identity() : LogIdentity{};
}

std::uint64_t LogWriter::appended_bytes() const noexcept {
  return core_ ? core_->appended_bytes() : 0;
}

RecoveryReport LogWriter::recovery() const {
  if (!core_) return {};
  const RecoveryReport& report = core_->report();
  try {
    return report;
  } catch (const std::bad_alloc&) {
    return {.origin = report.origin,
            .entries = report.entries,
            .rewritten = report.rewritten,
            .torn_bytes = report.torn_bytes,
            .suspect_bytes = report.suspect_bytes};
  }
}

Verdict LogWriter::verdict() const {
  if (core_) return core_->verdict();
  return {.failure = moved_from()};
}

WalMaintenance LogWriter::maintenance() const { return {core_ ? core_->place() : nullptr, core_}; }

WalObserver* LogWriter::observer() const {
  return core_ ? core_->options().observer.get() : nullptr;
}

WalStats LogWriter::stats() const { return core_ ? core_->stats() : WalStats{}; }

std::uint32_t LogWriter::max_entry_bytes() const {
  return core_ ? core_->options().max_entry_bytes : ~std::uint32_t{0};
}

LogWriter::Buffer::Buffer(const LogWriter& log) noexcept
    : lender_(log.core_ && log.core_->lend(bytes) ? log.core_.get() : nullptr) {}

LogWriter::Buffer::~Buffer() {
  if (lender_ != nullptr) lender_->take_back(bytes);
}

bool Ticket::ready() const noexcept { return !core_ || core_->answered(id_); }

Status Ticket::wait() const {
  if (!core_) return no_ticket();
  return core_->wait_durable(id_);
}

void Ticket::call_when_durable(std::unique_ptr<log::TicketCallback> callback) const {
  if (!core_) return callback->call(no_ticket());
  core_->call_when_durable(id_, std::move(callback));
}

}  // namespace walkit
