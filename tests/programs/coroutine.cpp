// Coroutines that wait for their entries to be durable.
#include <coroutine>
#include <exception>
#include <future>
#include <string>
#include <walkit/walkit.hpp>

#include "check.hpp"

using Wal = walkit::WalWriter<std::string, walkit::BytesCodec>;

/// Starts at once; its answer can be waited for outside of coroutines.
struct Task {
  struct promise_type {
    std::promise<walkit::Result<walkit::EntryId>> answer;
    Task get_return_object() { return {answer.get_future()}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_value(walkit::Result<walkit::EntryId> id) { answer.set_value(std::move(id)); }
    void unhandled_exception() { std::terminate(); }
  };
  std::future<walkit::Result<walkit::EntryId>> answer;
};

Task take_order(Wal& wal, std::string customer) {
  auto opened = wal.append_async(customer + " orders");
  if (const auto id = co_await opened; !id) co_return id.error();

  if (auto paid = wal.append_async(customer + " pays")) {
    const walkit::Ticket& ticket = *paid;  // a ticket as well as its Result
    co_return co_await ticket;
  } else {
    co_return paid.error();
  }
}

int main() {
  const auto dir = walkit::MemoryDirectory::create();
  auto wal = Wal::open(dir).value();
  Task ada = take_order(wal, "ada"), grace = take_order(wal, "grace");
  const auto paid = ada.answer.get(), also = grace.answer.get();
  CHECK(paid && also && *paid != *also);
  CHECK(wal.durable_entry_id() == walkit::EntryId{4});

  CHECK(wal.close());
  CHECK(take_order(wal, "late").answer.get().error().code == walkit::Errc::closed);

  const auto log = walkit::WalReader<std::string, walkit::BytesCodec>::open(dir).value();
  CHECK(log.read(*paid).value().payload == "ada pays");
  CHECK(log.read(*also).value().payload == "grace pays");
}
