// A state machine on a log, written wrongly and rightly, and the test that tells them apart.
// [readme]
#include <iostream>
#include <map>
#include <string>
#include <walkit/testing/crash_test.hpp>
#include <walkit/walkit.hpp>

enum class Promise { when_applied, when_durable };

struct Deposit {
  std::string account{};
  int amount = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(account, amount);
  }
};

// Balances that are rebuilt from their log. A deposit is applied at once; the log is synced for
// three of them together.
class Bank {
 public:
  static walkit::Result<Bank> open(std::shared_ptr<walkit::Directory> dir, Promise promise) {
    auto wal = walkit::WalWriter<Deposit>::open(dir, {.flush = walkit::FlushPolicy::every_n(3)});
    if (!wal) return wal.error();
    Bank bank(std::move(*wal), promise);
    const auto log = walkit::WalReader<Deposit>::open(dir);
    if (!log) return log.error();
    for (const auto& record : log->cursor()) {
      if (!record) return record.error();
      bank.apply(record->payload);
    }
    return bank;
  }

  // True: the customer is told that the money is there.
  bool deposit(const Deposit& deposit) {
    const auto id = wal_.append(deposit);
    if (!id) return false;
    apply(deposit);
    // The bug: without the wait, the third deposit alone is on the disk when it is acknowledged.
    return promise_ == Promise::when_applied || wal_.wait_durable(*id).has_value();
  }
  int balance(const std::string& account) { return balances_[account]; }

 private:
  Bank(walkit::WalWriter<Deposit> wal, Promise promise) : wal_(std::move(wal)), promise_(promise) {}
  void apply(const Deposit& deposit) { balances_[deposit.account] += deposit.amount; }

  walkit::WalWriter<Deposit> wal_;
  Promise promise_;
  std::map<std::string, int> balances_{};
};

std::string verdict(Promise promise) {
  // Works until the power goes, and returns what customers were told.
  const auto run = [&](const std::shared_ptr<walkit::Directory>& dir) {
    int told = 0;
    auto bank = Bank::open(dir, promise);
    while (bank && told < 50 && bank->deposit({"ann", 10})) told += 10;
    return told;
  };
  // The invariant: after every power cut at least that much is there.
  const auto check = [&](const std::shared_ptr<walkit::Directory>& dir,
                         int told) -> walkit::Status {
    auto bank = Bank::open(dir, promise);
    if (!bank) return bank.error();
    const int found = bank->balance("ann");
    if (found >= told) return {};
    return walkit::Error{
        .code = walkit::Errc::corrupt,
        .message = "ann has " + std::to_string(found) + ", and was told " + std::to_string(told)};
  };
  const auto report = walkit::testing::crash_test({.states_max = 2000}, run, check);
  if (!report) std::cerr << report.error() << "\n";  // names the power cut, and how to repeat it
  return report ? "no money is lost" : "money is lost";
}

int main() {
  std::cout << "told when applied: " << verdict(Promise::when_applied) << "\n"
            << "told when durable: " << verdict(Promise::when_durable) << "\n";
}
// [/readme]
