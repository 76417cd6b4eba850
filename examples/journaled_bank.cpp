#include <iostream>
#include <map>
#include <string>
#include <walkit/walkit.hpp>

#include <cereal/types/map.hpp>

struct Transfer {
  std::string from, to;
  int cents = 0;
  template <class A>
  void serialize(A& a) {
    a(from, to, cents);
  }
};

// A state says what its entries are, how to apply one, and how it is saved. The outcome depends on
// the state and the entry alone: after a crash it is applied again.
struct Bank {
  using Entry = Transfer;
  std::map<std::string, int> accounts{{"ann", 500}, {"bob", 500}};

  bool apply(const Transfer& transfer) {
    if (accounts[transfer.from] < transfer.cents) return false;
    accounts[transfer.from] -= transfer.cents;
    accounts[transfer.to] += transfer.cents;
    return true;
  }
  template <class A>
  void serialize(A& a) {
    a(accounts);
  }
};

int main() {
  auto dir = walkit::FsDirectory::open("bank").value();
  auto bank = walkit::Journaled<Bank>::open(dir).value();  // the state before the last crash

  const bool paid = bank.apply({"ann", "bob", 20}).value();  // it returned: it is durable
  const int left = bank.read([](const Bank& b) { return b.accounts.at("ann"); });
  std::cout << (paid ? "paid" : "refused") << ", ann has " << left << "\n";
}
