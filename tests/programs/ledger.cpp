#include "ledger.hpp"

#include <walkit/walkit.hpp>

#include "booking.hpp"

Ledger::Ledger(std::shared_ptr<walkit::Directory> dir, walkit::WalWriter<Booking> wal)
    : dir_(std::move(dir)), wal_(std::move(wal)) {}
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

walkit::Result<Ledger> Ledger::open(std::shared_ptr<walkit::Directory> dir) {
  auto wal = walkit::WalWriter<Booking>::open(dir);
  if (!wal) return wal.error();
  return Ledger(std::move(dir), std::move(*wal));
}

walkit::Result<walkit::EntryId> Ledger::book(std::string text, std::int64_t cents) {
  return wal_.append({std::move(text), cents});
}

walkit::Result<std::int64_t> Ledger::balance() const {
  const auto log = walkit::WalReader<Booking>::open(dir_);
  if (!log) return log.error();
  std::int64_t sum = 0;
  for (auto& record : log->cursor()) {
    if (!record) return record.error();
    sum += record->payload.cents;
  }
  return sum;
}
