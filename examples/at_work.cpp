// [readme]
#include <iostream>
#include <string>
#include <variant>
#include <vector>
#include <walkit/walkit.hpp>

#include <cereal/types/variant.hpp>

struct Opened {
  std::string customer;
  template <class A>
  void serialize(A& a) {
    a(customer);
  }
};
struct Paid {
  std::uint64_t cents = 0;
  template <class A>
  void serialize(A& a) {
    a(cents);
  }
};
struct OrderEvent {
  std::uint64_t order = 0;
  std::variant<Opened, Paid> what;
  // Stored with the log: a program with another type, or an older schema, is refused by name.
  // New fields go to its end, new alternatives too, and raise the number. What stands inside
  // (Opened, Paid) may grow only if it was sized from the start: docs/entries.md.
  static constexpr walkit::EntryType entry_type{"shop.order", 1};
  template <class A>
  void serialize(A& a) {
    a(order, what);
  }
};

// Errors are values: a Result is a tl::expected, and its error prints as one line.
walkit::Status work(const std::shared_ptr<walkit::Directory>& dir) {
  auto wal = walkit::WalWriter<OrderEvent>::open(dir);
  if (!wal) return wal.error();
  std::cerr << to_string(wal->recovery()) << "\n";  // what was found, what was settled

  // All or nothing, one sync.
  const std::vector<OrderEvent> both{{1, Opened{"ada"}}, {1, Paid{4200}}};
  if (auto ids = wal->append_batch(both); !ids) return ids.error();

  // On its way while you go on; any number of threads share a sync.
  auto ticket = wal->append_async({2, Opened{"grace"}});
  if (!ticket) return ticket.error();
  ticket->on_durable([](const walkit::Status& done) { std::cerr << "safe: " << !!done << "\n"; });
  if (auto done = ticket->wait(); !done) return done;  // poisoned: see wal->verdict()

  return wal->close();  // tells what a destructor could not
}

int main() {
  const auto dir = walkit::FsDirectory::open("shop");
  const walkit::Status done = dir ? work(*dir) : dir.error();
  if (!done) std::cerr << done.error() << "\n";
  std::cout << (done ? "worked" : "failed") << "\n";
}
// [/readme]
