// A state rebuilt from its log, tried in every state that a power cut or a kill can leave.
#include <cstdio>
#include <string>
#include <vector>
#include <walkit/testing/crash_test.hpp>
#include <walkit/walkit.hpp>

#include "check.hpp"

struct Deposit {
  std::uint32_t account = 0;
  std::int64_t cents = 0;
  template <class A>
  void serialize(A& a) {
    a(account, cents);
  }
};

struct Sums {
  std::int64_t acknowledged = 0, submitted = 0;
};

Sums deposit(const std::shared_ptr<walkit::Directory>& dir) {
  Sums sums;
  auto wal = walkit::WalWriter<Deposit>::open(dir);
  for (const std::int64_t cents : {1, 10, 100}) {
    if (!wal) break;
    sums.submitted += cents;
    if (!wal->append({1, cents})) break;
    sums.acknowledged += cents;
  }
  return sums;
}

walkit::Status money_is_there(const std::shared_ptr<walkit::Directory>& dir, const Sums& sums) {
  auto wal = walkit::WalWriter<Deposit>::open(dir);
  if (!wal) return wal.error();
  const auto log = walkit::WalReader<Deposit>::open(dir);
  if (!log) return log.error();
  std::int64_t balance = 0;
  for (auto& record : log->cursor()) {
    if (!record) return record.error();
    balance += record->payload.cents;
  }
  if (balance == sums.acknowledged || balance == sums.submitted) return {};
  return walkit::Error{.code = walkit::Errc::corrupt,
                       .message = "found " + std::to_string(balance)};
}

int main() {
  using walkit::testing::Crash;
  for (const Crash crash : {Crash::power_cut, Crash::process_kill}) {
    const auto report = walkit::testing::crash_test(
        {.states_max = 3000, .crash = crash, .recovery_depth = 1}, deposit, money_is_there);
    if (!report) std::fprintf(stderr, "%s\n", to_string(report.error()).c_str());
    CHECK(report && report->crash_points > 10 && report->states >= report->crash_points);
  }

  // A check that asks for too much fails, and names what repeats it.
  const auto wrong = walkit::testing::crash_test(
      {.states_max = 100}, deposit, [](const std::shared_ptr<walkit::Directory>& dir, const Sums&) {
        return money_is_there(dir, {.acknowledged = 111, .submitted = 111});
      });
  CHECK(!wrong && wrong.error().message.find("crash_point") != std::string::npos);
}
