#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <walkit/walkit.hpp>

struct Booking;  // complete where it is used

/// Holds a writer as a member, and moves with it.
class Ledger {
 public:
  static walkit::Result<Ledger> open(std::shared_ptr<walkit::Directory> dir);
  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;
  ~Ledger();

  walkit::Result<walkit::EntryId> book(std::string text, std::int64_t cents);
  [[nodiscard]] walkit::Result<std::int64_t> balance() const;

 private:
  Ledger(std::shared_ptr<walkit::Directory> dir, walkit::WalWriter<Booking> wal);

  std::shared_ptr<walkit::Directory> dir_;
  walkit::WalWriter<Booking> wal_;
};
