// A callback that can only be moved: it holds the promise of somebody who waits.
#include <future>
#include <string>
#include <walkit/walkit.hpp>

#include "check.hpp"

using Wal = walkit::WalWriter<std::string, walkit::BytesCodec>;

std::future<walkit::Status> submit(Wal& wal, const std::string& order) {
  std::promise<walkit::Status> promise;
  auto answer = promise.get_future();
  const auto ticket = wal.append_async(order);
  if (!ticket) {
    promise.set_value(ticket.error());
    return answer;
  }
  ticket->on_durable([promise = std::move(promise)](walkit::Status done) mutable {
    promise.set_value(std::move(done));
  });
  return answer;
}

int main() {
  auto wal = Wal::open(walkit::MemoryDirectory::create()).value();
  auto first = submit(wal, "first"), second = submit(wal, "second");
  CHECK(second.get());
  CHECK(first.get());
  CHECK(wal.durable_entry_id() == walkit::EntryId{2});
  CHECK(wal.close());
  CHECK(submit(wal, "late").get().error().code == walkit::Errc::closed);

  // On the log's thread a callback may append, and must not block: that is an error.
  auto quiet =
      Wal::open(walkit::MemoryDirectory::create(), {.flush = walkit::FlushPolicy::manual()})
          .value();
  std::promise<walkit::Status> appended, blocked;
  const auto ticket = quiet.append_async("first").value();
  ticket.on_durable([&](const walkit::Status&) {
    const auto more = quiet.append_async("second");
    blocked.set_value(quiet.sync());
    if (!more) return appended.set_value(more.error());
    more->on_durable([&](const walkit::Status& done) { appended.set_value(done); });
  });
  const walkit::Status refused = blocked.get_future().get();
  CHECK(!refused && refused.error().code == walkit::Errc::invalid_argument);
  CHECK(appended.get_future().get());
  CHECK(quiet.durable_entry_id() == walkit::EntryId{2});
}
