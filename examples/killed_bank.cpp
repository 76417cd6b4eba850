// A bank that is killed in the middle of its transfers, again and again: no money comes or goes,
// and no transfer that was acknowledged is forgotten.

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <thread>
#include <vector>
#include <walkit/walkit.hpp>

#include <cereal/types/map.hpp>

struct Transfer {
  std::uint32_t from = 0, to = 0, cents = 0;
  template <class A>
  void serialize(A& a) {
    a(from, to, cents);
  }
};

constexpr std::uint32_t kAccounts = 10, kCentsEach = 1000;

struct Bank {
  using Entry = Transfer;
  std::map<std::uint32_t, std::uint32_t> cents{};
  std::uint64_t transfers = 0;

  Bank() {
    for (std::uint32_t account = 0; account < kAccounts; ++account) cents[account] = kCentsEach;
  }
  bool apply(const Transfer& transfer) {
    ++transfers;
    if (cents[transfer.from] < transfer.cents) return false;
    cents[transfer.from] -= transfer.cents;
    cents[transfer.to] += transfer.cents;
    return true;
  }
  template <class A>
  void serialize(A& a) {
    a(cents, transfers);
  }
};
using Journal = walkit::Journaled<Bank>;

Journal open() {
  auto dir = walkit::FsDirectory::open("bank").value();
  return Journal::open(dir, {.wal = {.segment_bytes = 1 << 16},
                             .checkpoint_every_entries = 50})  // so that it is killed in some
      .value();
}

// Transfers money from two threads until it is killed, with a byte for each one that is durable.
[[noreturn]] void work(int acknowledged) {
  Journal bank = open();
  const auto transfer = [&](std::uint32_t n) {
    for (;; n += 7) {
      if (!bank.apply({n % kAccounts, (n / 3) % kAccounts, n % 100})) std::_Exit(1);
      if (::write(acknowledged, "!", 1) != 1) std::_Exit(1);
    }
  };
  std::thread other(transfer, 1);
  transfer(2);
  std::_Exit(0);
}

// Kills it once so many were acknowledged. How many that were.
std::uint64_t run_and_kill(int count) {
  int pipe[2];
  if (::pipe(pipe) != 0) std::abort();
  const pid_t child = ::fork();
  if (child == 0) work(pipe[1]);
  ::close(pipe[1]);
  std::uint64_t acknowledged = 0;
  char byte = 0;
  const auto next = [&] { return ::read(pipe[0], &byte, 1) == 1; };
  while (acknowledged < static_cast<std::uint64_t>(count) && next()) ++acknowledged;
  ::kill(child, SIGKILL);
  while (next()) ++acknowledged;  // those on their way
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? acknowledged : 0;
}

int main() {
  std::uint64_t acknowledged = 0;
  for (int life = 1; life <= 5; ++life) {
    acknowledged += run_and_kill(100 * life);
    Journal bank = open();
    std::uint64_t sum = 0, transfers = 0;
    bank.read([&](const Bank& b) {
      for (const auto& [account, cents] : b.cents) sum += cents;
      transfers = b.transfers;
      return 0;
    });
    if (sum != kAccounts * kCentsEach || transfers < acknowledged) {
      std::cout << "the sum is " << sum << "; " << acknowledged << " were acknowledged, there are "
                << transfers << "\n";
      return 1;
    }
    acknowledged = transfers;  // what was shown is there for good
  }
  std::cout << "killed five times, and every cent is there\n";
}
