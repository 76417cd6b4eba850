#pragma once

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

namespace walkit {

namespace log {
class LogCore;

/// What a ticket calls back; type-erased, since it may be move-only.
class TicketCallback {
 public:
  virtual ~TicketCallback() = default;
  virtual void call(Status status) noexcept = 0;
};
}  // namespace log

struct TicketAwaiter;

/// An entry on its way to the device. Asking (wait, on_durable, co_await) makes the log sync,
/// whatever its policy: nobody waits for a boundary that may not come. Copies are cheap and outlive
/// the writer, whose close() answers them all. Any thread.
class Ticket {
 public:
  Ticket() = default;  // of nothing: ready, wait() answers closed

  [[nodiscard]] EntryId entry_id() const noexcept { return id_; }  // of a batch: the last
  [[nodiscard]] bool ready() const noexcept;                       // wait() would not block
  /// Durable on success. poisoned: in doubt. invalid_argument: called in a callback, where it would
  /// wait for itself.
  Status wait() const;
  /// Calls callback(Status) once: now, on this thread, if ready; else on the log's thread, outside
  /// its locks, in the order of ids. It may be move-only, must not throw, may append_async (there
  /// it never waits for buffer space); a blocking call there answers invalid_argument.
  template <class F>
  void on_durable(F&& callback) const;
  /// Gives Result<EntryId>; resumes where on_durable calls back.
  [[nodiscard]] TicketAwaiter operator co_await() const&;
  // g++ 12 destroys the temporaries of `co_await f({a, b})` twice: name the ticket first.
  void operator co_await() const&& = delete;

 private:
  friend class LogWriter;
  Ticket(std::shared_ptr<log::LogCore> core, EntryId id) : core_(std::move(core)), id_(id) {}
  void call_when_durable(std::unique_ptr<log::TicketCallback> callback) const;

  std::shared_ptr<log::LogCore> core_{};
  EntryId id_{};
};

struct TicketAwaiter {
  Ticket ticket{};
  Status status{};  // of a ticket that was never given

  [[nodiscard]] bool await_ready() const noexcept { return !status || ticket.ready(); }
  template <class Handle>
  void await_suspend(Handle handle) const {
    ticket.on_durable([handle](const Status&) mutable { handle.resume(); });
  }
  Result<EntryId> await_resume() const {
    if (!status) return copy_of(status.error());
    if (Status ok = ticket.wait(); !ok) return std::move(ok).error();
    return ticket.entry_id();
  }
};

inline TicketAwaiter Ticket::operator co_await() const& { return {.ticket = *this}; }

/// `auto t = wal.append_async(e);  auto id = co_await t;`
[[nodiscard]] inline TicketAwaiter operator co_await(const Result<Ticket>& ticket) {
  if (!ticket) return {.status = copy_of(ticket.error())};
  return {.ticket = *ticket};
}
void operator co_await(Result<Ticket>&&) = delete;

template <class F>
void Ticket::on_durable(F&& callback) const {
  class Erased final : public log::TicketCallback {
   public:
    explicit Erased(F&& f) : f_(std::forward<F>(f)) {}
    void call(Status status) noexcept override { f_(std::move(status)); }

   private:
    std::decay_t<F> f_;
  };
  std::unique_ptr<log::TicketCallback> erased(new (std::nothrow) Erased(std::forward<F>(callback)));
  if (erased) return call_when_durable(std::move(erased));
  callback(Status(Error{.code = Errc::no_memory, .message = "out of memory"}));
}

}  // namespace walkit
