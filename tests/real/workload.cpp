// The program that is killed, starved and cut off. It appends entries that a checker can recompute,
// and says on stdout, which lies outside the file system under test, what it was promised:
//
//   s LIFE CALL COUNT      will append a batch of COUNT entries
//   a LIFE CALL FIRST      they are in the log from id FIRST
//   f LIFE ID, d LIFE ID   told to be flushed, durable through ID
//   o LIFE ID              open told that the log ends at ID, all of it durable
//   e LIFE CODE WHAT       a call failed
//   p LIFE                 the writer is poisoned: nothing may be accepted from here to the next o
//   c LIFE                 closed
//
//   real_workload write DIR seed=S life=L [appends=N] [threads=N] [safe=1] [ballast=FILE]
//   [lie=KIND] real_workload read DIR seed=S
//
// safe=1: only what is durable at every append. A lie makes a broken program, for a proof that the
// checker finds it: buffered and flushed tell of entries as durable that are only that, failed
// tells of an append that failed as done, deaf goes on with a new writer over a poisoned one's
// promise.

#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "entry.hpp"
#include "walkit/walkit.hpp"

namespace walkit::real {
namespace {

using Writer = WalWriter<Entry>;
using Arguments = std::map<std::string, std::string>;

std::uint64_t number(const Arguments& arguments, const char* name, std::uint64_t ordinary) {
  const auto found = arguments.find(name);
  return found == arguments.end() ? ordinary : std::strtoull(found->second.c_str(), nullptr, 10);
}

/// One line, one write: it is told before the next call begins, whatever happens to this process.
void tell(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    std::_Exit(9);
  }
  static const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  if (terminal) ::tcdrain(STDOUT_FILENO);  // a guest's serial line
}

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  std::mt19937_64 random_;
};

WalOptions random_options(Dice& dice) {
  const FlushPolicy policies[] = {
      FlushPolicy::every_append(),    FlushPolicy::every_append(),
      FlushPolicy::manual(),          FlushPolicy::every_n(5),
      FlushPolicy::every_bytes(2000), FlushPolicy::interval(std::chrono::milliseconds(1)),
  };
  WalOptions options;
  options.flush = policies[dice.below(std::size(policies))];
  if (dice.one_in(4)) options.durability = Durability::flushed;
  return options;
}

class Workload {
 public:
  Workload(std::shared_ptr<Directory> directory, const Arguments& arguments)
      : directory_(std::move(directory)),
        seed_(number(arguments, "seed", 1)),
        life_(number(arguments, "life", 1)),
        appends_(number(arguments, "appends", 300)) {
    Dice dice(mixed(seed_ ^ mixed(life_)));
    if (number(arguments, "safe", 0) == 0) options_ = random_options(dice);
    options_.segment_bytes = 4096 << dice.below(5);
    options_.layout = dice.one_in(4) ? Layout::whole_blocks : Layout::packed;
    options_.preallocation = dice.one_in(4) ? Preallocation::none : Preallocation::zero_fill;
    if (dice.one_in(3)) options_.compression = Compression::lz4;
    if (const auto prefill = arguments.find("prefill"); prefill != arguments.end()) {
      const bool zeros = prefill->second != "0";
      options_.preallocation = zeros ? Preallocation::zero_fill : Preallocation::none;
    }
    threads_ = number(arguments, "threads", dice.one_in(4) ? 2 : 1);
    if (const auto it = arguments.find("ballast"); it != arguments.end()) ballast_ = it->second;
    if (const auto it = arguments.find("lie"); it != arguments.end()) lie_ = it->second;
    if (lie_ == "buffered") options_.flush = FlushPolicy::manual();
    if (lie_ == "flushed") options_.flush = FlushPolicy::every_append();
    if (lie_ == "flushed") options_.durability = Durability::flushed;
  }

  int run() {
    if (!open()) return 2;
    while (call_ < appends_ && !stopped_) {
      std::vector<std::thread> others;
      const std::uint64_t until = std::min(appends_, call_ + 60);
      for (std::uint64_t t = 1; t < threads_; ++t) {
        others.emplace_back(
            [this, t, until] { append_some(Dice(mixed(seed_ + call_ + t)), until); });
      }
      append_some(Dice(mixed(seed_ ^ mixed(life_ + call_))), until);
      for (std::thread& other : others) other.join();
      if (!stopped_ && until < appends_ && !reopen()) return 2;
    }
    return stopped_ ? 3 : close() ? 0 : 3;
  }

 private:
  bool open() {
    auto writer = Writer::open(directory_, options_);
    if (!writer) {
      tell_error(writer.error());
      return false;
    }
    writer_ = std::make_unique<Writer>(std::move(*writer));
    tell("o " + words(writer_->last_entry_id().value_or(EntryId{}).value));
    return true;
  }

  bool close() {
    if (Status ok = writer_->close(); !ok) {
      tell_error(ok.error());
      return false;
    }
    tell_durable(writer_->durable_entry_id());
    tell("c " + std::to_string(life_));
    return true;
  }

  /// A second process life would cost more and show the same.
  bool reopen() { return close() && open(); }

  void append_some(Dice dice, std::uint64_t until) {
    while (!stopped_) {
      const std::uint64_t call = ++call_;
      if (call > until) break;
      append(dice, call);
      if (dice.one_in(12)) claim(writer_->flush(), 'f');
      if (dice.one_in(12)) claim(writer_->sync(), 'd');
    }
  }

  void append(Dice& dice, std::uint64_t call) {
    std::vector<Entry> entries;
    const std::uint32_t count = dice.one_in(5) ? static_cast<std::uint32_t>(2 + dice.below(6)) : 1;
    for (std::uint32_t k = 0; k < count; ++k) {
      entries.push_back(entry_of(
          seed_, {.life = static_cast<std::uint32_t>(life_), .k = k, .count = count, .n = call}));
    }
    tell("s " + words(call) + " " + std::to_string(count));
    const EntryId next = writer_->next_entry_id();
    const bool wait = dice.one_in(8);
    Result<EntryIdRange> ids = wait ? append_and_wait(entries) : writer_->append_batch(entries);
    if (!ids) {
      fail(ids.error());
      if (lie_ != "failed") return;
      ids = EntryIdRange{next, next + (count - 1)};
    }
    tell("a " + words(call) + " " + std::to_string(ids->first.value));
    if (wait || !lie_.empty()) {
      tell_durable(ids->last);
    } else if (options_.flush == FlushPolicy::every_append()) {
      const bool durable = options_.durability == Durability::durable;
      tell((durable ? "d " : "f ") + words(ids->last.value));
    }
    tell_durable(writer_->durable_entry_id());
  }

  Result<EntryIdRange> append_and_wait(const std::vector<Entry>& entries) {
    auto ticket = writer_->append_batch_async(entries);
    if (!ticket) return ticket.error();
    if (Status ok = ticket->wait(); !ok) return ok.error();
    return EntryIdRange{ticket->entry_id() - (entries.size() - 1), ticket->entry_id()};
  }

  /// Another thread may have appended meanwhile: what is told is what was there before the call.
  void claim(const Status& ok, char level) {
    if (!ok) return fail(ok.error());
    if (threads_ > 1) return;
    tell(level + (" " + words((writer_->next_entry_id() - std::uint64_t{1}).value)));
  }

  void tell_durable(EntryId id) {
    if (id.value != 0) tell("d " + words(id.value));
  }

  void fail(const Error& error) {
    tell_error(error);
    const Verdict verdict = writer_->verdict();
    if (verdict.failure) {
      if (lie_ != "failed") tell_durable(verdict.durable_through);
      // Of two threads one may tell of an earlier success after the other has told of the failure.
      if (threads_ == 1) tell("p " + std::to_string(life_));
      if (++refused_ > 3) stopped_ = true;
    } else if (error.code == Errc::no_space && !ballast_.empty()) {
      if (::unlink(ballast_.c_str()) == 0) tell("e " + std::to_string(life_) + " ballast removed");
    }
    if (++errors_ > 20) stopped_ = true;
  }

  void tell_error(const Error& error) {
    tell("e " + std::to_string(life_) + " " + to_string(error));
  }

  [[nodiscard]] std::string words(std::uint64_t what) const {
    return std::to_string(life_) + " " + std::to_string(what);
  }

  std::shared_ptr<Directory> directory_;
  std::uint64_t seed_, life_, appends_, threads_ = 1;
  WalOptions options_{};
  std::string ballast_{}, lie_{};
  std::unique_ptr<Writer> writer_{};
  std::atomic<std::uint64_t> call_{0}, errors_{0}, refused_{0};
  std::atomic<bool> stopped_{false};
};

int fail_with(const Error& error) {
  tell("e 0 " + to_string(error));
  return 2;
}

/// What the library's reader finds: "ID LIFE CALL K COUNT", and "wrong" behind an entry that is not
/// what the seed says.
int read(const std::shared_ptr<Directory>& directory, std::uint64_t seed) {
  auto reader = WalReader<Entry>::open(directory);
  if (!reader) return fail_with(reader.error());
  const auto print = [seed](WalRecord<Entry>& record) {
    const Entry& e = record.payload;
    std::printf("%lu %u %lu %u %u%s\n", record.entry_id.value, e.life, e.n, e.k, e.count,
                e.filler == filler_of(seed, e) ? "" : " wrong");
  };
  const auto summary = reader->replay_each(ReplayMode::best_effort, print);
  if (!summary) return fail_with(summary.error());
  std::printf("end\n");
  return 0;
}

}  // namespace
}  // namespace walkit::real

int main(int argc, char** argv) {
  using namespace walkit;
  real::Arguments arguments;
  for (int i = 3; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto equals = argument.find('=');
    if (equals != std::string::npos)
      arguments[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  const std::string verb = argc >= 3 ? argv[1] : "";
  if (verb != "write" && verb != "read") {
    std::fprintf(stderr, "usage: real_workload write|read DIR seed=S [life=L ...]\n");
    return 64;
  }
  const bool reads = verb == "read";
  const auto directory = FsDirectory::open(
      argv[2], {.access = reads ? FsAccess::read_only : FsAccess::create_if_missing});
  if (!directory) return real::fail_with(directory.error());
  if (reads) return real::read(*directory, real::number(arguments, "seed", 1));
  return real::Workload(*directory, arguments).run();
}
